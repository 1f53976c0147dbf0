"""Adds runs to a team from pasted text or a file, after a preview."""

from dataclasses import dataclass
from typing import Any, Self

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.forms.run import RunsForm
from dashboard.http.requests import page_methods
from results.models import Run
from results.runs.add import PastedRuns, add_pasted
from results.runs.archive import unarchive_runs
from results.runs.paste import files, limits, verdicts
from results.runs.paste.column_names import Role
from results.runs.paste.pasted_ids import PastedText
from results.transcripts import languages
from teams.access import membership_or_404, require_change
from teams.models import Membership, Team

PREVIEW_SHOWN = 50
ROWS_SHOWN = 4
COLUMNS_SHOWN = 40


@login_required
@page_methods
def page(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    form = RunsForm(request.POST or None, request.FILES or None)
    preview = None
    if request.method == "POST" and form.is_valid():
        pasted = form.cleaned_data["pasted"]
        preview = Preview.of(membership.team, pasted.lines)
        is_saved = "save" in request.POST or "restore" in request.POST
        if is_saved and preview.lines:
            messages.success(request, _save(preview, membership))
            if "restore" in request.POST:
                messages.success(request, _unarchive(preview, membership.team))
            return redirect("runs-list", slug)
        if is_saved and not pasted.question:
            form.add_error(None, _("There is no run id in this text yet, so nothing was added."))
    context = {
        "membership": membership,
        "preview": preview,
        "table": _preview_table(form.cleaned_data) if preview else None,
        "question": form.cleaned_data["pasted"].question if preview else "",
        "file": form.cleaned_data["read_file"] if preview else None,
        "encodings": files.ENCODINGS,
        "problems": [error for errors in form.errors.values() for error in errors],
        # Without script the whole page is sent again; its text box then holds the file's text, so none is lost.
        "typed": form.cleaned_data["text"] if preview else request.POST.get("text", ""),
        "most_ids": f"{limits.MAX_IDS:,}",
    }
    return render(request, "runs/add/page.html", context, status=422 if form.errors else 200)


def _preview_table(cleaned: dict[str, Any]) -> "PreviewTable | None":
    return PreviewTable.of(cleaned["pasted"], is_chosen=bool(cleaned.get("role")))


@dataclass(frozen=True)
class PreviewColumn:
    """A column of the table: its name, its role, and its first cells."""

    name: str
    role: Role
    is_candidate: bool
    cells: list[str]


@dataclass(frozen=True)
class PreviewTable:
    """The table as it was read, in which a person can choose what each column holds."""

    fingerprint: str
    question: str
    """Why no id is read from this table."""
    columns: list[PreviewColumn]
    roles: list[tuple[Role, str]]
    is_chosen: bool
    """Whether the person has chosen what the columns hold."""

    @classmethod
    def of(cls, pasted: PastedText, *, is_chosen: bool) -> Self | None:
        """Return the table of the text; None if it has none with more than one column."""
        table = pasted.table
        if table is None or len(table.names) < 2:
            return None
        columns = [
            PreviewColumn(
                table.name_of(at),
                table.choice.roles[at],
                at in table.choice.candidates,
                [row[at] for row in table.rows[:ROWS_SHOWN]],
            )
            for at in range(len(table.names[:COLUMNS_SHOWN]))
        ]
        roles = [
            (Role.OTHER, _("Not used")),
            (Role.RUN, _("Run ids")),
            (Role.TASK, _("Task ids")),
            (Role.TITLE, _("Titles")),
            (Role.LANGUAGE, _("Languages")),
            (Role.SOURCE, _("Sources")),
            (Role.TAGS, _("Tags")),
        ]
        return cls(table.fingerprint, table.question, columns, roles, is_chosen)

    @property
    def summary(self) -> str:
        """The names of the columns that are used."""
        return ", ".join(column.name for column in self.columns if column.role is not Role.OTHER)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        return list(zip(*(column.cells for column in self.columns), strict=True))


@dataclass(frozen=True)
class PreviewLine:
    """A pasted id with the run that the team has of it."""

    line: verdicts.PastedId
    run: Run | None

    @property
    def language(self) -> str:
        """The name of the language that the line gives the run's dub."""
        return languages.name(self.line.language)


@dataclass(frozen=True)
class PreviewGroup:
    """The pasted ids of one kind: their number, and the first of them."""

    kind: str
    icon: str
    name: str
    count: int
    lines: list[PreviewLine]
    more: int


class Preview(PastedRuns):
    """The pasted ids by what saving would do with them, ready to print."""

    @property
    def is_empty(self) -> bool:
        return not (self.lines or self.bad or self.repeated or self.no_ids or self.words)

    @property
    def size(self) -> int:
        return len(self.new) + len(self.tasks) + len(self.removed)

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
            (
                self.removed,
                ngettext("%(n)s to be restored", "%(n)s to be restored", len(self.removed)),
            ),
            (self.bad, ngettext("%(n)s invalid id", "%(n)s invalid ids", len(self.bad))),
            (self.no_ids, ngettext("%(n)s not an id", "%(n)s not ids", len(self.no_ids))),
            (self.repeated, ngettext("%(n)s repeated", "%(n)s repeated", len(self.repeated))),
        )
        return " · ".join(words % {"n": f"{len(lines):,}"} for lines, words in counts if lines)

    @property
    def groups(self) -> list[PreviewGroup]:
        """The ids that come in or are here, what is new first, and then the cells of the id column without one."""
        return self._grouped(
            ("ready", "add", _("New"), self.new),
            ("ready", "clock", _("Tasks"), self.tasks),
            ("ready", "restore", _("Removed before: adding restores them"), self.removed),
            ("failed", "warning", _("Invalid ids"), self.bad),
            ("known", "check", _("Already here"), self.known),
            ("known", "archive", _("Already here, archived"), self.archived),
        )

    @property
    def passed_over_groups(self) -> list[PreviewGroup]:
        return self._grouped(
            ("known", "close", _("Not ids"), self.no_ids),
            ("known", "copy", _("Repeated"), self.repeated),
        )

    @property
    def words_shown(self) -> str:
        """The words without an id, as they follow each other in the text."""
        more = " …" if len(self.words) > PREVIEW_SHOWN else ""
        return " ".join(line.written for line in self.words[:PREVIEW_SHOWN]) + more

    def _grouped(self, *kinds: tuple[str, str, str, list[verdicts.PastedId]]) -> list[PreviewGroup]:
        return [
            PreviewGroup(
                kind,
                icon,
                name,
                len(lines),
                [PreviewLine(line, self.known_runs.get(line.found)) for line in lines[:PREVIEW_SHOWN]],
                max(len(lines) - PREVIEW_SHOWN, 0),
            )
            for kind, icon, name, lines in kinds
            if lines
        ]


def _save(preview: Preview, membership: Membership) -> str:
    """Add the runs and return the message that says how many were new."""
    new, known = add_pasted(membership.team, preview.lines, membership.user)
    sentence = ngettext("%(n)s run is added.", "%(n)s runs are added.", new) % {"n": f"{new:,}"}
    if restored := len(preview.removed):
        back = ngettext("%(n)s is restored.", "%(n)s are restored.", restored) % {"n": f"{restored:,}"}
        sentence, known = f"{sentence} {back}", known - restored
    if known:
        already = ngettext("%(n)s was already here.", "%(n)s were already here.", known) % {"n": f"{known:,}"}
        sentence = f"{sentence} {already}"
    return sentence


def _unarchive(preview: Preview, team: Team) -> str:
    """Restore the archived runs and return the message that says how many."""
    pks = [preview.known_runs[line.found].pk for line in preview.archived]
    count = unarchive_runs(team, pks)
    return ngettext("%(n)s run is restored.", "%(n)s runs are restored.", count) % {"n": f"{count:,}"}
