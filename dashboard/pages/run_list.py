"""Page model of the list of runs: the tabs and the rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboard.pages.markup import icon, language_label, language_mismatch_label, status_label
from dashboard.pages.ready_by import ready_by_in_short, waits_for
from dashboard.pages.render_once import CACHE_SIZE
from dashboard.pages.run_pictures import RunPictures
from dashboard.pages.run_query import ARCHIVED, BY_SOURCE, COLUMNS, KEPT, LANGUAGE_FILTERS, NOT_KEPT, RunListQuery
from dashboard.units import date_and_time
from results.models import ApiKey, Run, RunQuerySet, SavedView
from results.runs import saved_views
from results.runs.listed import ListedRun
from results.transcripts import languages, timecode
from teams.models import Membership, User

# The table's class that hides each of COLUMNS.
HIDING = {
    "id": "without-id",
    "languages": "without-languages",
    "length": "without-length",
    "cues": "without-cues",
    "checks": "without-checks",
    "by": "without-by",
    "checked": "without-checked",
}
LANGUAGES_SHOWN = 3
TAGS_SHOWN = 2

Status = Run.Status


class ViewEntry(NamedTuple):
    """A saved view, with the number of its runs."""

    pk: int
    name: str
    href: str
    runs: int
    owner: str
    is_default: bool
    is_current: bool
    can_change: bool


class FilterChip(NamedTuple):
    """A filter that is on, with the query string of the list without it."""

    name: str
    without: str


class Heading(NamedTuple):
    """A column's heading, with the query string of the list sorted by it; another click turns the order round."""

    style: str
    name: str
    query: str
    meaning: str
    """What the column shows, where its name does not say it."""
    sorted: str
    """The value of `aria-sort`; empty if the list is not sorted by this column."""


class Headings(NamedTuple):
    """The headings that sort, by the name of their order."""

    title: Heading
    id: Heading
    status: Heading
    length: Heading
    lines: Heading
    checks: Heading
    checked: Heading


class ListMenus(NamedTuple):
    """The query strings of the menus beside the list, with what else these show."""

    view: str
    by_run: str
    by_source: str
    orders: tuple[tuple[str, str, bool], ...]
    """The orders that people choose most: name, query string, and whether the list has it."""
    columns: tuple[tuple[str, str, bool], ...]
    """The columns that may be hidden: key, name, and whether the list shows it."""


@dataclass(frozen=True)
class StatusTab:
    """A tab that filters the list by one status."""

    name: str
    count: int
    href: str
    status: str
    is_current: bool


class RunRow(NamedTuple):
    """One run, ready to print: the template only inserts these strings."""

    pk: str
    href: str
    title_href: str
    name: str
    tags: SafeString
    picture: SafeString
    camb_run_id: str
    languages: str
    languages_in_full: str
    language_href: str
    language_mismatch: str
    status: SafeString
    reason: str
    checked: str
    checked_text: str
    due: str
    due_text: str
    pause: str
    ready_by: str
    length: str
    cues: str
    checks: int
    added_by: str


def filter_chips(wanted: RunListQuery, who: str) -> list[FilterChip]:
    """Return the filters that are on; `who` is the name of the person who added the runs, if that is one."""
    copies = {KEPT: _("Media kept"), NOT_KEPT: _("Media not kept")}
    chips = [
        FilterChip(name, wanted.query(tag=[other for other in wanted.tag if other != name])) for name in wanted.tag
    ]
    named = {
        "lang": str(LANGUAGE_FILTERS.get(wanted.lang, languages.name(wanted.lang))),
        "who": _("Added by %(name)s") % {"name": who} if who else "",
        "since": _("Added since %(day)s") % {"day": wanted.since} if wanted.since else "",
        "until": _("Added until %(day)s") % {"day": wanted.until} if wanted.until else "",
        "copies": copies.get(wanted.copies, ""),
        "checks": _("With review checks") if wanted.checks else "",
        "events": _("In a notification") if wanted.events else "",
    }
    return chips + [FilterChip(name, wanted.query(**{field: ""})) for field, name in named.items() if name]


def build_views(membership: Membership, wanted: RunListQuery) -> list[ViewEntry]:
    """Return the member's own and the team's shared views. Each costs a query, when the menu is opened."""
    runs, slug = Run.objects.filter(team=membership.team_id), membership.team.slug
    entries = []
    for view in saved_views.visible_to(membership):
        query = RunListQuery.read_text(view.query)
        entries.append(
            ViewEntry(
                view.pk,
                view.name,
                reverse("runs-list", args=[slug]) + query.query(view=view.pk),
                query.matching(runs).count(),
                str(view.owner) if view.is_shared and view.owner_id != membership.user_id else "",
                view.is_default,
                wanted.view == str(view.pk) and wanted.is_list_of(view),
                saved_views.can_change(membership, view),
            )
        )
    return entries


def changed_view(membership: Membership, wanted: RunListQuery) -> SavedView | None:
    """Return the view that the list began as, if it shows something else now and the member may change the view."""
    if not wanted.view.isdecimal():
        return None
    view = saved_views.visible_to(membership).filter(pk=wanted.view).first()
    return view if view and saved_views.can_change(membership, view) and not wanted.is_list_of(view) else None


def shown_columns(wanted: RunListQuery, user: User) -> tuple[str, ...]:
    """Return the columns that the list shows: those of its view, else those that the person chose."""
    if wanted.cols:
        return tuple(name for name in COLUMNS if name in wanted.cols.split("-"))
    return tuple(name for name in COLUMNS if name not in (user.hidden_columns or ()))


def build_menus(wanted: RunListQuery, shown: Collection[str]) -> ListMenus:
    """Return what the menus beside the list offer; `shown` are the columns that it shows."""
    orders = {
        "": _("Newest first"),
        "oldest": _("Oldest first"),
        "title": _("By title"),
        "-length": _("Longest first"),
        "-checked": _("Newest check first"),
    }
    return ListMenus(
        wanted.query(),
        wanted.query(by=""),
        wanted.query(by=BY_SOURCE),
        tuple((name, wanted.query(order=order), order == wanted.order) for order, name in orders.items()),
        tuple((name, str(label), name in shown) for name, label in COLUMNS.items()),
    )


def build_headings(wanted: RunListQuery) -> Headings:
    columns = {
        "title": ("run-title", _("Run")),
        "id": ("number run-id", _("Id")),
        "status": ("run-state", _("Status")),
        "length": ("number run-length", _("Length")),
        "lines": ("number run-cues", _("Lines")),
        "checks": ("number run-checks", _("Review checks")),
        "checked": ("run-checked", _("Checked")),
    }
    meanings = {
        "length": _("Length of the media, or of its transcript"),
        "lines": _("Lines of the longest dub"),
    }
    headings = {}
    for order, (style, name) in columns.items():
        is_sorted, is_down = wanted.order.removeprefix("-") == order, wanted.order.startswith("-")
        following = f"-{order}" if is_sorted and not is_down else order
        headings[order] = Heading(
            style,
            name,
            wanted.query(order=following),
            meanings.get(order, ""),
            ("descending" if is_down else "ascending") if is_sorted else "",
        )
    return Headings(**headings)


def status_counts(runs: RunQuerySet) -> dict[str, int]:
    """Return the number of current runs by status, and the number of archived runs under `ARCHIVED`."""
    counted = dict(runs.current().order_by().values_list("status").annotate(Count("pk")))
    # With a limit for `pk`, SQLite counts in the index of archived runs, and reads no row of the team.
    archived = runs.archived().filter(pk__gt=0).count()
    return {status: counted.get(status, 0) for status in Status.values} | {ARCHIVED: archived}


def build_tabs(wanted: RunListQuery, counts: dict[str, int]) -> list[StatusTab]:
    """Return the tabs: All, and each status that has runs. They count runs, also in a list by source.

    The chosen tab stays even without runs, so that it does not vanish while the user looks at it.
    """
    current = sum(counts.values()) - counts[ARCHIVED]
    tabs = [StatusTab(_("All"), current, wanted.query(status=""), "", not wanted.status)]
    tabs += [
        StatusTab(
            _("Archived") if status == ARCHIVED else str(Status(status).label),
            count,
            wanted.query(status=status),
            status,
            status == wanted.status,
        )
        for status, count in counts.items()
        if count or status == wanted.status
    ]
    return tabs


class CheckState(NamedTuple):
    """When the team's next check is due, and what may stop it."""

    next_due_at: datetime | None
    key: ApiKey | None
    worker_missing_since: datetime | None

    @property
    def pause(self) -> str:
        """Why no run is checked, in a few words; empty while checks go on."""
        if self.key is None:
            return _("needs a key")
        return _("paused") if self.key.is_in_trouble or self.worker_missing_since else ""


class _RowLook(NamedTuple):
    """What rows of a page have in common: the list, why checks wait, and the viewer's language and time zone."""

    wanted: RunListQuery
    pause: str
    language: str | None
    zone: str


def build_rows(runs: Sequence[ListedRun], pause: str, wanted: RunListQuery) -> list[RunRow]:
    """Return the rows of these runs. With a `pause`, why nothing is checked, they promise nothing."""
    look = _RowLook(wanted, pause, get_language(), timezone.get_current_timezone_name())
    waits, media = [] if pause else waits_for(runs), RunPictures(runs)
    return [
        _row(run, look, media.picture(run), media.length_ms(run), ready_by_in_short(run, waits)) for run in runs
    ]


def _chips(names: Sequence[str], wanted: RunListQuery) -> SafeString:
    """Return the first tags, each a link to the list of the runs with the tag, and the number of the others."""
    links = ((wanted.query(tag=dict.fromkeys((*wanted.tag, name))), name) for name in names[:TAGS_SHOWN])
    chips = format_html_join("", '<a class="tag" href="{}"><bdi>{}</bdi></a>', links)
    if rest := names[TAGS_SHOWN:]:
        chips += format_html('<span class="tag" title="{}">+{}</span>', ", ".join(rest), len(rest))
    return chips


@lru_cache(maxsize=1)
def _paths() -> list[list[str]]:
    """Return the paths of a run's page and of two of its forms before and after the id: one reverse() for all."""
    names = ("runs-detail", "runs-edit-title", "runs-languages")
    return [reverse(name, args=[0]).rsplit("0", 1) for name in names]


# A row depends on nothing but these values, and most of the team's rows are the same as the last time.
@lru_cache(maxsize=CACHE_SIZE)
def _row(run: ListedRun, look: _RowLook, picture: SafeString, length_ms: int, ready_by: str) -> RunRow:
    pk, (page, title, language), wanted = str(run.pk), _paths(), look.wanted
    # A run that leaves the list while a page shows it keeps its row, which says so.
    is_moved = (run.archived_at is not None) != wanted.is_archive
    moved = _("Restored") if wanted.is_archive else _("Archived")
    guesses = run.guessed_languages
    tags_shown = run.languages or (run.given_language,)
    spoken = list(
        dict.fromkeys(language_label(languages.primary(tag), is_guess=tag in guesses) for tag in tags_shown if tag)
    )
    checks = [language_mismatch_label(reads, lines) for _tag, reads, lines in run.language_mismatches]
    more = f" +{len(spoken) - LANGUAGES_SHOWN}" if len(spoken) > LANGUAGES_SHOWN else ""
    checked, checked_text = _time_texts(run.checked_at)
    due, due_text = _time_texts(run.due_at)
    return RunRow(
        pk=pk,
        href=pk.join(page),
        title_href=pk.join(title),
        name=str(run),
        tags=_chips(run.tag_names, wanted),
        picture=picture,
        camb_run_id=str(run.camb_run_id or ""),
        languages=", ".join(spoken[:LANGUAGES_SHOWN]) + more,
        languages_in_full=", ".join(language_label(tag, is_guess=tag in guesses) for tag in tags_shown if tag),
        # Where there are several dubs, each has its language set on the run's page.
        language_href=pk.join(language) + "?row" if len(run.languages) <= 1 else "",
        language_mismatch=", ".join(checks),
        status=format_html('<span class="status">{}{}</span>', icon("archive"), moved)
        if is_moved
        else status_label(run.status),
        reason=run.reason,
        checked=checked,
        checked_text=checked_text,
        due=due,
        due_text=_("next {time}").replace("{time}", due_text) if due else "",
        pause=look.pause if due else "",
        ready_by=ready_by,
        length=timecode.short(length_ms) if length_ms else "",
        cues=f"{run.cue_count:,}" if run.cue_count else "",
        checks=run.check_count,
        added_by=run.added_by,
    )


def _time_texts(at: datetime | None) -> tuple[str, str]:
    """Return a time in ISO 8601, and as text for a browser that runs no script."""
    return (at.isoformat(timespec="seconds"), date_and_time(at)) if at else ("", "")
