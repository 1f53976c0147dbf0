"""Page model of the Activity page: the periods to choose from, the chart, the call log and the next checks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Count, Prefetch, Q, prefetch_related_objects
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.pages.markup import outcome_label
from results.models import Attempt, Call, Run
from results.refresh.call_stats import CallSummary, TimeStep, TimeWindow
from teams.models import Team

PAGE_SIZE = 25
# An incident may hold many calls: so many are read at most for one page.
MAX_CALLS_READ = 2000
INCIDENTS_SHOWN = 3
# While a key is paused, its probes are at most a quarter of an hour apart: longer silence ends an incident.
INCIDENT_GAP = timedelta(minutes=20)
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


def get_period(name: str, now: datetime, zone: ZoneInfo) -> Period:
    """Return the period of this name, or else the first, with steps that begin at the zone's whole hours.

    When the clocks change within the period, the steps before the change keep the hours of today.
    """
    period = next((period for period in PERIODS if period.name == name), PERIODS[0])
    offset = int((now.astimezone(zone).utcoffset() or timedelta()).total_seconds())
    return period._replace(window=replace(period.window, offset=offset))


# --- The chart ---------------------------------------------------------------------------------------


# The height of the smallest bar of failures: 3 px of the chart's 120 on a phone. One among thousands stays visible.
SMALLEST_FAILED = 2.5


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
    def scale(self) -> tuple[str, str]:
        """The labels of the top and the middle, short enough to stand beside the lines of the grid."""
        return _short(self.top), _short(self.top // 2)


def _round_up(number: int) -> int:
    """Return the next number that reads well at the top of a scale, and whose half reads well in its middle."""
    power: int = 10 ** max(len(str(number)) - 2, 0)
    return next(size * power for size in (2, 4, 6, 8, 10, 20, 30, 40, 60, 80, 100) if size * power >= number)


def _bar(x: int, step: TimeStep, top: int, age: int) -> Bar:
    answered, failed = (100 * count / top for count in (step.answered, step.failed))
    if failed:
        failed = max(failed, SMALLEST_FAILED)
        answered = min(answered, 100 - failed)
    numbers = {"when": _ago(age), "answered": f"{step.answered:,}", "failed": f"{step.failed:,}"}
    return Bar(
        x=x,
        answered_y=f"{100 - answered:.2f}",
        answered_height=f"{answered:.2f}",
        failed_y=f"{100 - answered - failed:.2f}",
        failed_height=f"{failed:.2f}",
        label=_("%(when)s: %(answered)s answered, %(failed)s failed") % numbers,
    )


def _short(number: int) -> str:
    """Return a number of the scale in at most four characters, such as 1.5k."""
    size = next((size for size in (1_000_000, 1000) if number >= size), 1)
    unit = {1_000_000: "M", 1000: "k", 1: ""}[size]
    return f"{number / size:.3g}{unit}"


class TimesPoint(NamedTuple):
    """What one step of the response times says when it is pointed at."""

    x: int
    label: str


@dataclass(frozen=True)
class TimesChart:
    """The lines of the response times in a period. A step without an answer breaks them."""

    width: int
    top_ms: int
    median: str
    p95: str
    points: list[TimesPoint]

    @classmethod
    def of(cls, steps: list[TimeStep], period: Period) -> "TimesChart | None":
        top_ms = _round_up(max((step.times.p95_ms for step in steps if step.times), default=0))
        points = []
        for index, step in enumerate(steps):
            age = _ago((len(steps) - 1 - index) * period.window.step)
            if step.times:
                median, p95 = (f"{ms:,}" for ms in step.times[:2])
                label = _("%(when)s: median %(median)s ms, 95th percentile %(p95)s ms")
                points.append(TimesPoint(10 * index, label % {"when": age, "median": median, "p95": p95}))
        if not points:
            return None
        median_ms = [step.times and step.times.median_ms for step in steps]
        p95_ms = [step.times and step.times.p95_ms for step in steps]
        return cls(10 * len(steps), top_ms, _line(median_ms, top_ms), _line(p95_ms, top_ms), points)

    @property
    def scale(self) -> tuple[str, str]:
        """The labels of the top and the middle, in seconds."""
        top, middle = (_("%(n)s s") % {"n": f"{ms / 1000:.3g}"} for ms in (self.top_ms, self.top_ms / 2))
        return top, middle


def _line(values: list[int | None], top: int) -> str:
    """Return a path that is as wide as a step at each value, so that one between two gaps is seen too."""
    path, is_gap = "", True
    for index, value in enumerate(values):
        if value is not None:
            x, y = 10 * index, f"{100 - 100 * value / top:.2f}"
            path += f"M{x} {y}H{x + 10}" if is_gap else f"V{y}H{x + 10}"
        is_gap = value is None
    return path


class ReadyBar(NamedTuple):
    """The runs that became ready in one step, in the units of the chart."""

    x: int
    y: str
    height: str
    label: str


@dataclass(frozen=True)
class ReadyChart:
    """The bars of the runs that became ready in a period."""

    width: int
    top: int
    total: int
    bars: list[ReadyBar]

    @classmethod
    def of(cls, counts: list[int], period: Period) -> "ReadyChart":
        top = _round_up(max(counts))
        bars = []
        for index, count in enumerate(counts):
            age = _ago((len(counts) - 1 - index) * period.window.step)
            label = ngettext("%(when)s: %(n)s run", "%(when)s: %(n)s runs", count) % {
                "when": age,
                "n": f"{count:,}",
            }
            height = 100 * count / top
            bars.append(ReadyBar(10 * index, f"{100 - height:.2f}", f"{height:.2f}", label))
        return cls(10 * len(counts), top, sum(counts), bars)

    @property
    def scale(self) -> str:
        return _short(self.top)


class DayCell(NamedTuple):
    """One step of the strip of the last 24 hours; `state` is none, answered, mixed or failed."""

    x: int
    state: str
    label: str


def day_cells(steps: list[TimeStep], step_s: int) -> list[DayCell]:
    """Return the strip of the last 24 hours."""
    cells = []
    for index, step in enumerate(steps):
        state = ("mixed" if step.failed else "answered") if step.answered else "failed" if step.failed else "none"
        age = (len(steps) - 1 - index) * step_s
        cells.append(DayCell(10 * index, state, _bar(0, step, 1, age).label))
    return cells


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
    """One call of the log, or an incident: the same failure of several calls in a row. Ready to print."""

    call: Call
    """The call; the newest of an incident."""
    outcome: SafeString
    runs: list[Run]
    removed: int
    """The number of its runs that have been removed since the call."""
    incident: str = ""
    """What went wrong in an incident, as a sentence without its end; empty for a single call."""
    began_at: datetime | None = None
    calls: int = 1


def get_calls(team: Team, cursor: CallCursor | None) -> tuple[list[CallRow], str]:
    """Return one page of the team's calls, newest first, and the cursor of the next page; empty on the last.

    Calls in a row that fail in the same way for all runs are one row, so that an outage does not hide the log.
    """
    calls = Call.objects.filter(team=team)
    if cursor:
        calls = calls.filter(at__lte=cursor.at).exclude(at=cursor.at, pk__gte=cursor.pk)
    found = list(calls.order_by("-at", "-pk")[: MAX_CALLS_READ + 1])
    groups = [list(group) for _key, group in groupby(found[:MAX_CALLS_READ], key=_incident_key)]
    shown = groups[:PAGE_SIZE]
    read = sum(map(len, shown))
    next_cursor = str(CallCursor(shown[-1][-1].at, shown[-1][-1].pk)) if len(found) > read else ""
    runs = Attempt.objects.filter(run__removed_at=None).select_related("run").order_by("pk")
    runs = runs.only("call_id", "run__title", "run__camb_run_id", "run__camb_task_id")
    prefetch_related_objects([group[0] for group in shown], Prefetch("attempts", runs))
    return list(_call_rows(shown)), next_cursor


def _incident_key(call: Call) -> tuple[object, ...]:
    """Return a key that calls in a row share if they belong to one incident; every other call has its own."""
    concerns_all = call.outcome in (Call.Outcome.UNAVAILABLE, Call.Outcome.MALFORMED) or call.http_status in (
        401,
        402,
    )
    return (call.outcome, call.http_status) if concerns_all else (call.pk,)


class Incident(NamedTuple):
    """Calls that failed in the same way with little time between them."""

    text: str
    began_at: datetime
    ended_at: datetime
    calls: int


def get_incidents(team: Team, since: datetime) -> list[Incident]:
    """Return the newest incidents since this time, newest first."""
    failed = Call.objects.filter(team=team, at__gte=since).exclude(outcome=Call.Outcome.ANSWERED)
    groups: list[list[Call]] = []
    for call in failed.order_by("-at").only("at", "outcome", "http_status")[:MAX_CALLS_READ]:
        last = groups[-1][-1] if groups else None
        if last and _incident_key(last) == _incident_key(call) and last.at - call.at <= INCIDENT_GAP:
            groups[-1].append(call)
        else:
            groups.append([call])
    found = [group for group in groups if len(group) > 1][:INCIDENTS_SHOWN]
    return [Incident(_incident(group[0]), group[-1].at, group[0].at, len(group)) for group in found]


def _call_rows(groups: list[list[Call]]) -> Iterator[CallRow]:
    for group in groups:
        call = group[0]
        runs = [attempt.run for attempt in call.attempts.all()]
        row = CallRow(call, outcome_label(call.outcome), runs, call.run_count - len(runs))
        if len(group) > 1:
            row = row._replace(incident=_incident(call), began_at=group[-1].at, calls=len(group))
        yield row


def _incident(call: Call) -> str:
    """Return what went wrong in an incident, as a sentence without its end."""
    match call.http_status:
        case None:
            return _("CAMB.AI did not answer")
        case 401:
            return _("CAMB.AI refused the key")
        case 402:
            return _("The CAMB.AI account is out of credit")
        case 429:
            return _("CAMB.AI's rate limit was reached")
    if call.outcome == Call.Outcome.MALFORMED:
        return _("CAMB.AI's answers could not be read")
    return _("CAMB.AI answered with an error")
