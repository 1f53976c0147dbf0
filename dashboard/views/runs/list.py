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

from dashboard.http.ids import parse_id, parse_ids
from dashboard.pages.run_list import (
    ARCHIVED,
    PAGE_SIZE,
    RunListQuery,
    build_rows,
    build_tabs,
    count_new,
    for_list,
    get_page,
    status_counts,
)
from results import queue, tags
from results.exports.formats import FORMATS
from results.models import ApiKey, Run, TeamVersion
from results.runs.request import refresh_progress
from teams.access import can_change, can_manage, membership_or_404
from teams.models import Membership

Status = Run.Status


@login_required
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    wanted = RunListQuery.read(request.GET)
    # Read before all else: what changes meanwhile is newer than this, and the next poll brings it.
    version = TeamVersion.current(membership.team_id)
    runs_page = get_page(for_list(Run.objects.filter(team=membership.team)), wanted)
    context = _context(membership, wanted, runs_page.runs)
    context |= {"formats": FORMATS.values(), "team_tags": tags.names_in_use(membership.team_id)}
    context |= {
        "page": runs_page,
        "oldest_first": wanted.query(order="oldest"),
        "newest_first": wanted.query(order=""),
    }
    asked = {"since": version, "loaded": version, "ids": ",".join(str(run.pk) for run in runs_page.runs)}
    return render(request, "runs/list/page.html", context | _poller(context, asked))


@login_required
@require_safe
def poll(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer 204, or what changed `since`: those of the `ids` on the page, the strip, the tabs.

    Runs that came into the list since it was `loaded` are only told of: to show them would move what is there.
    """
    membership = membership_or_404(request.user, slug)
    version = TeamVersion.current(membership.team_id)
    since = parse_id(request.GET.get("since", "")) or 0
    if version == since:
        return HttpResponse(status=204)
    wanted, team_runs = RunListQuery.read(request.GET), Run.objects.filter(team=membership.team)
    shown = parse_ids(request.GET.get("ids", "").split(",")[:PAGE_SIZE])
    runs = list(for_list(team_runs.filter(pk__in=shown)))
    changed = [run for run in runs if run.version > since]
    context = _context(membership, wanted, changed)
    loaded, told = (parse_id(request.GET.get(name, "")) or 0 for name in ("loaded", "told"))
    added = count_new(team_runs, wanted, shown, loaded)
    context |= {
        "gone": sorted(set(shown) - {run.pk for run in runs}),
        "added": added,
        "has_list": "bare" not in request.GET,
        "news": " ".join(filter(None, [_news(changed), _offer(added) if added > told else ""])),
    }
    ids = ",".join(str(run.pk) for run in runs)
    asked = {"since": version, "loaded": loaded, "told": added, "ids": ids}
    return render(request, "runs/list/_poll.html", context | _poller(context, asked))


def _context(membership: Membership, wanted: RunListQuery, runs: Iterable[Run]) -> dict[str, Any]:
    """What the page and the answer to its poll have in common: rows, strip, tabs and the key's trouble."""
    team = membership.team
    everything = Run.objects.filter(team=team)
    counts = status_counts(everything)
    due = everything.unfinished().order_by("due_at").values_list("due_at", flat=True).first()
    key = ApiKey.objects.filter(team=team).first()
    gate = key.retry_at if key else None
    tabs = build_tabs(wanted, status_counts(wanted.named(everything)) if wanted.is_narrowed else counts)
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
        "silent_since": queue.worker_missing_since() if due else None,
        "progress": refresh_progress(team),
        "tabs": tabs,
        "matching": next(tab.count for tab in tabs if tab.is_current),
        "rows": build_rows(runs, key, wanted),
    }


def _poller(context: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The element that asks again: soon while something is unfinished, else now and then: others may add runs."""
    wanted = context["wanted"]
    here = wanted.query(after=wanted.after, before=wanted.before)
    bare = {} if context.get("has_list", context["has_runs"]) else {"bare": 1}
    return {
        "here": here,
        "poll_address": reverse("runs-list-poll", args=[context["membership"].team.slug]) + here,
        "poll_values": json.dumps(asked | bare),
        "is_idle": context["next_at"] is None,
    }


def _offer(added: int) -> str:
    return ngettext("%(n)s new run.", "%(n)s new runs.", added) % {"n": f"{added:,}"}


def _news(changed: list[Run]) -> str:
    """What a screen reader says: the runs that came to an end, or how many when that would be a litany."""
    ended = [run for run in changed if run.due_at is None and run.archived_at is None]
    if len(ended) > 3:
        return ngettext("%(n)s run is done.", "%(n)s runs are done.", len(ended)) % {"n": len(ended)}
    return " ".join(f"{run}: {run.get_status_display()}." for run in ended)
