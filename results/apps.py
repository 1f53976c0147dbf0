"""The Django app of runs, dubs and everything that CAMB.AI is asked for."""

from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "results"
