"""Changes any number of a team's runs in short transactions, so that other work goes on meanwhile."""

from collections.abc import Callable, Collection
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q

from results.models import Run, TeamVersion
from teams import audit
from teams.models import Team

_RUNS_PER_CHUNK = 1000


def update_in_chunks(
    team: Team,
    pks: Collection[int],
    change: Callable[[list[int]], object] = lambda pks: None,
    *,
    which: Q | None = None,
    audit_kind: str = "",
    audit_detail: str = "",
    **fields: Any,
) -> int:
    """Set these fields of the team's runs with these pks that match `which`; return the number of runs changed.

    The runs are changed in chunks, each in a short transaction, in which `change` is called with the chunk's pks.

    With `audit_kind`, the first chunk also brings an entry of the audit trail, which counts the runs of the later
    chunks too: what is done is in the trail even if the rest fails.

    One order of locks everywhere avoids deadlocks. Storing answers locks runs by pk, then the team's version, and
    adding runs locks the team first. So this locks the team, the runs by pk and the version.
    """
    rest, total, left, is_recorded = iter(sorted(pks)), 0, len(pks), not audit_kind
    runs = Run.objects.filter(which or Q(), team=team)
    while chunk := list(islice(rest, _RUNS_PER_CHUNK)):
        left -= len(chunk)
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=team.pk)
            locked = runs.filter(pk__in=chunk).select_for_update().order_by("pk").pks()
            if locked:
                change(locked)
                if not is_recorded:
                    record_runs(team, audit_kind, locked, audit_detail, more=left)
                    is_recorded = True
                total += Run.objects.filter(pk__in=locked).update(version=TeamVersion.bump(team.pk), **fields)
    return total


def record_runs(team: Team | int, kind: str, pks: Collection[int], detail: str = "", *, more: int = 0) -> None:
    """Add an entry of the audit trail about these runs and `more` others. A single run is named by its id."""
    is_one = len(pks) == 1 and not more
    if is_one and (run := Run.objects.filter(pk__in=pks).only("camb_run_id", "camb_task_id").first()):
        detail = f"{run.camb_name} · {detail}" if detail else run.camb_name
    audit.record(team, kind, detail, count=len(pks) + more)
