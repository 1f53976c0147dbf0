"""Saves the outcomes of calls: several short answers in one short transaction, each long one in its own."""

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Least
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from results import camb, clock
from results.db import bulk, health
from results.db.retry import retry_lost_race
from results.models import Event, Run, TeamVersion
from results.refresh import call_log, claims, merge, run_events
from results.refresh.call_log import CallLog
from results.refresh.claims import DueRun
from results.refresh.schedule import backoff, next_due, postpone
from teams.read_models import read_models

logger = logging.getLogger(__name__)

# More cues are not stored in one transaction, so that other writers do not wait long.
MAX_CUES_PER_TRANSACTION = 1000
# An answer that cannot be stored is asked for this many times, and then only by a person.
MAX_SAVE_ATTEMPTS = 5
# How long a run waits at most after its answer could not be stored, through no fault of its own.
MAX_UNSTORED = timedelta(seconds=90)
UNSTORABLE = _("CAMB.AI's answer could not be stored. Ask the administrator of this server, then refresh.")
RUN_FIELDS = (
    "camb_run_id",
    "status",
    "reason",
    "notes",
    "changed_at",
    "due_at",
    "requested_at",
    "attempts",
    "call_failures",
    "absences",
    "is_absence_verified",
    "lost_leases",
    "checked_at",
    "lease",
    "lease_until",
    "leased_by",
    "languages",
    "guessed_languages",
    "language_mismatches",
    "duration_ms",
    "cue_count",
    "is_compared",
    "version",
)

# What is not read of a run whose answer is saved: reading these fields takes longer than locking the row.
_NOT_READ = frozenset({
    "added_by", "call_failures", "check_count", "checked_at", "due_at", "is_apart", "lease_until", "leased_by",
    "lost_leases", "name_key", "removed_at", "removed_by", "requested_at", "suggestion", "version",
})  # fmt: skip

Answer = camb.RunAnswer | camb.TaskAnswer | Exception


class Outcome(NamedTuple):
    """CAMB.AI's answer about a run, or the error about it; stored only while the run is still under the lease."""

    pk: int
    lease: uuid.UUID
    asked_at: datetime
    answer: Answer
    is_verified: bool = False
    """A single call has confirmed that CAMB.AI says nothing about this run."""


def save_outcomes(outcomes: Sequence[Outcome], log: CallLog) -> dict[int, str]:
    """Store what was answered about a key's runs, with the call log; return what changed in words, by the run's pk.

    A run whose outcome breaks its transaction must not spoil the others: then each is stored alone. Only the one at
    fault is postponed, and after a few attempts only a person has it asked about again.
    """
    changes: dict[int, str] = {}
    failed = [outcome for outcome in outcomes if isinstance(outcome.answer, (camb.Unavailable, camb.Malformed))]
    for outcome in failed:
        changes |= _postpone(outcome)
    left = _split_by_size([outcome for outcome in outcomes if outcome not in failed]) or [[]]
    while left:
        share = left.pop()
        try:
            stored = _store(share, changes, None if left else log)
        except MemoryError:
            raise  # not the runs' fault, so no attempt to save counts
        except Exception as error:
            if len(share) > 1:
                left += [[outcome] for outcome in share]
                continue
            for outcome in share:
                if isinstance(error, health.TRANSIENT_ERRORS):
                    health.record_failure(error)
                    _postpone_unstored(outcome)
                else:
                    logger.exception("The answer about run %s could not be stored", outcome.pk)
                    changes[outcome.pk] = _postpone_failed_save(outcome)
        else:
            changes |= stored
            if not left:
                return changes
        for lease in {outcome.lease for share in left for outcome in share}:
            claims.renew(lease)
    call_log.write_log(log, changes)
    return changes


def _split_by_size(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Cut the outcomes so that no share has many more cues than MAX_CUES_PER_TRANSACTION, unless one run has."""
    shares: list[list[Outcome]] = []
    cues = MAX_CUES_PER_TRANSACTION
    for outcome in outcomes:
        if cues >= MAX_CUES_PER_TRANSACTION:
            shares.append([])
            cues = 0
        shares[-1].append(outcome)
        if isinstance(outcome.answer, camb.RunAnswer):
            cues += sum(len(dub.cues) for dub in outcome.answer.dubs)
    return shares


@retry_lost_race
@transaction.atomic
def _store(outcomes: Sequence[Outcome], earlier: dict[int, str], log: CallLog | None) -> dict[int, str]:
    """Store these outcomes in one transaction, except of runs that were removed or are leased anew.

    The call log comes with the last share; the changes of earlier shares are written in it too.
    """
    changes = dict.fromkeys((outcome.pk for outcome in outcomes), gettext("Replaced by a newer check."))
    by_run = {(outcome.pk, outcome.lease): outcome for outcome in outcomes}
    # One order of locks everywhere avoids deadlocks, and so the runs that tasks have become are locked with these.
    locked = _lock_runs([*changes, *_known_runs(outcomes)])
    runs = [run for run in locked if run.lease and (run.pk, run.lease) in by_run]
    before = {run.pk: run.status for run in runs}
    merging = merge.Merge(runs)
    for run in runs:
        assert run.lease  # noqa: S101
        outcome = by_run[run.pk, run.lease]
        run.checked_at, run.call_failures, run.lost_leases = outcome.asked_at, 0, 0
        run.is_absence_verified = run.is_absence_verified or outcome.is_verified
        match outcome.answer:
            case camb.RunAnswer() as answer:
                changes[run.pk] = merging.merge(run, answer, outcome.asked_at)
            case camb.TaskAnswer() as task:
                changes[outcome.pk] = merge.merge_task(run, task)
                if run.pk:
                    merging.keep_raw(run, task.raw, outcome.asked_at)
            case camb.Refused() as refusal:
                changes[run.pk] = merge.merge_refusal(run, refusal)
            case error:
                raise error
    merging.write()
    if log is not None:
        call_log.write_log(log, earlier | changes)
    version = TeamVersion.bump(runs[0].team_id) if runs else 0
    kept = [run for run in runs if run.pk]
    now = clock.now()
    for run in kept:
        run.due_at, run.version = next_due(run, now), version
        run.lease = run.lease_until = run.leased_by = run.requested_at = None
    bulk.update(Run, kept, RUN_FIELDS)
    bulk.insert_values(Event, run_events.FIELDS, run_events.build(kept, before, merging.changes, merging.missing))
    return changes


def _lock_runs(pks: Sequence[int]) -> list[Run]:
    """Read and lock these runs, without the fields that an answer sets in any case or that it does not concern."""
    lock = "" if connection.vendor == "sqlite" else " for update"
    marks = ", ".join(["%s"] * len(pks))
    return read_models(Run, f"where id in ({marks}) order by id{lock}", pks, without=_NOT_READ) if pks else []


def _known_runs(outcomes: Sequence[Outcome]) -> list[int]:
    """Return the runs that the team has of the ids that its tasks have got."""
    ids = {one.answer.run_id for one in outcomes if isinstance(one.answer, camb.TaskAnswer) and one.answer.run_id}
    teams = Run.objects.filter(pk__in=[outcome.pk for outcome in outcomes]).values("team")
    return Run.objects.filter(team__in=teams, camb_run_id__in=ids).pks() if ids else []


def _postpone(outcome: Outcome) -> dict[int, str]:
    """Ask later about a run whose id makes CAMB.AI fail, while others are answered."""
    assert isinstance(outcome.answer, camb.CambError)  # noqa: S101
    held = Run.objects.filter(pk=outcome.pk, lease=outcome.lease)
    for row in held.values_list(*DueRun._fields):
        postpone([DueRun(*row)], outcome.answer, is_at_fault=True)
        held.update(lease=None, lease_until=None, leased_by=None, requested_at=None)
    return {outcome.pk: ""}


def _postpone_unstored(outcome: Outcome) -> None:
    """Ask again later: while the database takes no answers, as when its disk is full, each call is for nothing.

    However often the run was asked about, it waits 90 seconds at most: its result may be there.
    """
    held = Run.objects.filter(pk=outcome.pk, lease=outcome.lease).exclude(due_at=None)
    with suppress(*health.TRANSIENT_ERRORS):  # then the worker's heartbeat gives the lease back
        for row in held.values_list(*DueRun._fields):
            postpone([DueRun(*row)], camb.Unavailable(str(UNSTORABLE)))
            due_at = Least(F("due_at"), clock.now() + MAX_UNSTORED)
            held.update(due_at=due_at, lease=None, lease_until=None, leased_by=None, call_failures=0)


def _postpone_failed_save(outcome: Outcome) -> str:
    """Ask later about a run whose answer breaks its transaction, until MAX_SAVE_ATTEMPTS; return the reason."""
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=outcome.pk, lease=outcome.lease).first()
        if run is None:
            return ""
        reason = str(UNSTORABLE)
        run.attempts = run.attempts + 1 if run.reason == reason else 1
        is_given_up = run.archived_at is not None or run.attempts >= MAX_SAVE_ATTEMPTS
        run.due_at = None if is_given_up else clock.now() + backoff(run.attempts)
        run.requested_at = run.lease = run.lease_until = run.leased_by = None
        run.reason = reason
        run.version = TeamVersion.bump(run.team_id)
        run.save(update_fields=[
            "attempts", "due_at", "requested_at", "reason", "version", "lease", "lease_until", "leased_by"
        ])  # fmt: skip
        return run.reason
