"""The runs of a list, read as plain values: an instance of a model for each would take most of the page's time."""

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from results.models import Run, RunQuerySet
from results.models.runs import camb_name

_FIELDS = (
    "pk", "team", "camb_run_id", "camb_task_id", "title", "status", "reason", "checked_at", "due_at", "created_at",
    "duration_ms", "cue_count", "check_count", "version", "archived_at", "source", "given_language",
    "added_by__name", "added_by__email", "languages", "guessed_languages", "language_mismatches",
)  # fmt: skip


class ListedRun(NamedTuple):
    """All that a list shows of a run. Two that are equal look the same."""

    pk: int
    team_id: int
    camb_run_id: int | None
    camb_task_id: str
    title: str
    status: str
    reason: str
    checked_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    duration_ms: int
    cue_count: int
    check_count: int
    version: int
    archived_at: datetime | None
    source_id: int | None
    given_language: str
    added_by: str
    languages: tuple[str, ...]
    guessed_languages: tuple[str, ...]
    language_mismatches: tuple[tuple[str, str, int], ...]
    tag_names: tuple[str, ...]

    def __str__(self) -> str:
        return self.title or self.camb_name

    @property
    def camb_name(self) -> str:
        return camb_name(self.camb_run_id, self.camb_task_id)


def read_runs(runs: RunQuerySet, *, with_tags: bool = True) -> list[ListedRun]:
    """Return these runs in their order, by two queries, or by one without the names of their tags."""
    found = list(runs.values_list(*_FIELDS))
    tags = _tag_names([pk for pk, *_values in found]) if with_tags and found else {}
    return [
        ListedRun._make(
            (
                *values,
                name or email or "",
                tuple(spoken),
                tuple(guesses or ()),
                tuple(map(tuple, mismatches or ())),
                tuple(tags.get(values[0], ())),
            )
        )
        for *values, name, email, spoken, guesses, mismatches in found
    ]


def _tag_names(pks: list[int]) -> dict[int, list[str]]:
    """Return the names of each run's tags, in their order; nothing of a run without tags."""
    names = defaultdict[int, list[str]](list)
    filed = Run.tags.through.objects.filter(run__in=pks).order_by("tag__folded")
    for run, name in filed.values_list("run", "tag__name"):
        names[run].append(name)
    return names
