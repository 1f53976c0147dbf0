"""The command palette: pages and runs that a few typed letters lead to."""

from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.pages.kept_media import KeptMedia
from dashboard.pages.run_query import RunListQuery
from results.models import Run
from teams.access import can_change, membership_or_404
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
    media = KeptMedia(newest)
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
    slug = membership.team.slug
    adding = (
        [PaletteEntry(_("Add runs"), "add", reverse("runs-add", args=[slug]))] if can_change(membership) else []
    )
    return [
        PaletteEntry(_("Runs"), "runs", reverse("runs-list", args=[slug])),
        *adding,
        PaletteEntry(_("Review checks"), "check", reverse("runs-checks-board", args=[slug])),
        PaletteEntry(_("Search"), "search", reverse("search", args=[slug])),
        PaletteEntry(_("Activity"), "activity", reverse("activity", args=[slug])),
        PaletteEntry(_("Team"), "team", reverse("teams-detail", args=[slug])),
        PaletteEntry(_("Team: CAMB.AI key"), "key", reverse("keys", args=[slug])),
        PaletteEntry(_("Team: Copies of media"), "video", reverse("teams-media", args=[slug])),
        PaletteEntry(_("Team: Retention"), "archive", reverse("retention", args=[slug])),
        PaletteEntry(_("Team: API"), "link", reverse("tokens", args=[slug])),
        PaletteEntry(_("Profile"), "person", reverse("profile")),
    ]
