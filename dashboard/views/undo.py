"""Undo: a button in the message that tells of a change puts back what was there before.

The session keeps a person's last change, so that only who made a change undoes it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from results.dubs import checks
from results.dubs import languages as dub_languages
from results.dubs.languages import Words
from results.models import Dub
from results.runs import trash
from results.runs.archive import archive_runs, restore_runs
from results.transcripts.review import Kind
from teams.access import membership_or_404, require_change
from teams.models import Team

# Changes of more runs than this are not kept for Undo.
MAX_UNDONE = dub_languages.MAX_UNDO
_LAST = "last_change"


def _restore_languages(team: Team, before: Any) -> None:
    dubs, runs = ([tuple(word) for word in words] for words in before)
    dub_languages.restore(team, Words(dubs, runs))


def _restore_checks(team: Team, before: Any) -> None:
    dub_id, kind, dismissed_at = before
    dub = Dub.objects.present().filter(team=team, pk=dub_id).first()
    if dub is not None:
        checks.restore_all(dub, Kind(kind), datetime.fromisoformat(dismissed_at))


def _restore_removed(team: Team, before: Any) -> None:
    trash.undo_removal(team, datetime.fromisoformat(before))


_UNDO: Mapping[str, Callable[[Team, Any], object]] = {
    "languages": _restore_languages,
    "checks": _restore_checks,
    "archived": restore_runs,
    "restored": archive_runs,
    "removed": _restore_removed,
}


def offer_undo(request: HttpRequest, team: Team, change: str, before: Any, done: str, here: str) -> None:
    """Show the message `done`, with a button that undoes the change unless `before` is None.

    `before` is what undoing needs, as JSON takes it, and `here` the page on which the button stands.
    """
    if before is not None:
        request.session[_LAST] = [team.pk, change, before, here]
    messages.success(request, done, extra_tags="undo" if before is not None else "")


@login_required
@require_POST
def last(request: HttpRequest, slug: str) -> HttpResponse:
    """Undo this person's last change in the team."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    team_id, change, before, here = request.session.pop(_LAST, [None, "", None, ""])
    if team_id != membership.team_id:
        messages.info(request, _("There is nothing left to undo."))
        return redirect("runs-list", slug)
    _UNDO[change](membership.team, before)
    messages.success(request, _("Undone."))
    return redirect(here)
