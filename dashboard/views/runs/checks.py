"""Dismisses a review check of a line with a reason, and brings it back."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.forms import DismissalForm
from dashboard.http.ids import parse_id
from dashboard.http.requests import SignedInRequest, page_methods
from dashboard.pages.transcript import TranscriptPage
from dashboard.pages.transcript_parts import LineCheck, TranscriptFilter
from dashboard.views.runs.lookup import get_changeable_run
from results.models import Cue
from results.transcripts import dismissals


@login_required
@page_methods
def dismiss(request: SignedInRequest, pk: int) -> HttpResponse:
    """Dismiss the check `kind` of the cue `line`, or with `restore` bring it back.

    Within the run's page the answer is that check anew: the player and the place in the text stay as they are.
    """
    run, membership = get_changeable_run(request, pk)
    cue = Cue.objects.filter(run=run, pk=parse_id(request.GET.get("line", "")) or 0).select_related("dub").first()
    line_check = _check_of(cue, request.GET.get("kind", ""))
    if cue is None or line_check is None:
        messages.info(request, _("This line has changed, and the review check is gone."))
        return redirect("runs-detail", pk)
    back = reverse("runs-detail", args=[pk]) + f"{TranscriptFilter(cue.dub.language).query}#cue-{cue.position}"
    given = line_check.dismissed.reason if line_check.dismissed else ""
    form = DismissalForm(request.POST if request.method == "POST" else None, initial={"reason": given})
    context = {"membership": membership, "run": run, "cue": cue, "form": form, "back": back}
    kind = line_check.check.kind
    is_restored = "restore" in request.POST
    if is_restored or form.is_valid():
        if is_restored:
            dismissals.restore(cue, kind)
        else:
            dismissals.dismiss(cue, kind, form.cleaned_data["reason"], request.user)
        if not request.htmx:  # type: ignore[attr-defined]
            return redirect(back)
        context["line_check"] = _check_of(cue, kind.value)
        return render(request, "runs/checks/_done.html", context)
    context["line_check"] = line_check
    return render(request, "runs/checks/dismiss.html", context, status=422 if form.errors else 200)


def _check_of(cue: Cue | None, kind: str) -> LineCheck | None:
    return TranscriptPage(cue.dub, TranscriptFilter()).check_of(cue.pk, kind) if cue else None
