"""Page model of the Activity page: the periods to choose from, the chart, the call log and the next checks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Prefetch, Q
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.pages.markup import outcome_label
from results.models import Attempt, Call, Run
from results.refresh.call_stats import CallSummary, TimeStep, TimeWindow
from teams.models import Team

PAGE_SIZE = 25
CHECKS_SHOWN = 10


# --- The periods -------------------------------------------------------------------------------------


class Period(NamedTuple):
    """A time window that the user can choose, by its `name` in the URL."""

    name: str
    window: TimeWindow
    length: Promise
    step: Promise
    """The label of the chart: what one bar counts."""
    ticks: tuple[Promise, Promise]
    """The labels below the chart's left end and its middle."""


PERIODS = (
    Period(
        "1h",
        TimeWindow(step=60, count=60),
        gettext_lazy("1 hour"),
        gettext_lazy("Calls per minute"),
        (gettext_lazy("60 min ago"), gettext_lazy("30 min ago")),
    ),
    Period(
        "24h",
        TimeWindow(step=30 * 60, count=48),
        gettext_lazy("24 hours"),
        gettext_lazy("Calls per 30 minutes"),
        (gettext_lazy("24 h ago"), gettext_lazy("12 h ago")),
    ),
    Period(
        "7d",
        TimeWindow(step=2 * 3600, count=84),
        gettext_lazy("7 days"),
        gettext_lazy("Calls per 2 hours"),
        (gettext_lazy("7 days ago"), gettext_lazy("3½ days ago")),
    ),
)


def get_period(name: str) -> Period:
    """Return the period of this name, or else the first."""
    return next((period for period in PERIODS if period.name == name), PERIODS[0])


# --- The chart ---------------------------------------------------------------------------------------


class Bar(NamedTuple):
    """One step of the window, in the units of the chart: a bar takes 10 in width, the full height is 100."""

    x: int
    answered_y: str
    answered_height: str
    failed_y: str
    failed_height: str
    label: str


@dataclass(frozen=True)
class Chart:
    """The stacked bars of the calls in a period."""

    width: int
    top: int
    """The number of calls that fills the chart's height."""
    bars: list[Bar]
    steps: list[TimeStep]
    """The steps with calls, newest first, for the table that holds the same numbers."""

    @classmethod
    def of(cls, summary: CallSummary, period: Period) -> "Chart":
        steps = summary.steps
        top = _round_up(max(step.answered + step.failed for step in steps))
        ages = ((len(steps) - 1 - index) * period.window.step for index in range(len(steps)))
        bars = [_bar(10 * index, step, top, age) for index, (step, age) in enumerate(zip(steps, ages, strict=True))]
        return cls(10 * len(steps), top, bars, [step for step in reversed(steps) if step.answered or step.failed])

    @property
    def middle(self) -> int:
        return self.top // 2


def _round_up(number: int) -> int:
    """Return the next number that reads well at the top of a scale, and whose half reads well in its middle."""
    power: int = 10 ** max(len(str(number)) - 2, 0)
    return next(size * power for size in (2, 4, 6, 8, 10, 20, 30, 40, 60, 80, 100) if size * power >= number)


def _bar(x: int, step: TimeStep, top: int, age: int) -> Bar:
    answered, failed = (100 * count / top for count in (step.answered, step.failed))
    numbers = {"when": _ago(age), "answered": f"{step.answered:,}", "failed": f"{step.failed:,}"}
    return Bar(
        x=x,
        answered_y=f"{100 - answered:.2f}",
        answered_height=f"{answered:.2f}",
        failed_y=f"{100 - answered - failed:.2f}",
        failed_height=f"{failed:.2f}",
        label=_("%(when)s: %(answered)s answered, %(failed)s failed") % numbers,
    )


def _ago(seconds: int) -> str:
    """Return an age in days, hours and minutes, which hold in every time zone."""
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = (
        _("%(n)s d") % {"n": days} if days else "",
        _("%(n)s h") % {"n": hours} if hours else "",
        _("%(n)s min") % {"n": minutes} if minutes else "",
    )
    age = " ".join(filter(None, parts))
    return _("%(time)s ago") % {"time": age} if age else _("now")


# --- The next checks ---------------------------------------------------------------------------------


class NextChecks(NamedTuple):
    """The number of unfinished runs, and the first runs that CAMB.AI is asked about next."""

    unfinished: int
    now: int
    being_asked: int
    runs: list[Run]


def get_next_checks(team: Team, now: datetime) -> NextChecks:
    """Return the team's next checks, the soonest first."""
    unfinished = Run.objects.filter(team=team).unfinished()
    being_asked = unfinished.leased(now).values("pk")
    counts = unfinished.aggregate(
        unfinished=Count("pk"),
        now=Count("pk", filter=Q(due_at__lte=now)),
        being_asked=Count("pk", filter=Q(pk__in=being_asked)),
    )
    fields = ("title", "camb_run_id", "camb_task_id", "due_at")
    return NextChecks(**counts, runs=list(unfinished.order_by("due_at", "pk").only(*fields)[:CHECKS_SHOWN]))


# --- The call log ------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class CallCursor(NamedTuple):
    """Where a page of the call log begins: below the call of this time and id."""

    at: datetime
    pk: int

    @classmethod
    def read(cls, text: str) -> "CallCursor | None":
        """Return the cursor that a URL holds as microseconds and id; None when it is malformed."""
        at, _dash, pk = text.partition("-")
        if not all(part.isascii() and part.isdigit() and len(part) <= 17 for part in (at, pk)):
            return None
        return cls(_EPOCH + int(at) * _MICROSECOND, int(pk))

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}-{self.pk}"


class CallRow(NamedTuple):
    """One call of the log, ready to print."""

    call: Call
    outcome: SafeString
    runs: list[Run]
    removed: int
    """The number of its runs that have been removed since the call."""


def get_calls(team: Team, cursor: CallCursor | None) -> tuple[list[CallRow], str]:
    """Return one page of the team's calls, newest first, and the cursor of the next page; empty on the last."""
    calls = Call.objects.filter(team=team)
    if cursor:
        calls = calls.filter(at__lte=cursor.at).exclude(at=cursor.at, pk__gte=cursor.pk)
    runs = Attempt.objects.select_related("run").order_by("pk")
    runs = runs.only("call_id", "run__title", "run__camb_run_id", "run__camb_task_id")
    found = list(calls.order_by("-at", "-pk").prefetch_related(Prefetch("attempts", runs))[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    next_cursor = str(CallCursor(shown[-1].at, shown[-1].pk)) if len(found) > PAGE_SIZE else ""
    return list(_call_rows(shown)), next_cursor


def _call_rows(calls: list[Call]) -> Iterator[CallRow]:
    for call in calls:
        runs = [attempt.run for attempt in call.attempts.all()]
        yield CallRow(call, outcome_label(call.outcome), runs, call.run_count - len(runs))
