"""Exports of dubs: one module for each file format, the list of formats, file names and ZIP archives."""
