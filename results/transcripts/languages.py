"""Names, tags and writing directions of languages, and the tags for CAMB.AI's language keys."""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from django.utils.translation import get_language
from django.utils.translation import gettext as _

# The numbers in CAMB.AI's documentation; all others are fetched once a day (models.Language).
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


def tag_for(key: str, fetched: Mapping[int, str] | None = None) -> str:
    """Return the tag (`es-es`) for CAMB.AI's key of a dub: a tag in any case, a number, or any other text.

    `fetched` maps CAMB.AI's numbers to tags, as fetched from CAMB.AI. An unknown number is its own tag. So is any
    other text, unless it is an English name such as `Spanish (Spain)`.
    """
    key = key.strip().lower().replace("_", "-")
    if key.isascii() and key.isdigit():
        number = int(key[:18])
        key = (fetched or {}).get(number) or KNOWN.get(number) or str(number)
    elif _without_alias(key.partition("-")[0]) not in Locale("en").languages:
        key = _tag_of_english_name(key) or key
    return key[:LONGEST_TAG]


def _tag_of_english_name(name: str) -> str:
    """Return the tag for `spanish` or `spanish (spain)`; empty if the language or the place is unknown."""
    language, _, place = name.removesuffix(")").partition(" (")
    tag = next(iter(_tags("en").get(language, ())), "")
    if not place:
        return tag
    regions = {str(its_name).lower(): str(code).lower() for code, its_name in Locale("en").territories.items()}
    return f"{tag}-{regions[place]}" if tag and place in regions else ""


def name(tag: str) -> str:
    """Return a language's name in the user's language: `Spanish (Spain)`. A tag without a name is its own name.

    The name is empty for a dub to which CAMB.AI gave no language.
    """
    return _name(tag, get_language() or "en")


@lru_cache(maxsize=2048)
def _name(tag: str, user_language: str) -> str:
    if not tag:
        return ""
    if tag.isdigit():
        return _("Language %(number)s") % {"number": tag}
    names = Locale.parse(user_language, sep="-")
    first, *rest = tag.split("-")
    language = names.languages.get(_without_alias(first))
    if language is None:
        return tag
    details = [names.scripts.get(part.title()) or names.territories.get(part.upper()) or part for part in rest]
    return f"{language} ({', '.join(details)})" if details else language


def tags_named(name: str) -> list[str]:
    """Return the tags of the languages with this name, such as `Brazilian Portuguese`.

    Names are those of the user's language and of English. Four or more letters may also be the beginning of a name.
    A text that is a tag itself is not taken for a name: `ga` is the tag of Irish, not the name of the language Ga.
    """
    name = name.casefold()
    if _without_alias(name.split("-")[0]) in Locale("en").languages:
        return []
    tags = _tags(get_language() or "en")
    return tags.get(name) or sorted(
        {tag for longer, its_tags in tags.items() if len(name) > 3 and longer.startswith(name) for tag in its_tags}
    )


@lru_cache(maxsize=8)
def _tags(user_language: str) -> dict[str, list[str]]:
    """Return the tags of all languages by their case-folded names, in English and in the user's language."""
    tags: dict[str, list[str]] = {}
    for names in (Locale("en").languages, Locale.parse(user_language, sep="-").languages):
        for code, name in names.items():
            tag = code.replace("_", "-").lower()
            if tag not in tags.setdefault(name.casefold(), []):
                tags[name.casefold()].append(tag)
    return tags


@lru_cache(maxsize=2048)
def html_tag(tag: str) -> str:
    """Return a valid value of HTML's `lang` attribute: the tag if it is well-formed and known, else `und`."""
    is_known = _TAG.fullmatch(tag) and _without_alias(tag.split("-")[0]) in Locale("en").languages
    return tag if is_known else "und"


@lru_cache(maxsize=2048)
def direction(tag: str) -> str:
    """Return the writing direction of a language, `ltr` or `rtl`; `ltr` if the language is unknown."""
    with suppress(ValueError, UnknownLocaleError):
        return str(Locale.parse(tag, sep="-").text_direction)
    return "ltr"


def has_spaces(tag: str) -> bool:
    """Tell whether the language puts spaces between words."""
    return tag.split("-")[0] not in _WITHOUT_SPACES


def _without_alias(language: str) -> str:
    return str(get_global("language_aliases").get(language, language))
