"""The Django app of runs, dubs and cues."""

from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "results"
