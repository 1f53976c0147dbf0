"""Chooses the search engine for the database in use: FTS5 on SQLite, tsvector with GIN on PostgreSQL."""

from django.db import connection

from results.search import postgres, sqlite

engine = postgres if connection.vendor == "postgresql" else sqlite
