"""What an event says, in words: one sentence for each kind, and where it leads."""

from collections.abc import Sequence
from functools import cache
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from results.models import Event
from results.transcripts import languages, timecode
from results.transcripts.languages import quoted

Kind = Event.Kind
# So many dubs of a partly ready run are named.
MAX_MISSING = 5


def heading(kind: str, count: int) -> str:
    """Return what happened so many times, such as “12 runs are ready”."""
    sentences = {
        Kind.READY: ngettext("%(n)s run is ready", "%(n)s runs are ready", count),
        Kind.PARTLY: ngettext("%(n)s run is partly ready", "%(n)s runs are partly ready", count),
        Kind.FAILED: ngettext("%(n)s run failed", "%(n)s runs failed", count),
        Kind.NOT_FOUND: ngettext("%(n)s run was not found", "%(n)s runs were not found", count),
        Kind.CHANGED: ngettext(
            "%(n)s dub changed after it was ready", "%(n)s dubs changed after they were ready", count
        ),
        Kind.FOUND: ngettext("%(n)s new dub for a saved search", "%(n)s new dubs for saved searches", count),
        Kind.KEY: _("CAMB.AI key"),
        Kind.AWAY: _("CAMB.AI"),
        Kind.COPIES: _("Copies of media"),
        Kind.CHANNEL: _("Channels"),
        Kind.WEEKLY: _("Weekly summary"),
    }
    return sentences[Kind(kind)] % {"n": f"{count:,}"}


def sentence(event: Event) -> str:
    """Return what an event says beside the run's name; without a run, all of it."""
    detail = event.detail
    match event.kind:
        case Kind.FAILED | Kind.NOT_FOUND:
            return str(detail.get("reason", ""))
        case Kind.PARTLY:
            return _missing(detail.get("missing", {}))
        case Kind.CHANGED:
            return _difference(event)
        case Kind.FOUND:
            count = detail.get("count", 0)
            lines = ngettext("%(n)s line matches %(search)s", "%(n)s lines match %(search)s", count)
            return lines % {"n": f"{count:,}", "search": quoted(event.saved_search)}
        case Kind.KEY | Kind.AWAY:
            return _key_state(detail)
        case Kind.COPIES:
            return str(detail.get("message", ""))
        case Kind.CHANNEL:
            return _("The channel %(name)s is switched off: %(problem)s") % {
                "name": quoted(detail.get("name", "")),
                "problem": detail.get("problem", ""),
            }
        case Kind.WEEKLY:
            counts = detail.get("counts", {})
            told = [heading(kind, counts[kind]) for kind in Kind.values if kind in counts and kind in _COUNTED]
            return _("In the last seven days: %(told)s") % {"told": ", ".join(told) or _("nothing new")}
    return ", ".join(languages.name(tag) for tag in event.run.languages if tag) if event.run else ""


_COUNTED = (Kind.READY, Kind.FAILED, Kind.NOT_FOUND, Kind.CHANGED)


def _key_state(detail: dict[str, str]) -> str:
    if detail.get("state") == "working":
        return _("CAMB.AI answers again.") if detail.get("before") == "unavailable" else _("The key works again.")
    if detail.get("state") == "unavailable":
        return _("CAMB.AI does not answer. Dubroom keeps trying. %(why)s") % {"why": detail.get("message", "")}
    return str(detail.get("message", ""))


def _missing(missing: dict[str, list[str]]) -> str:
    """Return what a partly ready run has not yet, such as “French: no audio yet; German: no transcript yet”."""
    named = []
    for tag, parts in list(missing.items())[:MAX_MISSING]:
        none_yet = _("no audio and no transcript yet")
        if len(parts) == 1:
            none_yet = _("no audio yet") if parts == ["audio"] else _("no transcript yet")
        named.append(": ".join(filter(None, (languages.name(tag), none_yet))))
    if len(missing) > MAX_MISSING:
        named.append(_("and %(n)s more") % {"n": len(missing) - MAX_MISSING})
    return "; ".join(named)


def _difference(event: Event) -> str:
    detail, name = event.detail, languages.name(event.language)
    if "lines" in detail:
        return _("New dub: %(language)s") % {"language": name or "?"}
    added, removed = detail.get("added", 0), detail.get("removed", 0)
    counts = ngettext(
        "%(added)s line added, %(removed)s removed", "%(added)s lines added, %(removed)s removed", added
    )
    counts %= {"added": f"{added:,}", "removed": f"{removed:,}"}
    parts = [name, counts]
    if detail.get("before") and detail.get("after"):
        parts.append(
            _("%(before)s became %(after)s")
            % {"before": quoted(detail["before"]), "after": quoted(detail["after"])}
        )
    return " · ".join(filter(None, parts))


@cache
def _parts_of_run_path() -> list[str]:
    return reverse("runs-detail", args=[0]).rsplit("0", 1)


def run_path(pk: int) -> str:
    """Return the path of a run's page, by one reverse() for all runs: lists and messages name very many."""
    before, after = _parts_of_run_path()
    return f"{before}{pk}{after}"


def path_of(event: Event) -> str:
    """Return the path of the page that an event is about, at the second of the dub if it has one."""
    slug = event.team.slug
    if event.run_id:
        query = {"dub": event.language} if event.language else {}
        if event.kind == Kind.FOUND and event.saved_search:
            query["find"] = event.saved_search.q
        if event.at_ms is not None:
            query["t"] = timecode.short(event.at_ms)
        page = run_path(event.run_id)
        return f"{page}?{urlencode(query)}" if query else page
    names = {Kind.KEY: "keys", Kind.COPIES: "teams-media", Kind.CHANNEL: "channels"}
    return reverse(names.get(Kind(event.kind), "activity"), args=[slug])


def found_path(slug: str, events: Sequence[Event], count: int) -> str:
    """Return the path of what a saved search found once, of that search, or of the page that lists all of them.

    `events` are those of the `count` that are known here.
    """
    if len(events) == count == 1:
        return path_of(events[0])
    searches = {event.saved_search.q for event in events if event.saved_search}
    page = reverse("search", args=[slug])
    is_one = len(events) == count and len(searches) == 1
    return f"{page}?{urlencode({'q': searches.pop()})}" if is_one else page


def runs_path(slug: str, first: int, last: int, *kinds: str) -> str:
    """Return the path of the list of exactly the runs of these events."""
    return f"{reverse('runs-list', args=[slug])}?events={'-'.join([str(first), str(last), *kinds])}"


def absolute(path: str) -> str:
    """Return the address of a path of this site, for those who read it elsewhere."""
    return f"{settings.SITE_URL}{path}"
