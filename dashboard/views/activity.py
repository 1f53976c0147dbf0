"""What was asked of CAMB.AI, what came of it, and what is asked next?"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from dashboard.pages.markup import outcome_label
from results.models import ApiKey, Attempt, Call, Run, TeamVersion
from results.refresh import call_stats
from results.refresh.call_stats import CallSummary, TimeStep, TimeWindow
from results.runs.request import refresh_progress
from teams.access import can_change, can_manage, membership_or_404
from teams.models import Membership, Team

CALLS = 25
DUE = 10

Outcome = Call.Outcome


@login_required
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    return render(request, "activity/page.html", _page(membership, request))


@login_required
@require_safe
def live(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer 204, or the whole page's parts when there is news since `since`, which was looked up `at`."""
    membership = membership_or_404(request.user, slug)
    period, now = _period(request), timezone.now()
    at = request.GET.get("at", "")
    # The longer the window, the more is summed up and the less one call moves it: it is looked at more seldom.
    is_fresh = at.isdecimal() and now.timestamp() - int(at[:18]) < period.window.step / 60
    if is_fresh or _state(membership.team, period, now) == request.GET.get("since"):
        return HttpResponse(status=204)
    return render(request, "activity/_live.html", _page(membership, request))


# --- The team's calls --------------------------------------------------------------------------------


class Period(NamedTuple):
    """A window that can be chosen; `name` stands for it in the address."""

    name: str
    window: TimeWindow
    length: Promise
    step: Promise
    """What one bar of the chart counts."""
    ticks: tuple[Promise, Promise]
    """What the chart's beginning and its middle are called."""


PERIODS = (
    Period(
        "1h",
        TimeWindow(step=60, count=60),
        gettext_lazy("1 hour"),
        gettext_lazy("Calls a minute"),
        (gettext_lazy("60 min ago"), gettext_lazy("30 min ago")),
    ),
    Period(
        "24h",
        TimeWindow(step=30 * 60, count=48),
        gettext_lazy("24 hours"),
        gettext_lazy("Calls in 30 minutes"),
        (gettext_lazy("24 h ago"), gettext_lazy("12 h ago")),
    ),
    Period(
        "7d",
        TimeWindow(step=2 * 3600, count=84),
        gettext_lazy("7 days"),
        gettext_lazy("Calls in 2 hours"),
        (gettext_lazy("7 days ago"), gettext_lazy("3½ days ago")),
    ),
)


def _period(request: HttpRequest) -> Period:
    wanted = request.GET.get("range")
    return next((period for period in PERIODS if period.name == wanted), PERIODS[0])


def _state(team: Team, period: Period, now: datetime) -> str:
    """What the page depends on: the runs and the key, the newest call, and how far time has moved the chart."""
    newest = Call.objects.filter(team=team).order_by("-at", "-pk").values_list("pk", flat=True).first()
    return f"{TeamVersion.current(team.pk)}.{newest or 0}.{int(now.timestamp()) // period.window.step}"


def _page(membership: Membership, request: HttpRequest) -> dict[str, Any]:
    team, period, now = membership.team, _period(request), timezone.now()
    # Read before all else: what changes meanwhile is newer than this, and the next poll brings it.
    state = _state(team, period, now)
    place = _place(request.GET.get("before", ""))
    summary = call_stats.summarise(team, period.window, now)
    calls, older = _calls(team, place)
    context = {
        "membership": membership,
        "can_change": can_change(membership),
        "can_manage": can_manage(membership),
        "period": period,
        "periods": PERIODS,
        "progress": refresh_progress(team),
        "summary": summary,
        "chart": Chart.of(summary, period),
        "failures": [(outcome_label(failure.outcome), failure) for failure in summary.failures[:5]],
        "key": ApiKey.objects.filter(team=team).first(),
        "due": _due(team, now),
        "calls": calls,
        "newest": _query(range=period.name) if place else "",
        "older": _query(range=period.name, before=older) if older else "",
    }
    if place is None:
        # Older calls stay as they are; the newest are looked at for as long as somebody has them open.
        context["poll_address"] = reverse("activity-live", args=[team.slug]) + _query(range=period.name)
        context["poll_values"] = json.dumps({"since": state, "at": int(now.timestamp())})
    return context


def _query(**values: str) -> str:
    return "?" + urlencode(values)


# --- The chart ---------------------------------------------------------------------------------------


class Bar(NamedTuple):
    """One step of the window, in the chart's own units: 10 a bar across, 100 from bottom to top."""

    x: int
    answered_y: str
    answered_height: str
    failed_y: str
    failed_height: str
    said: str


@dataclass(frozen=True)
class Chart:
    width: int
    top: int
    """The number of calls that would fill the chart's height."""
    bars: list[Bar]
    steps: list[TimeStep]
    """Those with calls, newest first, for the table that says the same."""

    @classmethod
    def of(cls, summary: CallSummary, period: Period) -> "Chart":
        steps = summary.steps
        top = _round_up(max(step.answered + step.failed for step in steps))
        ages = ((len(steps) - 1 - place) * period.window.step for place in range(len(steps)))
        bars = [_bar(10 * place, step, top, age) for place, (step, age) in enumerate(zip(steps, ages, strict=True))]
        return cls(10 * len(steps), top, bars, [step for step in reversed(steps) if step.answered or step.failed])

    @property
    def middle(self) -> int:
        return self.top // 2


def _round_up(number: int) -> int:
    """The next number that reads well at the top of a scale, and whose half does so in its middle."""
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
        said=_("%(when)s: %(answered)s answered, %(failed)s failed") % numbers,
    )


def _ago(seconds: int) -> str:
    """How long ago, in whole words that hold in every time zone."""
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = (
        _("%(n)s d") % {"n": days} if days else "",
        _("%(n)s h") % {"n": hours} if hours else "",
        _("%(n)s min") % {"n": minutes} if minutes else "",
    )
    said = " ".join(filter(None, parts))
    return _("%(time)s ago") % {"time": said} if said else _("now")


# --- What is asked next ------------------------------------------------------------------------------


class NextChecks(NamedTuple):
    """How many runs are still asked about, and those that are next."""

    unfinished: int
    now: int
    being_asked: int
    runs: list[Run]


def _due(team: Team, now: datetime) -> NextChecks:
    unfinished = Run.objects.filter(team=team).unfinished()
    counts = unfinished.aggregate(
        unfinished=Count("pk"),
        now=Count("pk", filter=Q(due_at__lte=now)),
        being_asked=Count("pk", filter=Q(lease_until__gt=now)),
    )
    fields = ("title", "camb_run_id", "camb_task_id", "due_at")
    return NextChecks(**counts, runs=list(unfinished.order_by("due_at", "pk").only(*fields)[:DUE]))


# --- Calls, one by one -------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a page of calls begins: below the call of this time and id."""

    at: datetime
    pk: int


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _place(text: str) -> Place | None:
    """Read a place out of an address; whatever is odd counts as none."""
    at, _dash, pk = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 17 for part in (at, pk)):
        return None
    return Place(_EPOCH + int(at) * _MICROSECOND, int(pk))


def _written(call: Call) -> str:
    return f"{(call.at - _EPOCH) // _MICROSECOND}-{call.pk}"


class CallRow(NamedTuple):
    call: Call
    outcome: SafeString
    runs: list[Run]
    removed: int
    """How many of the runs asked about have been removed since."""


def _calls(team: Team, place: Place | None) -> tuple[list[CallRow], str]:
    """One page of the team's calls, newest first, and the place where the next one begins."""
    calls = Call.objects.filter(team=team)
    if place:
        calls = calls.filter(at__lte=place.at).exclude(at=place.at, pk__gte=place.pk)
    runs = Attempt.objects.select_related("run").order_by("pk")
    runs = runs.only("call_id", "run__title", "run__camb_run_id", "run__camb_task_id")
    found = list(calls.order_by("-at", "-pk").prefetch_related(Prefetch("attempts", runs))[: CALLS + 1])
    shown = found[:CALLS]
    return list(_call_rows(shown)), _written(shown[-1]) if len(found) > CALLS else ""


def _call_rows(calls: list[Call]) -> Iterator[CallRow]:
    for call in calls:
        runs = [attempt.run for attempt in call.attempts.all()]
        yield CallRow(call, outcome_label(call.outcome), runs, call.run_count - len(runs))
