"""How do our words look in a template: an icon, a status, a timecode?"""

from django import template
from django.templatetags.static import static
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.reading import Line
from results import timecode
from results.models import Run

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw a symbol of static/icons.svg; the words beside it say what it means."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def status(value: str) -> SafeString:
    """Say a run's status by word, icon and colour."""
    return format_html(
        '<span class="status {0}">{1}{2}</span>', value, icon(f"status-{value}"), Run.Status(value).label
    )


@register.filter
def duration(ms: int) -> str:
    """Return a length as `M:SS` or `H:MM:SS`, and nothing for none."""
    return timecode.short(ms) if ms else ""


@register.simple_tag
def cue(line: Line, tag: str, is_own: bool, is_playable: object) -> SafeString:
    """Write a line of a transcript as this element; `is_own` is of the dub that the page is about.

    There may be 20,000 on a page: by the template's own means they would take seconds.
    """
    named = f' id="cue-{line.position}"' if is_own else ""
    clock = f'<button type="button">{line.clock}</button>' if is_playable else f"<time>{line.clock}</time>"
    speaker = f"<bdi>{escape(line.speaker)}</bdi>" if line.speaker else ""
    hints = f"<small>{escape(line.hints)}</small>" if line.hints else ""
    return mark_safe(  # noqa: S308  what came from outside is escaped
        f'<{tag}{named} class="cue {line.voice}" data-start="{line.start_ms}">{speaker}{clock}'
        f'<p dir="auto">{escape(line.text)}</p>{hints}</{tag}>'
    )
