"""Reads the lines of a dub as plain rows: a page of which the lines are kept needs no more."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from results.db.replica import fetch_rows
from results.models import Cue, Dub

# The number of speaker colours in static/css/run_detail.css.
VOICES = 8

CueRow = tuple[Any, ...]

_FIELDS = tuple(field.attname for field in Cue._meta.concrete_fields)
# Raw SQL, as the ORM takes longer than the database.
_CUES = f"select {', '.join(_FIELDS)} from results_cue where dub_id = %s order by position"  # noqa: S608
POSITION, START, END, SPEAKER, TEXT = map(_FIELDS.index, ("position", "start_ms", "end_ms", "speaker", "text"))


def read_cues(dub: Dub) -> list[CueRow]:
    """Return the rows of the dub's lines in time order."""
    return fetch_rows(_CUES, [dub.pk])


def as_cue(row: CueRow) -> Cue:
    return Cue.from_db(DEFAULT_DB_ALIAS, _FIELDS, row)


def voices_of(rows: Iterable[CueRow]) -> dict[str, str]:
    """Return the colour of each speaker, in the order of their first lines."""
    speakers = dict.fromkeys(filter(None, map(itemgetter(SPEAKER), rows)))
    return {speaker: f"voice-{number % VOICES}" for number, speaker in enumerate(speakers)}
