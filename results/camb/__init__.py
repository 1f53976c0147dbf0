"""The client for CAMB.AI's HTTP API, and the only package that calls that API.

CAMB.AI's own terms, formats and irregularities end here. The rest of Dubroom sees plain dataclasses and three
errors.
"""

from results.camb.answers import CueAnswer, DubAnswer, LanguageAnswer, RunAnswer, TaskAnswer
from results.camb.client import ASK_THE_ADMINISTRATOR, BATCH_MAX, BATCH_MIN, Client
from results.camb.errors import CambError, Malformed, Refused, Unavailable
from results.camb.notes import UNIT_NOTES
from results.camb.parse import read_stored, reread_run
from results.camb.reasons import explain
from results.camb.times import KnownTimes

__all__ = [
    "ASK_THE_ADMINISTRATOR",
    "BATCH_MAX",
    "BATCH_MIN",
    "UNIT_NOTES",
    "CambError",
    "Client",
    "CueAnswer",
    "DubAnswer",
    "KnownTimes",
    "LanguageAnswer",
    "Malformed",
    "Refused",
    "RunAnswer",
    "TaskAnswer",
    "Unavailable",
    "explain",
    "read_stored",
    "reread_run",
]
