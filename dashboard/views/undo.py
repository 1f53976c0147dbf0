"""Undo: a button in the message that tells of a change puts back what was there before.

The session keeps a person's last changes, so that only who made a change undoes it. Each has a random token, which
the message's button sends: an older message, in another tab, undoes what it tells of.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import accumulate, pairwise
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
from results.runs.source import Join, undo_joins, undo_refusal
from results.tags import TagEdit
from results.transcripts.review import Kind
from teams.access import membership_or_404, require_change
from teams.models import Team

# So many changes are kept, and fewer when they are large: each page reads the session. One that takes more than
# this alone has no Undo.
_CHANGES_KEPT = 5
_MAX_BYTES = 200_000
# What takes more than this is compressed.
_MAX_PLAIN_BYTES = 2_000
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


def _archive_again(team: Team, before: Any) -> None:
    archive.archive_runs(team, _pks(before))


def _restore_tags(team: Team, before: Any) -> None:
    tags.undo_change(team, [TagEdit(name, is_gained, _pks(steps)) for name, is_gained, steps in before])


def _part_joined(team: Team, before: Any) -> None:
    joins, left_out = before
    undo_joins(team, joins)
    undo_refusal(team, left_out)


_UNDO: Mapping[str, Callable[[Team, Any], object]] = {
    "languages": _restore_languages,
    "checks": _reopen_checks,
    "archived": _restore_archived,
    "out-of-archive": _archive_again,
    "removed": _restore_removed,
    "tagged": _restore_tags,
    "joins": _part_joined,
}


# --- What undoing needs ------------------------------------------------------------------------------


def steps_between(pks: Iterable[int]) -> list[int]:
    """Return the distances between these runs, which take a fraction of their numbers once compressed."""
    return [later - earlier for earlier, later in pairwise([0, *sorted(pks)])]


def _pks(steps: Iterable[int]) -> list[int]:
    return list(accumulate(steps))


def before_tagging(edits: Iterable[TagEdit]) -> list[tuple[str, bool, list[int]]]:
    return [(edit.name, edit.is_gained, steps_between(edit.pks)) for edit in edits]


def before_joins(joins: Iterable[Join], left_out: Iterable[Any] = ()) -> list[Any]:
    """Return what undoing needs of these joins, and of runs whose suggestion was refused with them."""
    return [[(join.source.pk, join.before) for join in joins], list(left_out)]


def _pack(before: Any) -> Any:
    """Return this as the session keeps it: compressed if that is worth it. No change has a mapping."""
    plain = json.dumps(before, separators=(",", ":")).encode()
    return {"z": b64encode(zlib.compress(plain)).decode()} if len(plain) > _MAX_PLAIN_BYTES else before


def _unpack(kept: Any) -> Any:
    return json.loads(zlib.decompress(b64decode(kept["z"]))) if isinstance(kept, dict) else kept


# --- The button --------------------------------------------------------------------------------------


def offer_undo(request: HttpRequest, team: Team, change: str, before: Any, done: str, here: str) -> None:
    """Show the message `done`, with a button that undoes the change unless `before` is empty or too large to keep.

    `before` is what undoing needs, as JSON takes it, and `here` the page on which the button stands.
    """
    token, kept = "", _pack(before)
    if before and len(json.dumps(kept)) <= _MAX_BYTES:
        token = token_urlsafe(16)
        changes = [*request.session.get(_CHANGES, []), [token, team.pk, change, kept, here]][-_CHANGES_KEPT:]
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
    # A session of another release may hold a kind of change that this one does not know.
    if found is None or found[2] not in _UNDO:
        messages.info(request, _("There is nothing left to undo."))
        return redirect("runs-list", slug)
    request.session[_CHANGES] = [one for one in changes if one is not found]
    _token, _team_id, change, before, here = found
    _UNDO[change](membership.team, _unpack(before))
    messages.success(request, _("Undone."))
    return redirect(here)
