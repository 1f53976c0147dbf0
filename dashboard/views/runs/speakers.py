"""Renames a speaker, in one run or in every run of the team."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from dashboard.forms.run import SpeakerForm
from dashboard.http.requests import page_methods
from dashboard.pages.transcript_parts import TranscriptFilter
from dashboard.views.runs.lookup import get_changeable_run
from results.dubs import speakers


@login_required
@page_methods
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename the `speaker` in the URL, or restore the original name, and return to the run's page as it was."""
    run, membership = get_changeable_run(request, pk)
    wanted = TranscriptFilter.read(request.GET)
    name = wanted.speakers[0] if wanted.speakers else ""
    back = wanted.back_to(run)
    originals = speakers.original_names(run, name)
    if not originals:
        messages.info(request, _("This run no longer has a speaker with that name."))
        return redirect(back)
    form = SpeakerForm(request.POST or None, initial={"name": name})
    if request.method == "POST" and form.is_valid():
        new_name = "" if "restore" in request.POST else form.cleaned_data["name"]
        speakers.rename_speaker(run, name, new_name, everywhere=form.cleaned_data["everywhere"])
        return redirect(back)
    context: dict[str, Any] = {
        "membership": membership,
        "run": run,
        "speaker": name,
        "originals": [original for original in originals if original != name],
        "form": form,
        "back": back,
    }
    return render(request, "runs/speakers/rename.html", context, status=422 if form.errors else 200)
