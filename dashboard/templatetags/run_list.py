"""Template tags for what stands around the rows of a list of runs, made only when its pieces are rendered."""

from django import template

from dashboard.pages import run_list
from dashboard.pages.run_list import Headings, ListMenus
from dashboard.pages.run_query import RunListQuery
from results.exports.formats import FORMATS
from results.transcripts import languages

register = template.Library()


@register.simple_tag
def list_headings(wanted: RunListQuery) -> Headings:
    """Return the headings that sort the list."""
    return run_list.build_headings(wanted)


@register.simple_tag
def list_menus(wanted: RunListQuery, columns: tuple[str, ...]) -> ListMenus:
    """Return what the menus beside the list offer; `columns` are those that it shows."""
    return run_list.build_menus(wanted, columns)


@register.simple_tag
def export_formats() -> list[tuple[str, str]]:
    """Return the formats of an export of many runs: key and name."""
    return [(key, str(one.label)) for key, one in FORMATS.items()]


@register.simple_tag
def language_choices() -> tuple[str, ...]:
    """Return the names of languages to choose from."""
    return languages.choices()
