"""Template tag for the export menu of a dub."""

from collections.abc import Iterable
from itertools import islice

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from dashboard.pages.render_once import render_once
from results.exports.formats import FORMATS
from results.models import Dub
from results.transcripts import languages

# A source may have a hundred dubs; those beyond are exported on the page of another of them.
MAX_PAIRS = 12

register = template.Library()


@register.simple_tag
def export_menu(dub: Dub, dubs: Iterable[Dub], direction: str = "ltr") -> SafeString:
    """Return links to the dub in every format, and to bilingual exports with the first of the source's other dubs.

    A right-to-left dub also has links to files without direction marks.
    """
    links = [(reverse("runs-export-dub", args=[dub.pk, kind.key]), kind) for kind in FORMATS.values()]
    marked = [(href, kind) for href, kind in links if direction == "rtl" and kind.has_marks]
    return render_once(
        "runs/export/_menu.html",
        links=tuple((href, str(kind.label)) for href, kind in links),
        without_marks=tuple((f"{href}?direction_marks=off", str(kind.label)) for href, kind in marked),
        pairs=tuple(
            (languages.name(other.language) or str(other.run), tuple(
                (reverse("runs-export-pair", args=[dub.pk, kind.key, other.pk]), str(kind.label))
                for kind in FORMATS.values() if kind.is_bilingual
            ))
            for other in islice((each for each in dubs if each != dub and each.cue_count), MAX_PAIRS)
        ),
    )  # fmt: skip
