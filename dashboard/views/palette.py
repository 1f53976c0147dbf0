"""The command palette: pages and runs that a few typed letters lead to."""

from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.pages.run_pictures import RunPictures
from dashboard.pages.run_query import RunListQuery
from results.models import Run
from teams.access import can_change, can_manage, can_own, membership_or_404
from teams.models import Membership

RUNS_SHOWN = 8


@login_required
@require_safe
def entries(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the pages and the newest runs whose names contain `q`, and a link to the search for it."""
    membership = membership_or_404(request.user, slug)
    wanted = RunListQuery.read(request.GET)
    runs = wanted.named(Run.objects.current().filter(team=membership.team)).order_by("-pk")
    newest = list(
        runs.only("title", "camb_run_id", "camb_task_id", "status", "languages", "given_language")[:RUNS_SHOWN]
    )
    media = RunPictures(newest)
    context = {
        "membership": membership,
        "q": wanted.q,
        "pages": [page for page in _pages(membership) if wanted.q.casefold() in page.name.casefold()],
        "runs": [(run, media.picture(run)) for run in newest],
    }
    return render(request, "palette/_entries.html", context)


class PaletteEntry(NamedTuple):
    """A link to a page."""

    name: str
    icon: str
    href: str


def _pages(membership: Membership) -> list[PaletteEntry]:
    """Return the pages that the member may open, in the order of the rail and of the team's tabs."""
    changes, slug = can_change(membership), membership.team.slug
    pages = [
        (_("Runs"), "runs", "runs-list", True),
        (_("Add runs"), "add", "runs-add", changes),
        (_("Review checks"), "check", "runs-checks-board", True),
        (_("Search"), "search", "search", True),
        (_("Activity"), "activity", "activity", True),
        (_("Inbox"), "inbox", "inbox", True),
        (_("Trash"), "remove", "trash", changes),
        (_("Team"), "team", "teams-detail", True),
        (_("Team: Key"), "key", "keys", True),
        (_("Team: Media"), "video", "teams-media", True),
        (_("Team: Review limits"), "check", "teams-checks", True),
        (_("Team: Retention"), "archive", "retention", True),
        (_("Team: Channels"), "link", "channels", can_manage(membership)),
        (_("Team: API"), "link", "tokens", True),
        (_("Team: Audit"), "activity", "audit", can_own(membership)),
    ]
    entries = [PaletteEntry(name, icon, reverse(page, args=[slug])) for name, icon, page, may in pages if may]
    return [*entries, PaletteEntry(_("Profile"), "person", reverse("profile"))]
