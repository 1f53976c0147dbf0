"""Template tags for Dubroom's own terms: icons, statuses, durations, relative times and transcript lines."""

from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from html import escape  # Django's takes three times as long

from babel import Locale
from babel.dates import format_timedelta
from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboard.pages import markup
from dashboard.pages.ready_by import ready_by
from dashboard.pages.render_once import CSRF_TOKEN, render_each, render_once
from dashboard.pages.transcript_parts import LineCheck, TranscriptLine, TranscriptRow
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
def cues(lines: Iterable[TranscriptLine], direction: str, is_playable: object, dismiss_url: str) -> SafeString:
    """Return the lines of a transcript as list items, laid out in the direction of its language.

    `dismiss_url` is the page that dismisses a review check; empty for a reader who may not.
    A page may have 20,000 lines, for which a loop in the template would take seconds.
    """
    return mark_safe("\n".join(_cue(line, "li", direction, is_playable, "cue-", dismiss_url) for line in lines))  # noqa: S308


@register.simple_tag
def rows(
    rows: Iterable[TranscriptRow],
    lang: str,
    direction: str,
    other_lang: str,
    other_direction: str,
    is_playable: object,
    dismiss_url: str,
) -> SafeString:
    """Return the rows of two dubs side by side as list items, each dub in its language."""

    def lines_of(side: Iterable[TranscriptLine], direction: str, name: str) -> str:
        return "".join(_cue(line, "div", direction, is_playable, name, dismiss_url) for line in side)

    own = format_html('<div lang="{}" dir="{}">', lang, direction)
    other = format_html('<div lang="{}" dir="{}">', other_lang, other_direction)
    return mark_safe(  # noqa: S308
        "\n".join(
            f'<li data-start="{row.start_ms}">'
            f"{own}{lines_of(row.lines, direction, 'cue-')}</div>"
            f"{other}{lines_of(row.others, other_direction, 'other-')}</div></li>"
            for row in rows
        )
    )


@register.simple_tag(name="render_once", takes_context=True)
def include_once(context: Context, template_name: str, **values: Hashable) -> SafeString:
    """Include a template that prints nothing beyond these values: see `dashboard.pages.render_once`."""
    html: str = render_once(template_name, **values)
    if CSRF_TOKEN in html:
        html = html.replace(CSRF_TOKEN, str(context["csrf_token"]))
    return mark_safe(html)  # noqa: S308


@register.simple_tag(name="render_each")
def include_each(template_name: str, rows: Iterable[Hashable], **values: Hashable) -> SafeString:
    """Include a template without a form for each `row`, as `render_once` does."""
    return render_each(template_name, rows, **values)


@register.simple_tag
def review_check(check: LineCheck, dismiss_url: str) -> SafeString:
    """Return a review check of a line, with the link that dismisses it or brings it back."""
    return mark_safe(_check(check, dismiss_url))  # noqa: S308


def _cue(line: TranscriptLine, tag: str, direction: str, is_playable: object, name: str, dismiss_url: str) -> str:
    """Return a line as an element with this tag. Speaker, text and checks are escaped here."""
    speaker = f"<bdi>{escape(line.speaker)}</bdi>" if line.speaker else ""
    clock = f'<button type="button">{line.clock}</button>' if is_playable else f"<time>{line.clock}</time>"
    checks = "".join(_check(check, dismiss_url) for check in line.checks)
    text = escape(line.text) if line.marks is None else markup.with_marks(line.text, line.marks)
    found = "" if line.marks is None else " is-found"
    return (
        f'<{tag} id="{name}{line.position}" class="cue {line.voice}{found}" data-start="{line.start_ms}"'
        f' data-end="{line.end_ms}">{speaker}{clock}<p dir="{direction}">{text}</p>{checks}</{tag}>'
    )


def _check(check: LineCheck, dismiss_url: str) -> str:
    # The words are in the language of the interface, and a reason in any.
    link = ""
    if dismiss_url:
        query = f"?line={check.line_id}&amp;kind={check.check.kind.value}"
        link = f'<a href="{dismiss_url}{query}">{_link_label(bool(check.dismissed), get_language())}</a>'
    return f'<div class="check"><small><span dir="auto">{escape(check.words)}</span></small>{link}</div>'


@lru_cache(maxsize=100)
def _link_label(is_dismissed: bool, _language: str | None) -> str:
    return escape(_("Change") if is_dismissed else _("Dismiss"))
