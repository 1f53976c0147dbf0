"""What runs does a team track, and how far are they?"""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboard.listing import ARCHIVED, PAGE, Wanted, counts_of, number, page_of, rows_of, tabs_of, with_names
from results import bell, tags, tracking
from results.exports.formats import FORMATS
from results.models import ApiKey, Pulse, Run
from teams.access import can_change, can_manage, membership_or_404
from teams.models import Membership

Status = Run.Status


@login_required
@require_safe
def list_(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    wanted = Wanted.read(request.GET)
    # Read before all else: what changes meanwhile is newer than this, and the next poll brings it.
    version = Pulse.of(membership.team_id)
    page = page_of(Run.objects.filter(team=membership.team), wanted)
    context = _context(membership, wanted, page.runs)
    context |= {"formats": FORMATS.values(), "team_tags": tags.offered(membership.team_id)}
    context |= {"page": page, "oldest_first": wanted.query(order="oldest"), "newest_first": wanted.query(order="")}
    return render(request, "runs/list.html", context | _poller(context, version, page.runs))


@login_required
@require_safe
def poll(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer 204, or those of the `ids` on the page that changed `since`, with the strip and the tabs."""
    membership = membership_or_404(request.user, slug)
    version = Pulse.of(membership.team_id)
    since = number(request.GET.get("since", ""))
    if version == since:
        return HttpResponse(status=204)
    shown = [number(pk) for pk in request.GET.get("ids", "").split(",")[:PAGE]]
    runs = list(with_names(Run.objects.filter(team=membership.team, pk__in=shown)))
    changed = [run for run in runs if run.version > since]
    context = _context(membership, Wanted.read(request.GET), changed)
    context["gone"] = sorted(set(filter(None, shown)) - {run.pk for run in runs})
    context["news"] = _news(changed)
    return render(request, "runs/_list_poll.html", context | _poller(context, version, runs))


def _context(membership: Membership, wanted: Wanted, runs: Iterable[Run]) -> dict[str, Any]:
    """What the page and the answer to its poll have in common: rows, strip, tabs and the key's trouble."""
    team = membership.team
    everything = Run.objects.filter(team=team)
    counts = counts_of(everything)
    due = everything.unfinished().order_by("due_at").values_list("due_at", flat=True).first()
    key = ApiKey.objects.filter(team=team).first()
    gate = key.retry_at if key else None
    tabs = tabs_of(wanted, counts_of(wanted.named(everything)) if wanted.is_narrowed else counts)
    return {
        "membership": membership,
        "can_change": can_change(membership),
        "can_manage": can_manage(membership),
        "wanted": wanted,
        "total": sum(counts.values()) - counts[ARCHIVED],
        "has_runs": any(counts.values()),
        "ready": counts[Status.READY],
        "failed": counts[Status.FAILED],
        "missing": counts[Status.NOT_FOUND],
        "next_at": max(due, gate) if due and gate else due,
        "key": key,
        "silent_since": bell.silent_since() if due else None,
        "progress": tracking.progress(team),
        "tabs": tabs,
        "matching": next(tab.count for tab in tabs if tab.is_current),
        "rows": rows_of(runs, key, wanted),
    }


def _poller(context: dict[str, Any], version: int, runs: Iterable[Run]) -> dict[str, Any]:
    """The element that asks again, printed only while the team has something unfinished."""
    if context["next_at"] is None:
        return {}
    values = {"since": version, "ids": ",".join(str(run.pk) for run in runs)}
    address = reverse("runs-poll", args=[context["membership"].team.slug]) + context["wanted"].query()
    return {"poll_address": address, "poll_values": json.dumps(values)}


def _news(changed: list[Run]) -> str:
    """What a screen reader says: the runs that came to an end, or how many when that would be a litany."""
    ended = [run for run in changed if run.due_at is None]
    if len(ended) > 3:
        return ngettext("%(n)s run is done.", "%(n)s runs are done.", len(ended)) % {"n": len(ended)}
    return " ".join(f"{run}: {run.get_status_display()}." for run in ended)
