"""The words that say when a waiting run is usually ready, for the run's page and the list."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from results import clock
from results.models import Run
from results.runs.listed import ListedRun
from results.runs.ready_estimate import PastWait, ReadyEstimate, estimate_ready, past_waits

WAITING = (Run.Status.NEW, Run.Status.WAITING)


def waits_for(runs: Sequence[ListedRun]) -> list[PastWait]:
    """Return the past waits that estimates for these runs of one team need: none unless one of them waits."""
    waiting = next((run for run in runs if run.status in WAITING), None)
    return past_waits(waiting.team_id) if waiting else []


def ready_by(run: Run) -> str:
    """Return a sentence on when the run is usually ready, and in which range; empty if too little is known."""
    estimate = _estimate(run, past_waits(run.team_id)) if run.status in WAITING else None
    if estimate is None:
        return ""
    at, earliest, latest = map(_moment, (estimate.at, estimate.earliest, estimate.latest))
    return _("Usually ready by %(at)s (%(earliest)s to %(latest)s, based on %(runs)s runs)") % {
        "at": at, "earliest": earliest, "latest": latest, "runs": estimate.runs,
    }  # fmt: skip


def ready_by_in_short(run: ListedRun, waits: Sequence[PastWait]) -> str:
    """Return by when the run is usually ready, in a few words; empty if too little is known."""
    estimate = _estimate(run, waits) if run.status in WAITING else None
    return _("Usually ready by %(at)s") % {"at": _moment(estimate.at)} if estimate else ""


def _estimate(run: Run | ListedRun, waits: Sequence[PastWait]) -> ReadyEstimate | None:
    return estimate_ready(run, waits, clock.now()) if waits else None


def _moment(at: datetime) -> str:
    """Return the time of day, with the date unless that is today's."""
    local = localtime(at)
    return f"{local:%H:%M}" if local.date() == localtime(clock.now()).date() else f"{local:%Y-%m-%d %H:%M}"
