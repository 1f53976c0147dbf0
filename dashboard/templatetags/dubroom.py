"""How do our words look in a template: an icon, a status, a timecode?"""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

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
