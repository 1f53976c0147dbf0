"""What was asked of CAMB.AI, when, and what came of it?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from results import camb
from results.db import bulk
from results.models import Attempt, Call, Run
from teams.models import Team

_OUTCOMES = {
    camb.Unavailable: Call.Outcome.UNAVAILABLE,
    camb.Refused: Call.Outcome.REFUSED,
    camb.Malformed: Call.Outcome.MALFORMED,
}


class CallLog:
    """The calls made for one batch of runs, written down together once it is over."""

    def __init__(self, team_id: int) -> None:
        self.team_id = team_id
        self.calls: list[tuple[Call, Sequence[int]]] = []

    @contextmanager
    def call(self, run_pks: Sequence[int]) -> Iterator[None]:
        """Note the call made inside, whether it succeeds or fails."""
        call = Call(team_id=self.team_id, at=timezone.now(), run_count=len(run_pks))
        self.calls.append((call, run_pks))
        began = monotonic()
        try:
            yield
        except camb.CambError as error:
            call.http_status, call.outcome, call.message = error.http_status, _OUTCOMES[type(error)], str(error)
            raise
        except Exception:
            call.http_status, call.outcome = 200, Call.Outcome.MALFORMED
            call.message = "CAMB.AI's answer could not be read. The log of the server says why."
            raise
        else:
            call.http_status, call.outcome = 200, Call.Outcome.ANSWERED
        finally:
            call.ms = round((monotonic() - began) * 1000)


def write_logs(histories: Sequence[CallLog], changes: Mapping[int, str]) -> None:
    """Store a team's histories, with what changed of each run, by its pk, beside its last call.

    What was removed meanwhile has no history.
    """
    calls = list(chain.from_iterable(history.calls for history in histories))
    last = {pk: call for call, pks in calls for pk in pks}
    with transaction.atomic():
        known = set(Run.objects.filter(pk__in=last).values_list("pk", flat=True))
        if not known and not Team.objects.filter(pk=histories[0].team_id).exists():
            return
        Call.objects.bulk_create([call for call, _ in calls])
        bulk.insert(
            [
                Attempt(call=call, run_id=pk, change=changes.get(pk, "") if last[pk] is call else "")
                for call, pks in calls
                for pk in pks
                if pk in known
            ]
        )


def latest_failure(run: Run) -> Call | None:
    """The newest call about the run, if it has failed since the run was answered."""
    call = Call.objects.filter(attempts__run=run).order_by("-attempts__id").first()
    if call is None or call.outcome == Call.Outcome.ANSWERED or (run.checked_at and call.at < run.checked_at):
        return None
    return call


def delete_old() -> int:
    """Delete calls older than CALL_LOG_DAYS, with their attempts; returns how many calls went."""
    end = timezone.now() - timedelta(days=settings.CALL_LOG_DAYS)
    old = Call.objects.filter(at__lt=end).order_by("at")
    forgotten = 0
    # In slices, so that no transaction holds the database for long.
    while pks := list(old.values_list("pk", flat=True)[:500]):
        Attempt.objects.filter(call__in=pks)._raw_delete("default")
        forgotten += Call.objects.filter(pk__in=pks)._raw_delete("default")
    return forgotten
