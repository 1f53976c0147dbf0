"""What runs does a team track, how far are they, and what may be done with them?"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import CharField, Count, Q
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.forms import RunsForm, TitleForm
from dashboard.templatetags.dubroom import status as drawn_status
from results import bell, ids, languages, timecode, tracking
from results.models import ApiKey, Pulse, Run, RunQuerySet
from teams.access import can_change, can_manage, membership_in, membership_or_404, require_change
from teams.models import Membership, Team

PAGE = 50
LANGUAGES_SHOWN = 3
PREVIEW_SHOWN = 50
MOST_PICKED = 1000

Status = Run.Status
page_methods = require_http_methods(["GET", "HEAD", "POST"])


@login_required
@require_safe
def list_(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    wanted = Wanted.read(request.GET)
    # Read before all else: what changes meanwhile is newer than this, and the next poll brings it.
    version = Pulse.of(membership.team_id)
    page = _page(Run.objects.filter(team=membership.team), wanted)
    context = _context(membership, wanted, page.runs)
    context |= {"page": page, "oldest_first": wanted.query(order="oldest"), "newest_first": wanted.query(order="")}
    return render(request, "runs/list.html", context | _poller(context, version, page.runs))


@login_required
@require_safe
def poll(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer 204, or those of the `ids` on the page that changed `since`, with the strip and the tabs."""
    membership = membership_or_404(request.user, slug)
    version = Pulse.of(membership.team_id)
    since = _number(request.GET.get("since", ""))
    if version == since:
        return HttpResponse(status=204)
    shown = [_number(pk) for pk in request.GET.get("ids", "").split(",")[:PAGE]]
    runs = list(_with_names(Run.objects.filter(team=membership.team, pk__in=shown)))
    changed = [run for run in runs if run.version > since]
    context = _context(membership, Wanted.read(request.GET), changed)
    context["gone"] = sorted(set(filter(None, shown)) - {run.pk for run in runs})
    context["news"] = _news(changed)
    return render(request, "runs/_list_poll.html", context | _poller(context, version, runs))


@login_required
@page_methods
def add(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_or_404(request.user, slug)
    require_change(membership)
    form = RunsForm(request.POST or None, request.FILES or None)
    preview = None
    if request.method == "POST" and form.is_valid():
        preview = Preview.of(membership.team, form.cleaned_data["lines"])
        if "save" in request.POST and not preview.is_vain:
            messages.success(request, _save(preview, membership))
            return redirect("runs-list", slug)
        if "save" in request.POST:
            form.add_error(None, _("There is no run id in this text yet, so nothing was added."))
    context = {
        "membership": membership,
        "preview": preview,
        "problems": [error for errors in form.errors.values() for error in errors],
        # Without script the page comes back: what was in the file stands in the box then, so that it is not lost.
        "typed": form.cleaned_data["text"] if preview else request.POST.get("text", ""),
        "most_ids": f"{RunsForm.MOST_IDS:,}",
    }
    return render(request, "runs/add.html", context, status=422 if form.errors else 200)


@login_required
@page_methods
def title(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = _changeable(request, pk)
    form = TitleForm(request.POST or None, instance=run)
    if request.method == "POST" and form.is_valid():
        form.save()
        # Only the answer to a form that was sent from within a page: an address always answers a whole one.
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "runs/_name.html", {"run": run, "oob": True})
        return redirect("runs-detail", pk)
    context = {"membership": membership, "run": run, "form": form}
    return render(request, "runs/title.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def refresh_now(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = _changeable(request, pk)
    key = ApiKey.objects.filter(team=membership.team).first()
    if tracking.request(run):
        messages.info(request, _("CAMB.AI is being asked; what it says appears here."))
    elif key is None:
        messages.error(request, _("Nobody can be asked: this team has no CAMB.AI key yet."))
    elif key.is_in_trouble:
        messages.error(request, key.message)
    else:
        messages.info(request, _("CAMB.AI is being asked already, or was a moment ago."))
    return redirect("runs-detail", pk)


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
        runs = runs.filter(pk__in=[_number(pk) for pk in request.POST.getlist("pk")[:MOST_PICKED]])
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


@login_required
@page_methods
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = _changeable(request, pk)
    if request.method == "POST":
        tracking.remove_run(run)
        messages.success(request, _("“%(run)s” was removed.") % {"run": run})
        return redirect("runs-list", membership.team.slug)
    return render(request, "runs/remove.html", {"membership": membership, "run": run})


def _changeable(request: HttpRequest, pk: int) -> tuple[Run, Membership]:
    run = get_object_or_404(Run.objects.visible_to(request.user).select_related("team"), pk=pk)
    membership = membership_in(request.user, run.team)
    require_change(membership)
    return run, membership


# --- What the address of the list asks for -----------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """Filter, order and place in the list. Whatever is odd in an address counts as not asked for."""

    q: str = ""
    status: str = ""
    order: str = ""
    after: int = 0
    before: int = 0

    @classmethod
    def read(cls, query: QueryDict) -> "Wanted":
        status, order = query.get("status", ""), query.get("order", "")
        return cls(
            q=query.get("q", "").replace("\0", "").strip()[:200],
            status=status if status in Status.values else "",
            order=order if order == "oldest" else "",
            after=_number(query.get("after", "")),
            before=_number(query.get("before", "")),
        )

    def query(self, **changes: Any) -> str:
        """The query string of this list with these changes, from its beginning unless they say a place."""
        wanted = replace(self, **({"after": 0, "before": 0} | changes))
        return "?" + urlencode({name: value for name, value in vars(wanted).items() if value})

    def named(self, runs: RunQuerySet) -> RunQuerySet:
        """Those whose title contains what was typed, or whose id begins with it."""
        if not self.q:
            return runs
        found = Q(title__icontains=self.q)
        if self.q.isdecimal():
            runs = runs.alias(written_id=Cast("camb_run_id", CharField()))
            found |= Q(written_id__startswith=str(int(self.q[:19])))
        return runs.filter(found)

    def matching(self, runs: RunQuerySet) -> RunQuerySet:
        """Those that the list shows, on all of its pages."""
        return self.named(runs.filter(status=self.status) if self.status else runs)


def _number(text: str) -> int:
    """An id from an address, or 0 when it is none; never one that a database refuses."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


@dataclass(frozen=True)
class Page:
    runs: list[Run]
    before: str = ""
    after: str = ""


def _page(runs: RunQuerySet, wanted: Wanted) -> Page:
    """One page of the list, found by the id where it begins or ends: as quick at its end as at its top."""
    runs = wanted.matching(runs)
    backwards = bool(wanted.before)
    rising = (wanted.order == "oldest") != backwards
    if place := wanted.before or wanted.after:
        runs = runs.filter(pk__gt=place) if rising else runs.filter(pk__lt=place)
    found = list(_with_names(runs).order_by("pk" if rising else "-pk")[: PAGE + 1])
    is_more, found = len(found) > PAGE, found[:PAGE]
    if backwards:
        found.reverse()
    has_before, has_after = (is_more, True) if backwards else (bool(wanted.after), is_more)
    return Page(
        found,
        wanted.query(before=found[0].pk) if found and has_before else "",
        wanted.query(after=found[-1].pk) if found and has_after else "",
    )


def _with_names(runs: RunQuerySet) -> RunQuerySet:
    return runs.select_related("added_by").only(
        "camb_run_id", "camb_task_id", "title", "status", "reason", "checked_at", "due_at", "languages",
        "duration_ms", "cue_count", "version", "added_by__name", "added_by__email",
    )  # fmt: skip


# --- What the list shows -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Tab:
    name: str
    count: int
    href: str
    status: str
    is_current: bool


class Row(NamedTuple):
    """One run, ready to be printed: the row's template only puts strings in their places."""

    pk: str
    href: str
    title_href: str
    name: str
    camb_run_id: str
    languages: str
    languages_in_full: str
    status: SafeString
    reason: str
    reason_in_full: str
    checked: str
    checked_text: str
    due: str
    due_text: str
    pause: str
    length: str
    cues: str
    added_by: str


def _context(membership: Membership, wanted: Wanted, runs: Iterable[Run]) -> dict[str, Any]:
    """What the page and the answer to its poll have in common: rows, strip, tabs and the key's trouble."""
    team = membership.team
    everything = Run.objects.filter(team=team)
    counts = _counts(everything)
    due = everything.unfinished().order_by("due_at").values_list("due_at", flat=True).first()
    key = ApiKey.objects.filter(team=team).first()
    gate = key.retry_at if key else None
    tabs = _tabs(wanted, _counts(wanted.named(everything)) if wanted.q else counts)
    return {
        "membership": membership,
        "can_change": can_change(membership),
        "can_manage": can_manage(membership),
        "wanted": wanted,
        "total": sum(counts.values()),
        "ready": counts[Status.READY],
        "failed": counts[Status.FAILED],
        "missing": counts[Status.NOT_FOUND],
        "next_at": max(due, gate) if due and gate else due,
        "key": key,
        "silent_since": bell.silent_since() if due else None,
        "progress": tracking.progress(team),
        "tabs": tabs,
        "matching": next(tab.count for tab in tabs if tab.is_current),
        "rows": _rows(runs, key),
    }


def _counts(runs: RunQuerySet) -> dict[str, int]:
    counted = dict(runs.order_by().values_list("status").annotate(Count("pk")))
    return {status: counted.get(status, 0) for status in Status.values}


def _tabs(wanted: Wanted, counts: dict[str, int]) -> list[Tab]:
    """All, and each status that there is; the chosen one stays, so that nobody stands on a tab that vanishes."""
    tabs = [Tab(_("All"), sum(counts.values()), wanted.query(status=""), "", not wanted.status)]
    tabs += [
        Tab(str(Status(status).label), count, wanted.query(status=status), status, status == wanted.status)
        for status, count in counts.items()
        if count or status == wanted.status
    ]
    return tabs


def _rows(runs: Iterable[Run], key: ApiKey | None) -> list[Row]:
    drawn = {status: drawn_status(status) for status in Status.values}
    # One reverse() for all rows: what stands before and after the id.
    page, title = (reverse(name, args=[0]).rsplit("0", 1) for name in ("runs-detail", "runs-title"))
    pause = _("waits for a key") if key is None else _("paused") if key.is_in_trouble else ""
    return [_row(run, drawn, page, title, pause) for run in runs]


def _row(run: Run, drawn: dict[str, SafeString], page: list[str], title: list[str], pause: str) -> Row:
    pk = str(run.pk)
    spoken = list(dict.fromkeys(languages.name(tag.split("-")[0]) for tag in run.languages if tag))
    more = f" +{len(spoken) - LANGUAGES_SHOWN}" if len(spoken) > LANGUAGES_SHOWN else ""
    checked, checked_text = _moment(run.checked_at)
    due, due_text = _moment(run.due_at)
    return Row(
        pk=pk,
        href=pk.join(page),
        title_href=pk.join(title),
        name=str(run),
        camb_run_id=str(run.camb_run_id or ""),
        languages=", ".join(spoken[:LANGUAGES_SHOWN]) + more,
        languages_in_full=", ".join(filter(None, map(languages.name, run.languages))),
        status=drawn[run.status],
        reason=Truncator(run.reason).chars(70),
        reason_in_full=run.reason,
        checked=checked,
        checked_text=checked_text,
        due=due,
        due_text=due_text,
        pause=pause if due else "",
        length=timecode.short(run.duration_ms) if run.duration_ms else "",
        cues=str(run.cue_count) if run.cue_count else "",
        added_by=str(run.added_by) if run.added_by else "",
    )


def _moment(at: datetime | None) -> tuple[str, str]:
    """For the machine, and for a person whose browser runs no script."""
    return (at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M} UTC") if at else ("", "")


def _poller(context: dict[str, Any], version: int, runs: Iterable[Run]) -> dict[str, Any]:
    """The element that asks again, printed only while the team has something unfinished."""
    if context["next_at"] is None:
        return {}
    values = {"since": version, "ids": ",".join(str(run.pk) for run in runs)}
    address = reverse("runs-poll", args=[context["membership"].team.slug]) + context["wanted"].query()
    return {"poll_address": address, "poll_values": json.dumps(values)}


def _news(changed: list[Run]) -> str:
    """What a screen reader says: the runs that came to an end, or how many when that would be a litany."""
    ended = [run for run in changed if run.due_at is None]
    if len(ended) > 3:
        return ngettext("%(n)s run is done.", "%(n)s runs are done.", len(ended)) % {"n": len(ended)}
    return " ".join(f"{run}: {run.get_status_display()}." for run in ended)


# --- Adding ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Lines of one kind; only the first few are shown."""

    kind: str
    icon: str
    name: str
    count: int
    lines: list[ids.Line]
    more: int


@dataclass(frozen=True)
class Preview:
    """What saving a text would do."""

    new: list[ids.Line]
    tasks: list[ids.Line]
    known: list[ids.Line]
    repeated: list[ids.Line]
    odd: list[ids.Line]
    words: list[ids.Line]

    @classmethod
    def of(cls, team: Team, lines: list[ids.Line]) -> "Preview":
        kinds: dict[ids.Verdict, list[ids.Line]] = {verdict: [] for verdict in ids.Verdict}
        for line in lines:
            kinds[line.verdict].append(line)
        here = _here(team, [line.run_id for line in kinds[ids.Verdict.ID]])
        return cls(
            new=[line for line in kinds[ids.Verdict.ID] if line.run_id not in here],
            tasks=kinds[ids.Verdict.TASK],
            known=[line for line in kinds[ids.Verdict.ID] if line.run_id in here],
            repeated=kinds[ids.Verdict.REPEATED],
            odd=kinds[ids.Verdict.NOT_AN_ID],
            words=kinds[ids.Verdict.WORD],
        )

    @property
    def is_vain(self) -> bool:
        """There is nothing to save in it."""
        return not (self.new or self.tasks or self.known)

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
            (self.repeated, ngettext("%(n)s repeated", "%(n)s repeated", len(self.repeated))),
            (self.odd, ngettext("%(n)s not an id", "%(n)s not ids", len(self.odd))),
            (self.words, ngettext("%(n)s word passed over", "%(n)s words passed over", len(self.words))),
        )
        return " · ".join(words % {"n": f"{len(lines):,}"} for lines, words in counts if lines)

    @property
    def groups(self) -> list[Group]:
        """What needs a look first; words are only counted."""
        kinds = (
            ("failed", "trouble", _("Not a run id"), self.odd),
            ("ready", "add", _("New"), self.new),
            ("ready", "clock", _("Tasks"), self.tasks),
            ("known", "check", _("Already here"), self.known),
            ("known", "copy", _("Repeated"), self.repeated),
        )
        return [
            Group(kind, icon, name, len(lines), lines[:PREVIEW_SHOWN], max(len(lines) - PREVIEW_SHOWN, 0))
            for kind, icon, name, lines in kinds
            if lines
        ]


def _here(team: Team, run_ids: list[int]) -> set[int]:
    """Those of the ids that the team tracks. Asked in parts: a database takes only so many values at once."""
    here: set[int] = set()
    for start in range(0, len(run_ids), 500):
        found = Run.objects.filter(team=team, camb_run_id__in=run_ids[start : start + 500])
        here |= {run.camb_run_id for run in found.only("camb_run_id") if run.camb_run_id}
    return here


def _save(preview: Preview, membership: Membership) -> str:
    """Save what was found and return the sentence that says so."""
    team, user = membership.team, membership.user
    added = tracking.add_runs(team, [(line.run_id, line.title) for line in (*preview.new, *preview.known)], user)
    tasks = tracking.add_tasks(team, [(line.task_id, line.title) for line in preview.tasks], user)
    new, known = added.new + tasks, len(added.known) + len(preview.tasks) - tasks
    said = ngettext("%(n)s run was added.", "%(n)s runs were added.", new) % {"n": f"{new:,}"}
    if known:
        here = ngettext("%(n)s was already here.", "%(n)s were already here.", known) % {"n": f"{known:,}"}
        said = f"{said} {here}"
    return said
