"""Template tags for Dubroom's own terms: icons, statuses, durations, relative times and transcript lines."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from babel import Locale
from babel.dates import format_timedelta
from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now
from django.utils.translation import get_language

from dashboard.pages import markup
from dashboard.pages.kept_pieces import render_kept
from dashboard.pages.ready_by import ready_by
from dashboard.pages.render_once import CSRF_TOKEN, render_each, render_once
from dashboard.pages.run_detail import ShownDub
from dashboard.pages.transcript_lines import print_parts
from dashboard.units import date_and_time
from results.transcripts import timecode

register = template.Library()


register.simple_tag(markup.icon)
register.simple_tag(markup.status_label, name="status")
register.simple_tag(ready_by)


@register.filter
def duration(ms: int) -> str:
    """Return a duration in milliseconds as `M:SS` or `H:MM:SS`; an empty string for 0."""
    return timecode.short(ms) if ms else ""


@register.filter
def iso_time(at: datetime) -> str:
    """Return a time as the `datetime` of a `<time>`, which allows no six digits of a second."""
    return at.isoformat(timespec="seconds")


@register.simple_tag
def ago(at: datetime, due: str = "") -> SafeString:
    """Return how long ago a time is. With `due` it may be ahead, and `due` takes its place once it has come.

    The words are those of static/js/times.js, so that nothing moves when the script takes over.
    """
    ahead = round((at - now()).total_seconds())
    # The clocks of servers differ a little: what has happened is never ahead.
    seconds = ahead if due else min(ahead, -1)
    size = next((size for size in (86_400, 3600, 60) if abs(seconds) >= size), 1)
    rounded = timedelta(seconds=int(seconds / size) * size)
    locale = Locale.parse(get_language() or "en", sep="-")
    words = format_timedelta(rounded, threshold=1, add_direction=True, format="narrow", locale=locale)
    return format_html(
        '<time data-relative{} datetime="{}" title="{}">{}</time>',
        format_html(' data-due="{}"', due) if due else "",
        iso_time(at),
        date_and_time(at),
        due if due and seconds < 1 else words,
    )


@register.simple_tag
def lines(player: ShownDub, dismiss_url: str) -> SafeString:
    """Return the lines of the transcript, or the rows of two dubs; `dismiss_url` is as LinePrinter takes it."""
    return print_parts(player.transcript, is_playable=bool(player.playing_kind), dismiss_url=dismiss_url)


@register.simple_tag(name="render_once", takes_context=True)
def include_once(context: Context, template_name: str, **values: Hashable) -> SafeString:
    """Include a template that prints nothing beyond these values: see `dashboard.pages.render_once`."""
    return _with_token(render_once(template_name, **values), context)


@register.simple_tag(name="render_each")
def include_each(template_name: str, rows: Iterable[Hashable], **values: Hashable) -> SafeString:
    """Include a template without a form for each `row`, as `render_once` does."""
    return render_each(template_name, rows, **values)


@register.simple_tag(takes_context=True)
def keep(context: Context, template_name: str, player: ShownDub, **values: Hashable) -> SafeString:
    """Include a template that prints nothing beyond the dub, its run and these values, from what is kept of it."""
    models = {"player": player, "run": player.dub.run}
    return _with_token(render_kept(template_name, player.digest, models, **values), context)


@register.simple_tag(takes_context=True)
def keep_names(context: Context, template_name: str, names: Sequence[str], **values: Hashable) -> SafeString:
    """Include a template that prints nothing beyond these values and names, which may be many."""
    digest = sha256(repr(names).encode(errors="surrogatepass")).digest()
    return _with_token(render_kept(template_name, digest, {"names": names}, **values), context)


def _with_token(html: str, context: Context) -> SafeString:
    """Return the piece with the token of the person who looks at it in its forms."""
    return mark_safe(html.replace(CSRF_TOKEN, str(context["csrf_token"])) if CSRF_TOKEN in html else html)  # noqa: S308
