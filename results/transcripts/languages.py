"""What is a dub's language called, and which tag does CAMB.AI's key mean?"""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from django.utils.translation import get_language
from django.utils.translation import gettext as _

# The numbers that CAMB.AI's own documentation prints; the rest is asked for once a day (models.Language).
KNOWN: Mapping[int, str] = {
    1: "en-us",
    31: "de-de",
    54: "es-es",
    76: "fr-fr",
    81: "hi-in",
    88: "ja-jp",
    111: "pt-br",
    139: "zh-cn",
}
LONGEST_TAG = 35
_WITHOUT_SPACES = ("ja", "km", "lo", "my", "th", "yue", "zh")
_TAG = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,8})*")


def tag_for(key: str, asked: Mapping[int, str] | None = None) -> str:
    """Return the tag (`es-es`) for CAMB.AI's key of a dub: a tag in any case, a number, or something unforeseen.

    `asked` are the numbers that CAMB.AI told us; a number that nobody knows stays as it is.
    """
    key = key.strip().lower().replace("_", "-")
    if key.isascii() and key.isdigit():
        number = int(key[:18])
        key = (asked or {}).get(number) or KNOWN.get(number) or str(number)
    return key[:LONGEST_TAG]


def name(tag: str) -> str:
    """Return the name in the reader's language: `Spanish (Spain)`; what has no name is shown as it came.

    A dub that CAMB.AI gave without a language has none to be told apart by, and so no name.
    """
    return _name(tag, get_language() or "en")


@lru_cache(maxsize=2048)
def _name(tag: str, reader: str) -> str:
    if not tag:
        return ""
    if tag.isdigit():
        return _("Language %(number)s") % {"number": tag}
    names = Locale.parse(reader, sep="-")
    first, *rest = tag.split("-")
    language = names.languages.get(_without_alias(first))
    if language is None:
        return tag
    details = [names.scripts.get(part.title()) or names.territories.get(part.upper()) or part for part in rest]
    return f"{language} ({', '.join(details)})" if details else language


def tags_named(name: str) -> list[str]:
    """Return the tags of the languages called so in the reader's language or in English, of `Brazilian Portuguese`.

    Four letters may also be the beginning of a name. What is a tag itself names no language: `ga` is Irish.
    """
    name = name.casefold()
    if _without_alias(name.split("-")[0]) in Locale("en").languages:
        return []
    tags = _tags(get_language() or "en")
    return tags.get(name) or sorted(
        {tag for longer, of_it in tags.items() if len(name) > 3 and longer.startswith(name) for tag in of_it}
    )


@lru_cache(maxsize=8)
def _tags(reader: str) -> dict[str, list[str]]:
    """The languages' tags by their names."""
    tags: dict[str, list[str]] = {}
    for names in (Locale("en").languages, Locale.parse(reader, sep="-").languages):
        for code, name in names.items():
            tag = code.replace("_", "-").lower()
            if tag not in tags.setdefault(name.casefold(), []):
                tags[name.casefold()].append(tag)
    return tags


@lru_cache(maxsize=2048)
def html_tag(tag: str) -> str:
    """Return what the `lang` attribute may say: a well-formed tag of a language that exists, else `und`."""
    is_known = _TAG.fullmatch(tag) and _without_alias(tag.split("-")[0]) in Locale("en").languages
    return tag if is_known else "und"


@lru_cache(maxsize=2048)
def direction(tag: str) -> str:
    """Return the side from which the language is written, `ltr` or `rtl`; `ltr` for what is unknown."""
    with suppress(ValueError, UnknownLocaleError):
        return str(Locale.parse(tag, sep="-").text_direction)
    return "ltr"


def has_spaces(tag: str) -> bool:
    """Are there spaces between the language's words?"""
    return tag.split("-")[0] not in _WITHOUT_SPACES


def _without_alias(language: str) -> str:
    return str(get_global("language_aliases").get(language, language))
