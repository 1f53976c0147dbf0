"""The call log: each HTTP call to CAMB.AI, and what it changed in each run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from results import camb, clock
from results.db import bulk
from results.models import Attempt, Call, Retention, Run
from results.queue.backlogs import isolated
from teams.models import Team

_OUTCOMES = {
    camb.Unavailable: Call.Outcome.UNAVAILABLE,
    camb.Refused: Call.Outcome.REFUSED,
    camb.Malformed: Call.Outcome.MALFORMED,
}


class CallLog:
    """The calls made under one lease, stored together with their outcomes."""

    def __init__(self, team_id: int) -> None:
        self.team_id = team_id
        self.calls: list[tuple[Call, Sequence[int]]] = []

    @contextmanager
    def record(self, run_pks: Sequence[int]) -> Iterator[None]:
        """Log the call that is made inside this context, whether it succeeds or fails."""
        call = Call(team_id=self.team_id, at=clock.now(), run_count=len(run_pks))
        self.calls.append((call, run_pks))
        began = monotonic()
        try:
            yield
        except camb.CambError as error:
            call.http_status, call.outcome, call.message = error.http_status, _OUTCOMES[type(error)], str(error)
            raise
        except Exception:
            call.http_status, call.outcome = 200, Call.Outcome.MALFORMED
            call.message = _("CAMB.AI's answer could not be read. Ask the administrator of this server.")
            raise
        else:
            call.http_status, call.outcome = 200, Call.Outcome.ANSWERED
        finally:
            call.ms = round((monotonic() - began) * 1000)


def write_log(log: CallLog, changes: Mapping[int, str]) -> None:
    """Store the calls, with the change of each run, by its pk, beside its last call.

    A run or team that was removed meanwhile has no log any more.
    """
    last = {pk: call for call, pks in log.calls for pk in pks}
    with transaction.atomic(savepoint=False):
        known = set(Run.objects.filter(pk__in=last).values_list("pk", flat=True))
        if not (known or Team.objects.filter(pk=log.team_id).exists()):
            return
        for call, _ in log.calls:
            call.pk = None  # of a transaction that was rolled back: another's call may have that key by now
        Call.objects.bulk_create([call for call, _ in log.calls])
        attempts = [
            (call.pk, pk, changes.get(pk, "") if last[pk] is call else "")
            for call, pks in log.calls
            for pk in pks
            if pk in known
        ]
        bulk.insert_values(Attempt, ("call", "run", "change"), attempts)


def latest_failure(run: Run) -> Call | None:
    """Return the newest call about the run, if it failed after the last answer about the run."""
    call = Call.objects.filter(attempts__run=run).order_by("-attempts__id").first()
    if call is None or call.outcome == Call.Outcome.ANSWERED or (run.checked_at and call.at < run.checked_at):
        return None
    return call


def delete_old() -> int:
    """Delete calls older than CALL_LOG_DAYS or their team's own limit; return how many calls were deleted.

    A team whose calls cannot be deleted holds up no other.
    """
    own = dict(Retention.objects.exclude(call_log_days=None).values_list("pk", "call_log_days"))
    calls = Call.objects.filter(at__lt=clock.days_ago(settings.CALL_LOG_DAYS)).exclude(team__in=own)
    deleted = _delete_calls(calls)
    for team_id, days in own.items():
        with isolated("The old calls of team %s could not be deleted", team_id):
            deleted += _delete_calls(Call.objects.filter(team=team_id, at__lt=clock.days_ago(days or 0)))
    return deleted


def _delete_calls(calls: QuerySet[Call]) -> int:
    """Delete these calls with their attempts; return their number."""
    old, deleted = calls.order_by("at"), 0
    # In slices, so that no transaction holds the database for long.
    while pks := list(old.values_list("pk", flat=True)[:500]):
        Attempt.objects.filter(call__in=pks)._raw_delete("default")
        deleted += Call.objects.filter(pk__in=pks)._raw_delete("default")
    return deleted
