"""Looks up the run or dub that a URL names, together with the right to it: an outsider gets 404."""

from django.db.models import Exists
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from results.models import Dub, Run
from teams.access import membership_in, require_change, require_export
from teams.models import Membership


def get_run(request: HttpRequest, pk: int, **annotations: Exists) -> Run:
    """Return the run with its team, its source, the user who added it, and these annotations.

    Raises Http404 for outsiders.
    """
    runs = Run.objects.visible_to(request.user).select_related("team", "added_by", "source")
    return get_object_or_404(runs.annotate(**annotations), pk=pk)


def get_changeable_run(request: HttpRequest, pk: int) -> tuple[Run, Membership]:
    """Return the run and the membership that may change it.

    Raises Http404 for outsiders and PermissionDenied for viewers.
    """
    run = get_run(request, pk)
    membership = membership_in(request.user, run.team)
    require_change(membership)
    return run, membership


def get_exportable_dub(request: HttpRequest, pk: int) -> Dub:
    """Return the dub with its run and team.

    Raises Http404 for outsiders, and PermissionDenied for members whose role may not export.
    """
    dub = get_object_or_404(Dub.objects.visible_to(request.user).select_related("run", "team"), pk=pk)
    require_export(membership_in(request.user, dub.team))
    return dub
