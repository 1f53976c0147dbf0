"""The list of a team's runs, and the poll that keeps its rows, tabs and totals up to date."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboard.http.ids import parse_id, parse_ids
from dashboard.http.requests import SignedInRequest
from dashboard.pages.list_changes import ListChanges, share_changes
from dashboard.pages.list_queries import count_guesses, count_new, read_list_page
from dashboard.pages.run_filters import build_filters, who_name
from dashboard.pages.run_list import (
    HIDING,
    CheckState,
    build_rows,
    build_tabs,
    changed_view,
    filter_chips,
    shown_columns,
    status_counts,
)
from dashboard.pages.run_query import (
    ARCHIVED,
    COLUMNS,
    GUESSED,
    PAGE_SIZE,
    RunListQuery,
)
from dashboard.pages.source_list import build_source_rows, with_companions
from results import queue
from results.models import Run, TeamVersion
from results.runs import saved_views
from results.runs.listed import ListedRun, next_due_at, read_key, read_listed, read_versions
from results.runs.request import refresh_progress
from results.runs.totals import count_runs
from teams.access import can_change, can_export, can_own, can_remove, membership_or_404
from teams.models import Membership, Team

Status = Run.Status


@login_required
@require_safe
def page(request: SignedInRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    if not request.GET and (view := saved_views.default_view(membership)):
        return redirect(reverse("runs-list", args=[slug]) + RunListQuery.read_text(view.query).query(view=view.pk))
    wanted = RunListQuery.read(request.GET)
    # Read first: a change made meanwhile is newer than this version, so the next poll brings it.
    version = TeamVersion.current(membership.team_id)
    runs_page = read_list_page(membership.team_id, wanted)
    shown = shown_columns(wanted, request.user)
    context = _context(membership, wanted, runs_page.runs, _check_state(membership.team_id))
    guesses = count_guesses(membership.team_id, wanted) if context["can_change"] else 0
    context |= {
        "guesses": guesses,
        "guessed_href": wanted.query(lang=GUESSED, status="") if guesses else "",
        "page": runs_page,
        "has_pages": bool(runs_page.before or runs_page.after),
        "columns": shown,
        "is_in_full": wanted.status in (Status.FAILED, Status.NOT_FOUND) and not wanted.is_by_source,
        "hidden_columns": " ".join(HIDING[name] for name in COLUMNS if name not in shown),
        "changed_view": changed_view(membership, wanted),
        "filter_chips": filter_chips(wanted, who_name(membership.team_id, wanted.who)),
    }
    values = {"since": version, "loaded": version, "ids": ",".join(str(run.pk) for run in runs_page.runs)}
    return render(request, "runs/list/page.html", context | _poller(context, values))


@login_required
@require_safe
def filters(request: HttpRequest, slug: str) -> HttpResponse:
    """Offer the filters of the list with the numbers of their runs. The list reads them when its menu is opened."""
    membership = membership_or_404(request.user, slug)
    wanted = RunListQuery.read(request.GET)
    context = {"membership": membership, "wanted": wanted, "filters": build_filters(membership.team_id, wanted)}
    return render(request, "runs/list/filters.html", context)


@login_required
@require_safe
def poll(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer 204, or the changes since the version `since`: rows among the `ids` on the page, the strip, the tabs.

    New runs since the page was `loaded` are only counted: to insert them would move the rows that the user reads.
    """
    membership = membership_or_404(request.user, slug)
    version = TeamVersion.current(membership.team_id)
    since = parse_id(request.GET.get("since", "")) or 0
    if version == since:
        return HttpResponse(status=204)
    wanted = RunListQuery.read(request.GET)
    shown = tuple(parse_ids(request.GET.get("ids", "").split(",")[:PAGE_SIZE]))
    has_list = "bare" not in request.GET
    pause = request.GET.get("pause")
    decides = (membership.team_id, slug, version, wanted, shown, since, pause, has_list)
    rights = (can_change(membership), can_own(membership))
    changes = share_changes(
        (*decides, *rights), lambda: _render_changes(membership, wanted, shown, since, pause, has_list=has_list)
    )
    loaded, announced = (parse_id(request.GET.get(name, "")) or 0 for name in ("loaded", "announced"))
    added = count_new(membership.team_id, wanted, shown, loaded)
    context = {
        "membership": membership,
        "slug": slug,
        "wanted": wanted,
        "added": added,
        "has_list": has_list,
        "changes": changes.html,
        "next_at": changes.next_at,
        "pause": changes.pause,
        "news": " ".join(filter(None, [changes.news, _new_runs(added) if added > announced else ""])),
    }
    values = {"since": version, "loaded": loaded, "announced": added, "ids": changes.still_there}
    return render(request, "runs/list/_poll.html", context | _poller(context, values))


def _check_state(team_id: int) -> CheckState:
    due = next_due_at(team_id)
    return CheckState(due, read_key(team_id), queue.worker_missing_since() if due else None)


def _render_changes(
    membership: Membership,
    wanted: RunListQuery,
    shown: tuple[int, ...],
    since: int,
    pause: str | None,
    *,
    has_list: bool,
) -> ListChanges:
    """Return what has changed on a page with these runs. It is printed without the request, so without its user.

    `pause` is what the rows on the page say of why checks wait.
    """
    still_there = read_versions(membership.team_id, shown)
    changed = _changed(still_there, wanted, since)
    checks = _check_state(membership.team_id)
    is_paused_otherwise = pause is not None and pause != checks.pause
    shown_anew = read_listed(list(still_there)) if is_paused_otherwise and not wanted.is_by_source else changed
    context = _team_context(membership.team, wanted, shown_anew, checks) | {
        "can_change": can_change(membership),
        "can_own": can_own(membership),
        "gone": sorted({*shown} - {*still_there}),
        "has_list": has_list,
        "oob": True,
    }
    html = render_to_string("runs/list/_changes.html", context)
    return ListChanges(html, ",".join(map(str, still_there)), context["next_at"], checks.pause, _news(changed))


def _context(
    membership: Membership, wanted: RunListQuery, runs: Sequence[ListedRun], checks: CheckState
) -> dict[str, Any]:
    """Return what the page shows of the team, and may offer to this member."""
    return _team_context(membership.team, wanted, runs, checks) | {
        "membership": membership,
        "can_change": can_change(membership),
        "can_own": can_own(membership),
        "can_remove": can_remove(membership),
        "can_export": can_export(membership),
    }


def _team_context(
    team: Team, wanted: RunListQuery, runs: Sequence[ListedRun], checks: CheckState
) -> dict[str, Any]:
    """Return the context that the page and its poll share: rows, strip, tabs and the key's problem."""
    totals = count_runs(team.pk)
    counts = totals.by_status | {ARCHIVED: totals.archived}
    due, key = checks.next_due_at, checks.key
    paused_until = key.retry_at if key else None
    named = wanted.named(Run.objects.filter(team=team)) if wanted.is_narrowed else None
    tabs = build_tabs(wanted, counts if named is None else status_counts(named))
    return {
        "slug": team.slug,
        "wanted": wanted,
        "total": sum(counts.values()) - counts[ARCHIVED],
        "has_runs": any(counts.values()),
        "ready": counts[Status.READY],
        "failed": counts[Status.FAILED],
        "missing": counts[Status.NOT_FOUND],
        "next_at": max(due, paused_until) if due and paused_until else due,
        "key": key,
        "worker_missing_since": checks.worker_missing_since,
        "pause": checks.pause,
        "progress": refresh_progress(team, totals.requested),
        "tabs": tuple(tabs),
        "matching": next(tab.count for tab in tabs if tab.is_current),
        "rows": build_source_rows(runs, wanted) if wanted.is_by_source else build_rows(runs, checks.pause, wanted),
        "suggestions": (totals.suggested, totals.sources),
    }


def _changed(versions: dict[int, int], wanted: RunListQuery, since: int) -> list[ListedRun]:
    """Return those of the runs whose rows changed since this version; by source, with any run of theirs."""
    if not wanted.is_by_source:
        return read_listed([pk for pk, version in versions.items() if version > since])
    shown = read_listed(list(versions))
    changed = {run.source_id for run in with_companions(shown) if run.version > since and run.source_id}
    return [run for run in shown if run.version > since or run.source_id in changed]


def _poller(context: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the element that polls with these values.

    It polls slowly while nothing is unfinished, as other members may still add runs.
    """
    wanted = context["wanted"]
    here = wanted.query(after=wanted.after, before=wanted.before)
    bare = {} if context.get("has_list", context.get("has_runs")) else {"bare": 1}
    values = {"pause": context["pause"], **values}
    return {
        "here": here,
        "poll_address": reverse("runs-list-poll", args=[context["membership"].team.slug]) + here,
        "poll_values": json.dumps(values | bare),
        "is_idle": context["next_at"] is None,
    }


def _new_runs(added: int) -> str:
    return ngettext("%(n)s new run.", "%(n)s new runs.", added) % {"n": f"{added:,}"}


def _news(changed: Sequence[ListedRun]) -> str:
    """Return the sentence for screen readers: the runs that finished, or their number when they are many."""
    finished = [run for run in changed if run.due_at is None and run.archived_at is None]
    if len(finished) > 3:
        return ngettext("%(n)s run has finished.", "%(n)s runs have finished.", len(finished)) % {
            "n": len(finished)
        }
    return " ".join(
        _("%(run)s: %(status)s.") % {"run": run, "status": Status(run.status).label} for run in finished
    )
