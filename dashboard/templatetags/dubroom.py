"""How do our words look in a template: an icon, a status, a timecode?"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from babel import Locale
from babel.dates import format_timedelta
from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import now
from django.utils.translation import get_language

from dashboard.pages import markup
from dashboard.pages.transcript import TranscriptLine, TranscriptRow
from results.transcripts import timecode

register = template.Library()


register.simple_tag(markup.icon)
register.simple_tag(markup.status_label, name="status")


@register.filter
def duration(ms: int) -> str:
    """Return a length as `M:SS` or `H:MM:SS`, and nothing for none."""
    return timecode.short(ms) if ms else ""


@register.simple_tag
def ago(at: datetime, due: str = "") -> SafeString:
    """Say how far a moment is from now, as static/js/times.js goes on to; `due` is said of one that has come.

    In the very words of the script, so that nothing moves when it takes over.
    """
    seconds = round((at - now()).total_seconds())
    size = next((size for size in (86_400, 3600, 60) if abs(seconds) >= size), 1)
    told = timedelta(seconds=int(seconds / size) * size)
    locale = Locale.parse(get_language() or "en", sep="-")
    words = format_timedelta(told, threshold=1, add_direction=True, format="narrow", locale=locale)
    return format_html(
        '<time data-relative{} datetime="{}" title="{} UTC">{}</time>',
        format_html(' data-due="{}"', due) if due else "",
        at.isoformat(timespec="seconds"),
        f"{at:%Y-%m-%d %H:%M}",
        due if due and seconds < 1 else words,
    )


@register.simple_tag
def cues(lines: Iterable[TranscriptLine], is_playable: object) -> SafeString:
    """Write lines of a transcript.

    There may be 20,000 on a page: by the template's own means they would take seconds.
    """
    return mark_safe("\n".join(_cue(line, "li", is_playable, f"cue-{line.position}") for line in lines))  # noqa: S308


@register.simple_tag
def rows(
    rows: Iterable[TranscriptRow], lang: str, dir: str, other_lang: str, other_dir: str, is_playable: object
) -> SafeString:
    """Write lines of two transcripts side by side, each in its language."""
    here = format_html('<div lang="{}" dir="{}">', lang, dir)
    there = format_html('<div lang="{}" dir="{}">', other_lang, other_dir)
    return mark_safe(  # noqa: S308
        "\n".join(
            f'<li data-start="{row.start_ms}">'
            f"{here}{''.join(_cue(line, 'div', is_playable, f'cue-{line.position}') for line in row.lines)}</div>"
            f"{there}{''.join(_cue(line, 'div', is_playable) for line in row.others)}</div></li>"
            for row in rows
        )
    )


def _cue(line: TranscriptLine, tag: str, is_playable: object, name: str = "") -> str:
    """A line as this element; what came from outside is escaped here."""
    named = f' id="{name}"' if name else ""
    speaker = f"<bdi>{escape(line.speaker)}</bdi>" if line.speaker else ""
    clock = f'<button type="button">{line.clock}</button>' if is_playable else f"<time>{line.clock}</time>"
    hints = f"<small>{escape(line.hints)}</small>" if line.hints else ""
    return (
        f'<{tag}{named} class="cue {line.voice}" data-start="{line.start_ms}">{speaker}{clock}'
        f'<p dir="auto">{escape(line.text)}</p>{hints}</{tag}>'
    )
