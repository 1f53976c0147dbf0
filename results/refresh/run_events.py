"""The events that a saved answer brings: a run became ready, failed or was not found, or a ready dub changed."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from results import clock
from results.models import Event, Run

Status = Run.Status
Kind = Event.Kind

# So much of a line is kept in an event.
MAX_LINE = 200
KINDS = {
    Status.READY.value: Kind.READY,
    Status.PARTLY.value: Kind.PARTLY,
    Status.FAILED.value: Kind.FAILED,
    Status.NOT_FOUND.value: Kind.NOT_FOUND,
}


class Line(NamedTuple):
    """A line of a transcript as it is compared: its start, and its text."""

    start_ms: int
    text: str


class DubChange(NamedTuple):
    """What changed in a dub of a run that was ready."""

    language: str
    at_ms: int | None
    detail: dict[str, Any]


def compare_lines(language: str, old: Sequence[Line], new: Sequence[Line]) -> DubChange:
    """Return how many lines of a dub came and went, and its first line that differs, before and after.

    Lines are counted and not aligned: that takes linear time, also for a transcript of five thousand lines.
    """
    before, after = Counter(line.text for line in old), Counter(line.text for line in new)
    detail: dict[str, Any] = {"added": (after - before).total(), "removed": (before - after).total()}
    pairs = zip(old, new, strict=False)
    position = next((number for number, (was, now) in enumerate(pairs) if was != now), min(len(old), len(new)))
    was, now = (lines[position] if position < len(lines) else None for lines in (old, new))
    if was:
        detail["before"] = was.text[:MAX_LINE]
    if now:
        detail["after"] = now.text[:MAX_LINE]
    return DubChange(language, now.start_ms if now else was.start_ms if was else None, detail)


def new_dub(language: str, lines: int) -> DubChange:
    return DubChange(language, None, {"lines": lines})


# The fields of an event that `build` gives.
FIELDS = ("team", "run", "kind", "language", "at_ms", "detail", "created_at")


def build(
    runs: Iterable[Run],
    before: Mapping[int, str],
    changes: Mapping[int, Sequence[DubChange]],
    missing: Mapping[int, Mapping[str, Sequence[str]]],
) -> list[tuple[Any, ...]]:
    """Return the events of these runs, whose statuses were `before`, as rows of FIELDS for `bulk.insert_values`.

    `missing` names what partly ready runs have not yet. A run that was ready does not become partly ready: what
    arrives later changes it.

    Rows and not models, because making and converting a model costs as much as writing the row does.
    """
    found: list[tuple[Any, ...]] = []
    for run in runs:
        was_ready = before[run.pk] == Status.READY
        if run.status != before[run.pk] and run.status in KINDS and not (was_ready and run.status == Status.PARTLY):
            detail: dict[str, Any] = {"reason": run.reason} if run.reason else {}
            if run.status == Status.PARTLY and run.pk in missing:
                detail["missing"] = missing[run.pk]
            found.append((run.team_id, run.pk, KINDS[run.status].value, "", None, json.dumps(detail)))
        elif was_ready and run.pk in changes:
            found += [
                (run.team_id, run.pk, Kind.CHANGED.value, change.language, change.at_ms, json.dumps(change.detail))
                for change in changes[run.pk]
            ]
    if not found:
        return []
    now = connection.ops.adapt_datetimefield_value(clock.now())
    return [(*row, now) for row in found]
