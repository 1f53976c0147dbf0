"""What runs does a team track, how far are they, and what may be done with them?"""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from teams.access import membership_or_404


@login_required
@require_safe
def list_(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "runs/list.html", {"membership": membership_or_404(request.user, slug)})
