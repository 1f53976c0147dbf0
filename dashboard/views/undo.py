"""Undo: a button in the message that tells of a change puts back what was there before.

The session keeps a person's last changes, so that only who made a change undoes it. Each has a random token, which
the message's button sends: an older message, in another tab, undoes what it tells of.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from results import tags
from results.dubs import checks
from results.dubs import languages as dub_languages
from results.dubs.languages import LanguagesBefore
from results.models import Dub
from results.runs import archive, trash
from results.runs.source import undo_join
from results.transcripts.review import Kind
from teams.access import membership_or_404, require_change
from teams.models import Team

# Changes that need more than this, such as the numbers of runs, are not kept for Undo.
MAX_UNDONE = dub_languages.MAX_UNDO
# So many changes are kept, and fewer when they are large: each page reads the session.
_CHANGES_KEPT = 5
_MAX_BYTES = 200_000
_CHANGES = "changes"


def _restore_languages(team: Team, before: Any) -> None:
    dubs, runs = ([tuple(word) for word in words] for words in before)
    dub_languages.restore(team, LanguagesBefore(dubs, runs))


def _reopen_checks(team: Team, before: Any) -> None:
    dub_id, kind, dismissed_at = before
    dub = Dub.objects.present().filter(team=team, pk=dub_id).first()
    if dub is not None:
        checks.reopen_all(dub, Kind(kind), datetime.fromisoformat(dismissed_at))


def _restore_removed(team: Team, before: Any) -> None:
    trash.undo_removal(team, datetime.fromisoformat(before))


def _restore_archived(team: Team, before: Any) -> None:
    archive.undo_archiving(team, datetime.fromisoformat(before))


def _part_joined(team: Team, before: Any) -> None:
    source_id, runs = before
    undo_join(team, source_id, runs)


_UNDO: Mapping[str, Callable[[Team, Any], object]] = {
    "languages": _restore_languages,
    "checks": _reopen_checks,
    "archived": _restore_archived,
    "unarchived": archive.archive_runs,
    "restored": archive.archive_runs,  # in a session of the release before
    "removed": _restore_removed,
    "tags": tags.undo_change,
    "joined": _part_joined,
}


def offer_undo(request: HttpRequest, team: Team, change: str, before: Any, done: str, here: str) -> None:
    """Show the message `done`, with a button that undoes the change unless `before` is None.

    `before` is what undoing needs, as JSON takes it, and `here` the page on which the button stands.
    """
    token = ""
    if before is not None:
        token = token_urlsafe(16)
        changes = [*request.session.get(_CHANGES, []), [token, team.pk, change, before, here]][-_CHANGES_KEPT:]
        while len(changes) > 1 and len(json.dumps(changes)) > _MAX_BYTES:
            changes.pop(0)
        request.session[_CHANGES] = changes
    messages.success(request, done, extra_tags=token)


@login_required
@require_POST
def last(request: HttpRequest, slug: str) -> HttpResponse:
    """Undo one of this person's last changes in the team: that of the token `change`."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    changes, token = request.session.get(_CHANGES, []), request.POST.get("change", "")
    found = next((one for one in changes if one[:2] == [token, membership.team_id]), None)
    if found is None:
        messages.info(request, _("There is nothing left to undo."))
        return redirect("runs-list", slug)
    request.session[_CHANGES] = [one for one in changes if one is not found]
    _token, _team_id, change, before, here = found
    _UNDO[change](membership.team, before)
    messages.success(request, _("Undone."))
    return redirect(here)
