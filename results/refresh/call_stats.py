"""Counts of recent calls by outcome, how long CAMB.AI took to answer them, and the runs that became ready."""

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Case, Count, F, Func, Q, QuerySet, When
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


class TimeStep(NamedTuple):
    """The calls of one step of a window, and how long their answers took, to two digits; None without an answer."""

    start: datetime
    answered: int
    failed: int
    times: ResponseTimes | None = None


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
    times = _times_by_step(calls, window)
    numbered = zip(window.numbers(now), steps, strict=True)
    newest = calls.order_by("-at").values_list("ms", "http_status")[:MAX_TIMED]
    return CallSummary(
        [step._replace(times=times.get(number)) for number, step in numbered],
        [FailureCount(Call.Outcome(outcome), code, count) for (outcome, code), count in failures.most_common()],
        # What never answered says nothing of how long an answer takes.
        _times(Counter(ms for ms, http_status in newest if http_status)),
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


def _times_by_step(calls: QuerySet[Call], window: TimeWindow) -> dict[int, ResponseTimes]:
    """Return how long the answers in each step took, by the step's number.

    The database counts the answers that took about as long, so that a busy week brings few rows.
    """
    step = _StepNumber("at", step=window.step, offset=window.offset)
    answers = calls.exclude(http_status=None).order_by().values_list(step, _two_digits("ms"))
    counted: dict[int, Counter[int]] = defaultdict(Counter)
    for number, ms, count in answers.annotate(Count("pk")):
        counted[number][ms] += count
    return {number: times for number, counts in counted.items() if (times := _times(counts))}


def _two_digits(field: str) -> Case:
    """Return a whole number of at most six digits, rounded down to its first two."""
    sizes = [When(Q((f"{field}__lt", 100 * size)), then=F(field) / size * size) for size in (1, 10, 100, 1000)]
    return Case(*sizes, default=F(field) / 10_000 * 10_000)


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


def _times(counts: Counter[int]) -> ResponseTimes | None:
    """Return the response times of so many calls by the milliseconds that they took."""
    if not counts:
        return None
    took, calls = sorted(counts.items()), counts.total()
    until = list(accumulate(count for _ms, count in took))
    median, p95 = (took[bisect_left(until, -(-percent * calls // 100))][0] for percent in (50, 95))
    return ResponseTimes(median, p95, calls)


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
