"""Pieces of HTML that templates and page models share: icons, and the labels of statuses and outcomes."""

from collections.abc import Iterable
from functools import lru_cache
from html import escape  # Django's takes three times as long

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from results.models import Call, Run
from results.transcripts import languages

# Stand for tags until a text is escaped. No text of a database has half a surrogate pair.
_MARK, _MARK_END = "\ud800", "\ud801"
_OUTCOME_STYLES = {
    Call.Outcome.ANSWERED: ("ready", "status-ready"),
    Call.Outcome.UNAVAILABLE: ("failed", "warning"),
    Call.Outcome.REFUSED: ("failed", "status-failed"),
    Call.Outcome.MALFORMED: ("failed", "status-not_found"),
}


@lru_cache(maxsize=128)
def icon(name: str) -> SafeString:
    """Return a symbol of static/icons.svg, hidden from screen readers: the words beside it say what it means."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


def escape_all(texts: Iterable[str]) -> list[str]:
    """Return these texts escaped, in one go; for no text, an empty one. No text of a database has a NUL."""
    return escape("\0".join(texts)).split("\0")


def escape_marked(texts: Iterable[str]) -> list[str]:
    """Return these texts of `to_mark` escaped, with their spans in a <mark> each, in one go."""
    return marked(escape("\0".join(texts))).split("\0")


def with_marks(text: str, spans: Iterable[tuple[int, int]]) -> SafeString:
    """Return the escaped text with each of these spans, which ascend, in a <mark>."""
    return SafeString(marked(escape(to_mark(text, spans))))


def to_mark(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with a sign before and after each span. Once it is escaped, `marked` makes them tags."""
    pieces, done = [], 0
    for start, end in spans:
        start = max(start, done)
        if start >= end:
            continue
        pieces.append(f"{text[done:start]}{_MARK}{text[start:end]}{_MARK_END}")
        done = end
    return "".join(pieces) + text[done:]


def marked(escaped: str) -> str:
    """Return an escaped text of `to_mark` with its spans in a <mark> each."""
    return escaped.replace(_MARK, "<mark>").replace(_MARK_END, "</mark>")


def status_label(value: str) -> SafeString:
    """Return a run's status as word, icon and colour."""
    return format_html(
        '<span class="status {0}">{1}{2}</span>', value, icon(f"status-{value}"), Run.Status(value).label
    )


def language_label(tag: str, *, is_guess: bool) -> str:
    """Return a language's name, with a question mark if it was guessed from the text; empty without a language."""
    name = languages.name(tag)
    return _("%(language)s?") % {"language": name} if name and is_guess else name


def language_mismatch_label(reads: str, lines: int) -> str:
    """Return what to check about a dub whose text is in another language, in `lines` lines or 0 for all."""
    if not lines:
        return _("text in %(language)s") % {"language": languages.name(reads)}
    sentence = ngettext("%(n)s line in %(language)s", "%(n)s lines in %(language)s", lines)
    return sentence % {"n": f"{lines:,}", "language": languages.name(reads)}


def outcome_label(value: str) -> SafeString:
    """Return a call's outcome as word, icon and colour, in the style of a run's status."""
    outcome = Call.Outcome(value)
    colour, symbol = _OUTCOME_STYLES[outcome]
    return format_html('<span class="status {}">{}{}</span>', colour, icon(symbol), outcome.label)
