"""Looks up the run or dub that an address names, for the person who asks: an outsider gets 404."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from results.models import Dub, Run
from teams.access import membership_in, require_change
from teams.models import Membership


def get_run(request: HttpRequest, pk: int) -> Run:
    """Return the run with its team and the person who added it. Raises Http404 for outsiders."""
    runs = Run.objects.visible_to(request.user).select_related("team", "added_by", "source")
    return get_object_or_404(runs, pk=pk)


def get_changeable_run(request: HttpRequest, pk: int) -> tuple[Run, Membership]:
    """Return the run and the membership that may change it.

    Raises Http404 for outsiders and PermissionDenied for viewers.
    """
    run = get_run(request, pk)
    membership = membership_in(request.user, run.team)
    require_change(membership)
    return run, membership


def get_dub(request: HttpRequest, pk: int) -> Dub:
    """Return the dub with its run. Raises Http404 for outsiders."""
    return get_object_or_404(Dub.objects.visible_to(request.user).select_related("run"), pk=pk)
