"""Cleans the texts in CAMB.AI's answers: storable characters, bounded lines, HTML escapes that were left in."""

import html
import re
from collections.abc import Sequence
from functools import lru_cache

MAX_REASON = 100
MAX_TEXT = 100_000
HIDDEN_KEY = "[key hidden]"
"""What stands in a text in place of the API key, if CAMB.AI echoes the key."""

# PostgreSQL cannot store NUL, and no database can store a lone surrogate.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")
# Control characters that stand between words. Removed, they would melt the words into one.
_WHITE_SPACE = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f]")
_NUMBER = (int, float)

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BARE_AMPERSAND = re.compile(r"&(?!(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);)")
_APOSTROPHE = r"&(?:#0*39|#[xX]0*27|apos|rsquo|#0*8217);"
_APOSTROPHE_OF_WORD = re.compile(rf"\w{_APOSTROPHE}|{_APOSTROPHE}\w")
_QUOTE = r"&(?:quot|#0*34|#[xX]0*22);"
_QUOTED = re.compile(rf"{_QUOTE}[^&]*\w[^&]*{_QUOTE}")
_ABOUT_MARKUP = re.compile(
    r"\b(?:html|xml|ampersands?|entit(?:y|ies)|escap(?:e|ed|es|ing)|markup)\b", re.IGNORECASE
)


@lru_cache(maxsize=2048)
def plain_name(name: str) -> str:
    """Return a field's name as `video_url`, also for `videoUrl`, `Video-URL` and the like."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).replace("-", "_").replace(" ", "_").lower()


def storable(text: str) -> str:
    """Return the text without the characters that a database cannot store."""
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)


def read_text(value: object) -> str:
    """Return a string or number as text; the only control characters left are newline and tab.

    Other types give "".
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool) or not isinstance(value, _NUMBER):
        return ""
    else:
        text = str(value)
    if not text.isprintable():
        text = _CONTROL.sub("", _WHITE_SPACE.sub(" ", _LINE_ENDS.sub("\n", text)))
        if not any(sign.isprintable() and sign != " " for sign in text):
            return ""  # nothing but spaces and marks without a look of their own
    return text.strip()


def read_line(value: object, limit: int) -> str:
    """Return a string or number as one line of at most `limit` characters."""
    return " ".join(read_text(value).split())[:limit].rstrip()


def read_upper(value: object) -> str:
    """Return a reason or status in capitals."""
    return read_line(value, MAX_REASON).upper()[:MAX_REASON]  # upper-casing can lengthen a text: "ß" becomes "SS"


def are_escaped(texts: Sequence[str]) -> bool:
    """Tell whether these texts, which belong together, were certainly escaped for HTML.

    Escaping leaves no `<`, no `"` and no bare `&` in any of them. An escaped apostrophe within a word is a sure
    sign. Without it, a text that speaks about markup may mean what it says, and so may a lone escape among plain
    apostrophes, unless it is a pair of quotes.
    """
    escaped = [text for text in texts if "&" in text and unescape(text) != text]
    if not escaped:
        return False
    if any("<" in text or '"' in text or ("&" in text and _BARE_AMPERSAND.search(text)) for text in texts):
        return False
    if have_escaped_words(escaped):
        return True
    if any(_ABOUT_MARKUP.search(text) for text in texts):
        return False
    return len(escaped) > 1 or bool(_QUOTED.search(escaped[0])) or not any("'" in text for text in texts)


def have_escaped_words(texts: Sequence[str]) -> bool:
    """Tell whether an apostrophe within a word is escaped, which is a sure sign."""
    return any(_APOSTROPHE_OF_WORD.search(text) for text in texts)


def unescape(text: str) -> str:
    """Return the text with each HTML escape that ends with a semicolon undone, once."""
    return _ENTITY.sub(lambda found: html.unescape(found.group()), text)
