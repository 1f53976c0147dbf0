"""Template tag for the export menu of a dub."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.urls import reverse

from results.exports.formats import FORMATS
from results.models import Dub
from results.transcripts import languages

register = template.Library()


@register.inclusion_tag("runs/export/_menu.html")
def export_menu(dub: Dub, dubs: Iterable[Dub], direction: str = "ltr") -> dict[str, Any]:
    """Return links to the dub in every format, and to bilingual exports with each other dub of the run.

    A right-to-left dub also has links to files without direction marks.
    """
    links = [(reverse("runs-export-dub", args=[dub.pk, kind.key]), kind) for kind in FORMATS.values()]
    marked = [(href, kind) for href, kind in links if direction == "rtl" and kind.has_marks]
    return {
        "links": [(href, kind.label) for href, kind in links],
        "without_marks": [(f"{href}?direction_marks=off", kind.label) for href, kind in marked],
        "pairs": [
            (languages.name(other.language), [
                (reverse("runs-export-pair", args=[dub.pk, kind.key, other.pk]), kind.label)
                for kind in FORMATS.values() if kind.is_bilingual
            ])
            for other in dubs if other != dub and other.cue_count
        ],
    }  # fmt: skip
