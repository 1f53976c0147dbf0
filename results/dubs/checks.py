"""Stores the open review checks of all dubs, so that lists and boards of many runs need not read their lines.

Whatever changes a dub's lines, language or limits sets `Dub.has_current_checks` to False, holding the run locked. A
worker then makes the dub's checks anew, once it has read the language of the lines. A dismissal is stored at once.
"""

import time
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from results import clock, queue
from results.db import bulk, chunks
from results.models import Cue, Dub, OpenCheck, Run, TeamVersion
from results.queue.backlogs import Quarantine
from results.transcripts import dismissals, languages, review_limits
from results.transcripts.dub_checks import checks_of
from results.transcripts.review import Kind, ReviewCheck
from teams import audit
from teams.models import Team, User

MAX_SECONDS = 3
# While runs are due, one task checks only so many, and the next comes with beat's tick.
DUBS_WHILE_BUSY = 5
# After each chunk a pause lets in a writer that waits for SQLite's write lock.
_DUBS_PER_CHUNK = 20
_PAUSE_SECONDS = 0.03
_ROWS_PER_QUERY = 500
_quarantine = Quarantine("The review checks of dub %s could not be stored")
_FIELDS = tuple(field.attname for field in OpenCheck._meta.concrete_fields if field.name != "id")


# --- The worker --------------------------------------------------------------------------------------


def set_limits(team: Team, **policy: Any) -> None:
    """Set the limits of the team's review checks, by the names of ReviewPolicy's fields; a worker checks anew."""
    told = ", ".join(f"{name}: {value}" for name, value in policy.items() if value is not None)
    with transaction.atomic():
        review_limits.set_policy(team, **policy)
        audit.record(team, audit.Action.SETTINGS_CHANGED, f"limits of review checks: {told or 'as in the guide'}")
    _recheck_team(team)


def reset_limits(team: Team) -> None:
    """Give the team the guide's limits again; a worker checks anew."""
    with transaction.atomic():
        review_limits.reset_policy(team)
        audit.record(team, audit.Action.SETTINGS_CHANGED, "limits of review checks: as in the guide")
    _recheck_team(team)


def _recheck_team(team: Team) -> None:
    chunks.update_in_chunks(team, Run.objects.current().filter(team=team).pks(), _mark)
    queue.enqueue("store_checks")


def _mark(run_pks: Collection[int]) -> None:
    Dub.objects.filter(run__in=run_pks).update(has_current_checks=False)


def sync_run(run: Run) -> None:
    """Delete the checks of an archived run, or have those of a restored one made.

    The caller holds the run locked.
    """
    if run.archived_at is None:
        _mark([run.pk])
        queue.enqueue("store_checks")
    else:
        OpenCheck.objects.filter(run=run).delete()


def store_pending() -> None:
    """Store the checks of dubs whose checks are outdated for MAX_SECONDS, then enqueue a task for the rest.

    While runs are due, refreshing them comes first: then one task stores the checks of DUBS_WHILE_BUSY dubs.
    """
    deadline = time.monotonic() + MAX_SECONDS
    outdated = Dub.objects.filter(has_current_checks=False, is_language_detected=True).order_by("-pk")
    while True:
        is_busy = Run.objects.askable(clock.now()).exists()
        others = outdated.exclude(pk__in=_quarantine.pks())
        dubs = list(others[: DUBS_WHILE_BUSY if is_busy else _DUBS_PER_CHUNK])
        for dub in dubs:
            with _quarantine.isolated(dub.pk), transaction.atomic():
                # Another worker may have been quicker.
                if outdated.filter(pk=dub.pk).exists():
                    store_checks(dub)
        if is_busy or not dubs:
            return
        if time.monotonic() > deadline:
            queue.enqueue("store_checks")
            return
        time.sleep(_PAUSE_SECONDS)


def store_checks(dub: Dub) -> None:
    """Make the dub's checks and store them, and the number that its run has; the caller is in a transaction."""
    # Whatever changes lines, limits or dismissals holds the run locked too.
    run = Run.objects.select_for_update().filter(pk=dub.run_id).first()
    found = Dub.objects.filter(pk=dub.pk).first()
    if run is None or found is None:
        return
    if run.archived_at is None:
        _replace(found, {(row.position, row.kind): row for row in _open_checks(found)})
        _count(run)
    Dub.objects.filter(pk=dub.pk).update(has_current_checks=True)


def _open_checks(dub: Dub) -> list[OpenCheck]:
    cues = list(dub.cues.all())
    return [
        _row(dub, cue, check)
        for cue, checks in zip(cues, checks_of(dub, cues), strict=True)
        for check, dismissed in checks
        if not dismissed
    ]


def _row(dub: Dub, cue: Cue, check: ReviewCheck) -> OpenCheck:
    return OpenCheck(
        team_id=dub.team_id,
        run_id=dub.run_id,
        dub_id=dub.pk,
        position=cue.position,
        start_ms=cue.start_ms,
        kind=check.kind.value,
        severity=check.kind.severity,
        language=languages.primary(dub.language),
        amount=check.amount,
        allowed=check.limit,
        is_of_text=check.is_of_text,
        other_language=check.language,
    )


def _replace(dub: Dub, wanted: dict[tuple[int, str], OpenCheck]) -> None:
    """Make these the dub's stored checks; those that stay keep their rows, and so their place on the board."""
    outdated = []
    for row in dub.open_checks.all():
        same = wanted.get((row.position, row.kind))
        if same and all(getattr(row, name) == getattr(same, name) for name in _FIELDS):
            del wanted[row.position, row.kind]
        else:
            outdated.append(row.pk)
    for start in range(0, len(outdated), _ROWS_PER_QUERY):
        OpenCheck.objects.filter(pk__in=outdated[start : start + _ROWS_PER_QUERY]).delete()
    bulk.insert(list(wanted.values()))


def _count(run: Run) -> None:
    """Set the number of the run's open checks; the caller holds the run locked."""
    count = OpenCheck.objects.filter(run=run).count()
    if count != run.check_count:
        Run.objects.filter(pk=run.pk).update(check_count=count, version=TeamVersion.bump(run.team_id))


# --- What people decide ------------------------------------------------------------------------------


def dismiss(cue: Cue, kind: Kind, reason: str, user: User) -> None:
    """Dismiss the cue's check of this kind; a second dismissal replaces the first one's reason."""
    with transaction.atomic():
        Run.objects.select_for_update().filter(pk=cue.run_id).first()
        dismissals.dismiss(cue, kind, reason, user)
        _record(cue.dub, f"review check dismissed: {kind.value}, line {cue.position}")
        store_checks(cue.dub)


def reopen(cue: Cue, kind: Kind) -> None:
    """Reopen the cue's dismissed check of this kind."""
    with transaction.atomic():
        Run.objects.select_for_update().filter(pk=cue.run_id).first()
        dismissals.reopen(cue, kind)
        _record(cue.dub, f"review check restored: {kind.value}, line {cue.position}")
        store_checks(cue.dub)


def dismiss_all(dub: Dub, kind: Kind, reason: str, user: User, lines: range | None = None) -> tuple[int, datetime]:
    """Dismiss all open checks of this kind in the dub, or in these lines of it, given by their positions.

    Returns their number, and when they were dismissed, by which `reopen_all` finds them.
    """
    now = timezone.now()
    # The API answers in milliseconds, and must find the dismissals by its answer.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    with transaction.atomic():
        Run.objects.select_for_update().filter(pk=dub.run_id).first()
        cues = list(dub.cues.all())
        wanted = [
            cue.position
            for cue, checks in zip(cues, checks_of(dub, cues), strict=True)
            if (lines is None or cue.position in lines)
            and any(check.kind == kind and not dismissed for check, dismissed in checks)
        ]
        dismissals.dismiss_lines(dub, cues, wanted, kind, reason, user, now)
        if wanted:
            _record(dub, f"review checks dismissed: {kind.value}, {len(wanted)} lines")
        store_checks(dub)
    return len(wanted), now


def reopen_all(dub: Dub, kind: Kind, dismissed_at: datetime) -> None:
    """Reopen the checks of this kind that `dismiss_all` dismissed at this time."""
    with transaction.atomic():
        Run.objects.select_for_update().filter(pk=dub.run_id).first()
        count, _models = dub.dismissed_checks.filter(kind=kind.value, dismissed_at=dismissed_at).delete()
        if count:
            _record(dub, f"review checks restored: {kind.value}, {count} lines")
        store_checks(dub)


def _record(dub: Dub, detail: str) -> None:
    chunks.record_runs(dub.team_id, audit.Action.RUNS_EDITED, [dub.run_id], detail)


def stretch_of(dub: Dub, position: int) -> range | None:
    """Return the positions of the stretch of foreign lines that this line is in; None if it is in none."""
    stretches = (range(first, last + 1) for first, last, _tag in dub.foreign_lines or ())
    return next((stretch for stretch in stretches if position in stretch), None)
