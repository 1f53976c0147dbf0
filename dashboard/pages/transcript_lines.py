"""Prints the lines of a transcript as HTML. A page has thousands, for which a template would take seconds."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape  # Django's takes three times as long
from typing import NamedTuple, TypeVar

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.pages.markup import with_marks
from dashboard.pages.transcript import TranscriptPage
from dashboard.pages.transcript_parts import LineCheck, TranscriptLine, TranscriptRow
from results.transcripts import languages

# The lines that a browser lays out together once they come near the window. With each line laid out on its own, the
# browser looks at all 20,000 of them for every frame that it paints.
LINES_PER_PART = 100

T = TypeVar("T")


class Side(NamedTuple):
    """One of the dubs on the page. `name` is what the ids of its lines begin with."""

    name: str
    lang: str
    direction: str


class LinePrinter:
    """Prints lines, with what all lines of a page share. All texts are escaped here.

    `dismiss_url` is the page that dismisses a review check; empty for a reader who may not.
    """

    def __init__(self, *, is_playable: bool, dismiss_url: str) -> None:
        self._clock = ('<button type="button">', "</button>") if is_playable else ("<time>", "</time>")
        self._dismiss_url = escape(dismiss_url)
        self._labels = {False: escape(_("Dismiss")), True: escape(_("Change"))}

    def lines(self, lines: Iterable[TranscriptLine], side: Side) -> SafeString:
        """Return the lines of one dub as list items."""
        return SafeString("\n".join(self._print(lines, "li", side)))

    def rows(self, rows: Iterable[TranscriptRow], own: Side, other: Side) -> SafeString:
        """Return the rows of two dubs side by side as list items, each dub in its language."""
        of_own, of_other = (f'<div lang="{escape(side.lang)}" dir="{side.direction}">' for side in (own, other))
        return SafeString(
            "\n".join(
                f'<li data-start="{row.start_ms}">{of_own}{"".join(self._print(row.lines, "div", own))}</div>'
                f"{of_other}{''.join(self._print(row.others, 'div', other))}</div></li>"
                for row in rows
            )
        )

    def _check(self, check: LineCheck) -> str:
        """Return a review check of a line, with the link that dismisses it or brings it back."""
        # The words are in the language of the interface, and a reason in any.
        link = ""
        if self._dismiss_url:
            query = f"?line={check.line_id}&amp;kind={check.check.kind.value}"
            link = f'<a href="{self._dismiss_url}{query}">{self._labels[bool(check.dismissed)]}</a>'
        return f'<div class="check"><small><span dir="auto">{escape(check.words)}</span></small>{link}</div>'

    def _print(self, lines: Iterable[TranscriptLine], tag: str, side: Side) -> Sequence[str]:
        """Return each line as an element with this tag."""
        before, after = self._clock
        is_playable = f'{before}%s{after}<p dir="{side.direction}">'
        start = f'<{tag} id="{side.name}'
        return [
            f'{start}{position}" class="cue {voice}{"" if marks is None else " is-found"}" data-start="{start_ms}"'
            f' data-end="{end_ms}">{f"<bdi>{escape(speaker)}</bdi>" if speaker else ""}{is_playable % clock}'
            f"{escape(text) if marks is None else with_marks(text, marks)}</p>"
            f"{''.join(map(self._check, checks)) if checks else ''}</{tag}>"
            for position, start_ms, end_ms, clock, voice, speaker, text, checks, marks in lines
        ]


def print_parts(page: TranscriptPage, *, is_playable: bool, dismiss_url: str) -> SafeString:
    """Return the lines of the page's section, or the rows of two dubs, as lists."""
    printer = LinePrinter(is_playable=is_playable, dismiss_url=dismiss_url)
    own = Side("cue-", languages.html_tag(page.dub.language), page.direction)
    printed: Iterator[str]
    if page.other:
        other = Side("other-", page.other_lang, page.other_direction)
        printed = (printer.rows(rows, own, other) for rows in _in_parts(page.rows))
    else:
        printed = (printer.lines(lines, own) for lines in _in_parts(page.lines))
    return SafeString("".join(f'<ol class="part">\n{part}\n</ol>' for part in printed))


def _in_parts(shown: Sequence[T]) -> Iterator[Sequence[T]]:
    return (shown[start : start + LINES_PER_PART] for start in range(0, len(shown), LINES_PER_PART))
