"""Page model of the suggested sources: the runs of each, and why they look like one original."""

from collections import defaultdict
from typing import Any, NamedTuple

from dashboard.pages.source_list import SourceDub, dubs_of
from results.models import Run, RunQuerySet
from results.runs.source_names import without_language
from results.runs.source_suggestions import suggested, suggestion_counts
from results.transcripts import timecode

PAGE_SIZE = 20


class SuggestedRun(NamedTuple):
    """A run of a suggestion, ready to print."""

    pk: str
    run: Run
    languages: str
    length: str


class Suggestion(NamedTuple):
    """Runs that look like dubs of one original; `spread` is how far their lengths differ, in percent."""

    number: str
    name: str
    runs: list[SuggestedRun]
    spread: str


def suggestion_page(runs: RunQuerySet, before: int) -> dict[str, Any]:
    """Return the context of one page of a team's suggestions; their numbers are below `before`, unless it is 0."""
    offered = suggested(runs)
    numbers = offered.filter(suggestion__lt=before) if before else offered
    ordered = numbers.order_by("-suggestion").values_list("suggestion", flat=True).distinct()
    found = [number for number in ordered[: PAGE_SIZE + 1] if number]
    is_more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    by_number = defaultdict[int, list[Run]](list)
    for run in offered.filter(suggestion__in=found).order_by("pk"):
        by_number[run.suggestion or 0].append(run)
    dubs = defaultdict[int, list[SourceDub]](list)
    for dub in dubs_of(run for group in by_number.values() for run in group):
        dubs[dub.run.pk].append(dub)
    run_count, source_count = suggestion_counts(runs)
    return {
        "suggestions": [_suggestion(number, by_number[number], dubs) for number in found],
        "run_count": run_count,
        "source_count": source_count,
        "next": f"?before={found[-1]}" if is_more else "",
        "is_first": not before,
    }


def _suggestion(number: int, runs: list[Run], dubs: dict[int, list[SourceDub]]) -> Suggestion:
    longest, shortest = (limit(run.duration_ms for run in runs) for limit in (max, min))
    name = next((run.title for run in runs if run.title), "")
    return Suggestion(
        number=str(number),
        name=without_language(name) or name,
        runs=[
            SuggestedRun(
                str(run.pk),
                run,
                ", ".join(dub.name for dub in dubs[run.pk] if dub.language),
                timecode.short(run.duration_ms),
            )
            for run in runs
        ],
        spread=f"{100 * (longest - shortest) / max(longest, 1):.1f}",
    )
