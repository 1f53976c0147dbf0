"""Counts of recent calls by outcome, how long CAMB.AI took to answer them, and the runs that became ready."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Count, Func, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from results.models import Call, Run
from teams.models import Team

# Times are taken from so many calls at most, the newest ones, so that a busy week costs no more than a busy hour.
MAX_TIMED = 1000


@dataclass(frozen=True)
class TimeWindow:
    """The last `count` steps of `step` seconds; the newest of them is still running.

    Steps begin at whole multiples of `step` in a zone that is `offset` seconds ahead of UTC.
    """

    step: int
    count: int
    offset: int = 0

    def numbers(self, now: datetime) -> range:
        """Return the numbers of the steps, counted from 1970; the last contains `now`."""
        end = (int(now.timestamp()) + self.offset) // self.step + 1
        return range(end - self.count, end)

    def start(self, number: int) -> datetime:
        return datetime.fromtimestamp(number * self.step - self.offset, UTC)


class TimeStep(NamedTuple):
    """The calls of one step of a window."""

    start: datetime
    answered: int
    failed: int


class FailureCount(NamedTuple):
    """How often calls failed in one way; without an `http_status` no answer came at all."""

    outcome: Call.Outcome
    http_status: int | None
    calls: int


class ResponseTimes(NamedTuple):
    """How long CAMB.AI took: half of the calls at most the median, 95 of 100 at most p95."""

    median_ms: int
    p95_ms: int
    calls: int


@dataclass(frozen=True)
class CallSummary:
    steps: list[TimeStep]
    failures: list[FailureCount]
    times: ResponseTimes | None

    @property
    def answered(self) -> int:
        return sum(step.answered for step in self.steps)

    @property
    def failed(self) -> int:
        return sum(step.failed for step in self.steps)

    @property
    def calls(self) -> int:
        return self.answered + self.failed

    @property
    def share_answered(self) -> str:
        """Of 100 calls, to one decimal and rounded down: 100 means that not a single one failed."""
        share, tenth = divmod(1000 * self.answered // (self.calls or 1), 10)
        return f"{share}.{tenth}" if tenth else str(share)


def summarise(team: Team, window: TimeWindow, now: datetime) -> CallSummary:
    """Sum up the team's calls in the window that ends with the step that contains `now`."""
    calls = _calls(team, window, now)
    steps, failures = _count(calls, window, now)
    newest = calls.order_by("-at").values_list("ms", "http_status")[:MAX_TIMED]
    return CallSummary(
        steps,
        [FailureCount(Call.Outcome(outcome), code, count) for (outcome, code), count in failures.most_common()],
        # What never answered says nothing of how long an answer takes.
        _times([ms for ms, http_status in newest if http_status]),
    )


def count_calls(team: Team, window: TimeWindow, now: datetime) -> list[TimeStep]:
    """Return the team's calls in each step of the window."""
    return _count(_calls(team, window, now), window, now)[0]


def _calls(team: Team, window: TimeWindow, now: datetime) -> QuerySet[Call]:
    numbers = window.numbers(now)
    return Call.objects.filter(team=team, at__gte=window.start(numbers[0]), at__lt=window.start(numbers[-1] + 1))


def _count(
    calls: QuerySet[Call], window: TimeWindow, now: datetime
) -> tuple[list[TimeStep], Counter[tuple[str, int | None]]]:
    """Return the calls of each step, and the failures by outcome and status."""
    answered: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    failures: Counter[tuple[str, int | None]] = Counter()
    counted = calls.order_by().values_list(
        _StepNumber("at", step=window.step, offset=window.offset), "outcome", "http_status"
    )
    for number, outcome, http_status, count in counted.annotate(Count("pk")):
        if outcome == Call.Outcome.ANSWERED:
            answered[number] += count
        else:
            failed[number] += count
            failures[outcome, http_status] += count
    steps = [TimeStep(window.start(number), answered[number], failed[number]) for number in window.numbers(now)]
    return steps, failures


def count_ready(team: Team, window: TimeWindow, now: datetime) -> list[int]:
    """Return, for each step of the window, how many of the team's ready runs last changed in it."""
    numbers = window.numbers(now)
    start = window.start(numbers[0])
    # A run is checked at the latest when it changes: its index of checks finds the few runs of the window.
    ready = Run.objects.present().filter(
        team=team, checked_at__gte=start, changed_at__gte=start, status=Run.Status.READY
    )
    step = _StepNumber("changed_at", step=window.step, offset=window.offset)
    counted = dict(ready.order_by().values_list(step).annotate(Count("pk")))
    return [counted.get(number, 0) for number in numbers]


def _times(all_ms: Sequence[int]) -> ResponseTimes | None:
    if not all_ms:
        return None
    ordered = sorted(all_ms)
    median, p95 = (ordered[-(-percent * len(ordered) // 100) - 1] for percent in (50, 95))
    return ResponseTimes(median, p95, len(ordered))


class _StepNumber(Func):
    """How many whole steps had passed since 1970 in a zone `offset` seconds ahead of UTC, on both databases.

    Django's own truncation calls Python for each row on SQLite, and knows minutes and hours only.
    """

    output_field = BigIntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        # The fraction is cut off first: strftime would round 59.9996 seconds up into the next minute.
        whole = "(CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER) + %(offset)s) / %(step)s"
        return self.as_sql(compiler, connection, template=whole, **extra)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        whole = "FLOOR((EXTRACT(EPOCH FROM %(expressions)s) + %(offset)s) / %(step)s)::bigint"
        return self.as_sql(compiler, connection, template=whole, **extra)
