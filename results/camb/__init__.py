"""What does CAMB.AI say about these runs? The only door to CAMB.AI; its words and its oddities die in here."""

from results.camb.client import BATCH_MAX, BATCH_MIN, Client
from results.camb.errors import CambError, Malformed, Refused, Unavailable
from results.camb.parse import CueAnswer, DubAnswer, LanguageAnswer, RunAnswer, TaskAnswer
from results.camb.reasons import explain

__all__ = [
    "BATCH_MAX",
    "BATCH_MIN",
    "CambError",
    "Client",
    "CueAnswer",
    "DubAnswer",
    "LanguageAnswer",
    "Malformed",
    "Refused",
    "RunAnswer",
    "TaskAnswer",
    "Unavailable",
    "explain",
]
