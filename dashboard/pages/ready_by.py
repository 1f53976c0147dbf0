"""The words that say when a waiting run is usually ready, for the run's page and the list."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from results import clock
from results.models import Run
from results.runs.ready_estimate import PastWait, estimate_ready, past_waits

WAITING = (Run.Status.NEW, Run.Status.WAITING)


def waits_for(runs: Sequence[Run]) -> list[PastWait]:
    """Return the past waits that estimates for these runs of one team need: none unless one of them waits."""
    waiting = next((run for run in runs if run.status in WAITING), None)
    return past_waits(waiting.team_id) if waiting else []


def with_ready_by(label: SafeString, run: Run, waits: Sequence[PastWait]) -> SafeString:
    """Return the label of the run's status, whose tooltip says when the run is usually ready."""
    words = ready_by(run, waits)
    return format_html('<span title="{}">{}</span>', words, label) if words else label


def ready_by(run: Run, waits: Sequence[PastWait] | None = None) -> str:
    """Return a sentence on when the run is usually ready; empty if too little is known.

    A caller with many runs of one team reads the `waits` once.
    """
    if run.status not in WAITING:
        return ""
    now = clock.now()
    estimate = estimate_ready(run, past_waits(run.team_id) if waits is None else waits, now)
    if estimate is None:
        return ""
    today = localtime(now).date()
    at, earliest, latest = (
        f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
        for moment in map(localtime, (estimate.at, estimate.earliest, estimate.latest))
    )
    return _("Usually ready by %(at)s (%(earliest)s to %(latest)s, from %(runs)s runs)") % {
        "at": at, "earliest": earliest, "latest": latest, "runs": estimate.runs,
    }  # fmt: skip
