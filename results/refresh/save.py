"""Stores outcomes of calls: one short transaction for several short answers, one each for long ones."""

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from results import camb
from results.db import bulk, health
from results.models import Run, TeamVersion
from results.refresh import calls, claims, limits, merge
from results.refresh.calls import CallLog
from results.refresh.schedule import backoff, next_due

logger = logging.getLogger(__name__)

# More are not stored in one transaction, nor by the clerk, for whom others wait.
MAX_CUES_PER_TRANSACTION = 1000
MAX_SAVE_ATTEMPTS = 5
UNSTORABLE = "CAMB.AI's answer could not be stored. The log of the server says why; refresh once it is mended."


RUN_FIELDS = (
    "camb_run_id",
    "status",
    "reason",
    "notes",
    "changed_at",
    "due_at",
    "requested_at",
    "attempts",
    "checked_at",
    "lease",
    "lease_until",
    "languages",
    "duration_ms",
    "cue_count",
    "version",
)
Status = Run.Status
Said = camb.RunAnswer | camb.TaskAnswer | Exception


class Outcome(NamedTuple):
    """What was said of a run, or the trouble with it; to be stored while the run is still under this lease."""

    pk: int
    lease: uuid.UUID
    asked_at: datetime
    said: Said


def save_outcomes(heard: Sequence[Outcome], histories: Sequence[CallLog]) -> dict[int, str]:
    """Store what was heard of a key's runs, with the calls' histories, and say what that changed, by the run's pk.

    Short answers are stored together, long ones apart, so that no transaction lasts. Whatever one breaks must
    not spoil its mates: then each is stored alone, and the guilty one is put off, and after a few tries parked.
    """
    changes: dict[int, str] = {}
    left = _shares(heard) or [[]]
    while left:
        share = left.pop()
        try:
            with transaction.atomic():
                stored = _store(share, changes, () if left else histories)
        except MemoryError:
            raise  # no fault of the runs, which would be parked
        except Exception as error:
            if len(share) > 1:
                left += [[each] for each in share]
                continue
            for pk, lease, _, _ in share:
                if isinstance(error, health.TRANSIENT_ERRORS):  # the database's trouble
                    health.record_failure(error)
                    _put_off_unstored(pk, lease)
                else:
                    logger.exception("The answer about run %s could not be stored", pk)
                    changes[pk] = _park(pk, lease)
        else:
            changes |= stored
            if not left:
                return changes
        claims.renew({lease for share in left for _, lease, _, _ in share})
    calls.write_logs(histories, changes)
    return changes


def _shares(heard: Sequence[Outcome]) -> list[list[Outcome]]:
    """Cut what was heard so that no share has many more cues than CUES_TOGETHER, unless one run has."""
    shares: list[list[Outcome]] = []
    cues = MAX_CUES_PER_TRANSACTION
    for each in heard:
        if cues >= MAX_CUES_PER_TRANSACTION:
            shares.append([])
            cues = 0
        shares[-1].append(each)
        cues += _cue_count(each)
    return shares


def _cue_count(heard: Outcome) -> int:
    return sum(len(dub.cues) for dub in heard.said.dubs) if isinstance(heard.said, camb.RunAnswer) else 0


def _store(heard: Sequence[Outcome], earlier: dict[int, str], histories: Sequence[CallLog]) -> dict[int, str]:
    """Store these answers in the transaction under way, but none of a run that was removed or is leased anew.

    With the last of what was heard come the histories, in which the changes of earlier shares stand too.
    """
    changes = dict.fromkeys((each.pk for each in heard), "Overtaken by a newer ask.")
    held: dict[tuple[int, uuid.UUID | None], Outcome] = {(each.pk, each.lease): each for each in heard}
    locked = Run.objects.select_for_update().filter(pk__in=changes).order_by("pk")
    runs = [run for run in locked if (run.pk, run.lease) in held]
    stock = merge.Merge(runs)
    for run in runs:
        _, _, run.checked_at, said = held[run.pk, run.lease]
        match said:
            case camb.RunAnswer() as answer:
                changes[run.pk] = stock.merge(run, answer, run.checked_at)
            case camb.TaskAnswer() as task:
                changes[run.pk] = merge.merge_task(run, task)
            case camb.Refused() as refusal:
                changes[run.pk] = merge.merge_refusal(run, refusal)
            case error:
                raise error
    stock.write()
    if histories:
        calls.write_logs(histories, earlier | changes)
    version = TeamVersion.bump(runs[0].team_id) if runs else 0
    kept = [run for run in runs if run.pk]
    for run in kept:
        run.due_at, run.version = next_due(run, timezone.now()), version
        run.lease = run.lease_until = run.requested_at = None
    bulk.update(Run, kept, RUN_FIELDS)
    return changes


def _put_off_unstored(pk: int, lease: uuid.UUID) -> None:
    """Ask again later: while the database takes no answers, as when its disk is full, each call is for nothing."""
    held = Run.objects.filter(pk=pk, lease=lease).exclude(due_at=None)
    with suppress(*health.TRANSIENT_ERRORS):  # then the lease runs out by itself
        for attempts in held.values_list("attempts", flat=True):
            wait = max(backoff(attempts), limits.FIRST_PROBE)
            held.update(attempts=F("attempts") + 1, due_at=timezone.now() + wait, lease=None, lease_until=None)


def _park(pk: int, lease: uuid.UUID) -> str:
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=pk, lease=lease).first()
        if run is None:
            return ""
        run.attempts = run.attempts + 1 if run.reason == UNSTORABLE else 1
        run.due_at = (
            None if run.archived_at or run.attempts >= MAX_SAVE_ATTEMPTS else timezone.now() + backoff(run.attempts)
        )
        run.requested_at = run.lease = run.lease_until = None
        run.reason = UNSTORABLE
        run.version = TeamVersion.bump(run.team_id)
        run.save(update_fields=["attempts", "due_at", "requested_at", "reason", "version", "lease", "lease_until"])
        return run.reason
