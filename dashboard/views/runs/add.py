"""Adds runs to a team from pasted text or a file, after a preview."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.forms import RunsForm
from dashboard.http.requests import page_methods
from results.runs import pasted_ids
from results.runs.add import PastedRuns, add_pasted, known_runs
from results.runs.archive import restore_runs
from teams.access import membership_or_404, require_change
from teams.models import Membership, Team

PREVIEW_SHOWN = 50


@login_required
@page_methods
def page(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    form = RunsForm(request.POST or None, request.FILES or None)
    preview = None
    if request.method == "POST" and form.is_valid():
        preview = Preview.of(membership.team, form.cleaned_data["lines"])
        is_saved = "save" in request.POST or "restore" in request.POST
        if is_saved and not preview.is_vain:
            messages.success(request, _save(preview, membership))
            if "restore" in request.POST:
                messages.success(request, _restore(preview, membership.team))
            return redirect("runs-list", slug)
        if is_saved:
            form.add_error(None, _("There is no run id in this text yet, so nothing was added."))
    context = {
        "membership": membership,
        "preview": preview,
        "problems": [error for errors in form.errors.values() for error in errors],
        # Without script the whole page is sent again; its text box then holds the file's text, so none is lost.
        "typed": form.cleaned_data["text"] if preview else request.POST.get("text", ""),
        "most_ids": f"{pasted_ids.MAX_IDS:,}",
    }
    return render(request, "runs/add/page.html", context, status=422 if form.errors else 200)


@dataclass(frozen=True)
class PreviewGroup:
    """The pasted ids of one kind: their number, and the first of them."""

    kind: str
    icon: str
    name: str
    count: int
    lines: list[pasted_ids.PastedId]
    more: int


class Preview(PastedRuns):
    """The pasted ids by what saving would do with them, ready to print."""

    @property
    def is_vain(self) -> bool:
        """Whether the text holds nothing to save."""
        return not self.lines

    @property
    def is_empty(self) -> bool:
        return not any(vars(self).values())

    @property
    def size(self) -> int:
        return len(self.new) + len(self.tasks)

    @property
    def summary(self) -> str:
        counts = (
            (self.new, ngettext("%(n)s new run", "%(n)s new runs", len(self.new))),
            (self.tasks, ngettext("%(n)s task", "%(n)s tasks", len(self.tasks))),
            (self.known, ngettext("%(n)s already here", "%(n)s already here", len(self.known))),
            (
                self.archived,
                ngettext("%(n)s already here, archived", "%(n)s already here, archived", len(self.archived)),
            ),
            (self.repeated, ngettext("%(n)s repeated", "%(n)s repeated", len(self.repeated))),
            (self.refused, ngettext("%(n)s not an id", "%(n)s not ids", len(self.refused))),
            (self.words, ngettext("%(n)s word ignored", "%(n)s words ignored", len(self.words))),
        )
        return " · ".join(words % {"n": f"{len(lines):,}"} for lines, words in counts if lines)

    @property
    def groups(self) -> list[PreviewGroup]:
        """The groups of ids, those that need attention first. Words without an id are only counted."""
        kinds = (
            ("failed", "warning", _("Not a run id"), self.refused),
            ("ready", "add", _("New"), self.new),
            ("ready", "clock", _("Tasks"), self.tasks),
            ("known", "archive", _("Already here, archived"), self.archived),
            ("known", "check", _("Already here"), self.known),
            ("known", "copy", _("Repeated"), self.repeated),
        )
        return [
            PreviewGroup(kind, icon, name, len(lines), lines[:PREVIEW_SHOWN], max(len(lines) - PREVIEW_SHOWN, 0))
            for kind, icon, name, lines in kinds
            if lines
        ]


def _save(preview: Preview, membership: Membership) -> str:
    """Add the runs and return the message that says how many were new."""
    new, known = add_pasted(membership.team, preview.lines, membership.user)
    sentence = ngettext("%(n)s run was added.", "%(n)s runs were added.", new) % {"n": f"{new:,}"}
    if known:
        already = ngettext("%(n)s was already here.", "%(n)s were already here.", known) % {"n": f"{known:,}"}
        sentence = f"{sentence} {already}"
    return sentence


def _restore(preview: Preview, team: Team) -> str:
    """Restore the archived runs and return the message that says how many."""
    pks = [run.pk for run in known_runs(team, preview.archived).values()]
    count = restore_runs(team, pks)
    return ngettext("%(n)s run was restored.", "%(n)s runs were restored.", count) % {"n": f"{count:,}"}
