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
def export_menu(dub: Dub, dubs: Iterable[Dub]) -> dict[str, Any]:
    """Return links to the dub in every format, and to bilingual exports with each other dub of the run."""
    formats = FORMATS.values()
    return {
        "links": [(reverse("runs-export-dub", args=[dub.pk, kind.key]), kind.label) for kind in formats],
        "pairs": [
            (languages.name(other.language), [
                (reverse("runs-export-pair", args=[dub.pk, kind.key, other.pk]), kind.label)
                for kind in formats if kind.is_bilingual
            ])
            for other in dubs if other != dub and other.cue_count
        ],
    }  # fmt: skip
