"""What may be done with many runs at once: the picked ones, or all that the list lets through?"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dashboard.listing import Wanted, number
from results import tracking
from results.models import ApiKey, Run
from teams.access import membership_or_404, require_change

MOST_PICKED = 1000


@login_required
@require_POST
def refresh_many(request: HttpRequest, slug: str) -> HttpResponse:
    """Have the picked runs asked (each a `pk`), or with `all` every run that the list's filter lets through."""
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    wanted = Wanted.read(request.POST)
    runs = Run.objects.filter(team=membership.team)
    if "all" in request.POST:
        runs = wanted.matching(runs)
    else:
        runs = runs.filter(pk__in=[number(pk) for pk in request.POST.getlist("pk")[:MOST_PICKED]])
    if not ApiKey.objects.filter(team=membership.team).exists():
        messages.error(request, _("Nobody can be asked: this team has no CAMB.AI key yet."))
    elif count := tracking.request_many(runs, membership.team):
        said = ngettext(
            "CAMB.AI is asked about %(n)s run as soon as the team's key allows.",
            "CAMB.AI is asked about %(n)s runs as soon as the team's key allows.",
            count,
        )
        messages.info(request, said % {"n": f"{count:,}"})
    else:
        messages.info(request, _("No run was selected, so CAMB.AI is not asked."))
    return redirect(reverse("runs-list", args=[slug]) + wanted.query())
