"""Looks up the run, dub or copy that a URL names, together with the right to it: an outsider gets 404."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from results.models import Dub, MediaCopy, Run
from teams.access import membership_in, require_change, require_export, require_remove, require_second_step
from teams.models import Membership
from teams.read_models import read_models

# The conditions are those of `RunQuerySet.visible_to`.
_VISIBLE = """
    where id = %s and removed_at is null and exists (
        select 1 from teams_membership membership join teams_team team on team.id = membership.team_id
        where team.id = results_run.team_id and membership.user_id = %s and team.removed_at is null
    )
"""


# The first number that no id of a row can be.
_TOO_LARGE = 2**63


def get_run_and_membership(request: HttpRequest, pk: int) -> tuple[Run, Membership]:
    """Return the run with its team, and the user's membership there. Raises Http404 for outsiders."""
    found = read_models(Run, _VISIBLE, [pk, request.user.pk or 0]) if pk < _TOO_LARGE else []
    if not found:
        raise Http404
    [run] = found
    membership = membership_in(request.user, run.team_id)
    run.team = membership.team
    return run, membership


def get_run(request: HttpRequest, pk: int) -> Run:
    """Return the run with its team. Raises Http404 for outsiders."""
    run, _membership = get_run_and_membership(request, pk)
    return run


def get_changeable_run(request: HttpRequest, pk: int) -> tuple[Run, Membership]:
    """Return the run and the membership that may change it.

    Raises Http404 for outsiders and PermissionDenied for viewers.
    """
    run, membership = get_run_and_membership(request, pk)
    require_change(membership)
    return run, membership


def get_removable_run(request: HttpRequest, pk: int) -> tuple[Run, Membership]:
    """Return the run and the membership that may remove it. Raises as `get_changeable_run` does."""
    run, membership = get_changeable_run(request, pk)
    require_remove(membership)
    return run, membership


# What browsers name as the destination of what a player loads. A page that is opened or saved has another.
_PLAYER = ("video", "audio", "track")


def get_playable_dub(request: HttpRequest, pk: int) -> Dub:
    """Return the dub with its run and team, for a player or for a download.

    Raises Http404 for outsiders. A member who may not export watches in the player, whose script checks what does
    not play, and gets PermissionDenied for everything else. Browsers name the destination of a request over HTTPS
    and on the same machine only.
    """
    dub, membership = _dub_and_membership(request, pk)
    if "check" in request.GET:
        return dub  # nothing of the media is in the answer
    if "download" in request.GET or request.headers.get("Sec-Fetch-Dest") not in _PLAYER:
        require_export(membership)
    return dub


def get_pictured_copy(request: HttpRequest, pk: int) -> MediaCopy:
    """Return the kept copy, which has a still. Raises Http404 for outsiders, and where there is no still."""
    pictured = MediaCopy.objects.filter(state=MediaCopy.State.KEPT, still_bytes__gt=0)
    copies = pictured.filter(dub__in=Dub.objects.visible_to(request.user)).select_related("team")
    copy = get_object_or_404(copies.defer("waveform"), pk=pk)
    if copy.team:  # only a removed copy has none
        require_second_step(request.user.pk, copy.team)
    return copy


def get_exportable_dub(request: HttpRequest, pk: int) -> Dub:
    """Return the dub with its run and team.

    Raises Http404 for outsiders, and PermissionDenied for members who may not export.
    """
    dub, membership = _dub_and_membership(request, pk)
    require_export(membership)
    return dub


def _dub_and_membership(request: HttpRequest, pk: int) -> tuple[Dub, Membership]:
    dub = get_object_or_404(Dub.objects.visible_to(request.user).select_related("run", "team"), pk=pk)
    return dub, membership_in(request.user, dub.team_id)
