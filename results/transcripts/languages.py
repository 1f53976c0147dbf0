"""Names, tags and writing directions of languages, and the tags for CAMB.AI's language keys."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from babel import Locale
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
# The scripts that Unicode's metadata (CLDR's scriptMetadata.txt) marks as right to left, with their variants.
_RTL_SCRIPTS = (
    "Adlm Arab Aran Armi Avst Chrs Cprt Elym Gara Hatr Hebr Hung Khar Lydi Mand Mani Mend Merc Mero Narb Nbat Nkoo "
    "Orkh Ougr Palm Phli Phlp Phlv Phnx Prti Rohg Samr Sarb Sidt Sogd Sogo Syrc Syre Syrj Syrn Thaa Yezi"
)
# Scripts that CLDR's likely subtags lack: Kurdish and Turkmen across the border, and Tajik in Afghanistan.
_OWN_SCRIPTS = {"ku_IQ": "Arab", "ku_IR": "Arab", "tk_AF": "Arab", "tk_IR": "Arab", "tg_AF": "Arab"}


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
    if not _TAG.fullmatch(tag):
        return "und"
    language = _without_alias(tag.split("-")[0])
    is_known = language in Locale("en").languages or language in get_global("likely_subtags")
    return tag if is_known else "und"


def direction(tag: str, text: str = "") -> str:
    """Return the writing direction of a language's script, `ltr` or `rtl`.

    Most letters of the text decide where the tag names no known language; without a text it is `ltr` then.
    """
    if script := script_of(tag):
        return "rtl" if script in _RTL_SCRIPTS else "ltr"
    letters = Counter(map(unicodedata.bidirectional, text))
    return "rtl" if letters["R"] + letters["AL"] > letters["L"] else "ltr"


@lru_cache(maxsize=2048)
def script_of(tag: str) -> str:
    """Return the script that the tag names, or else its language's likely script there; empty if unknown."""
    language, *parts = tag.split("-")
    # What follows a single letter is an extension, and says nothing about the script.
    end = next((place for place, part in enumerate(parts) if len(part) == 1), len(parts))
    script = next((part.title() for part in parts[:end] if len(part) == 4 and part.isalpha()), "")
    if script:
        return script
    territory = next((part.upper() for part in parts[:end] if re.fullmatch("[a-z]{2}|[0-9]{3}", part)), "")
    # An alias may name a territory too: `prs` is Persian as in Afghanistan.
    current = _without_alias(language)
    likely = get_global("likely_subtags")
    for key in (f"{language}_{territory}", f"{current}_{territory}", language, current, current.split("_")[0]):
        if key in _OWN_SCRIPTS:
            return _OWN_SCRIPTS[key]
        if key in likely and key != "und":
            return str(likely[key].split("_")[1])
    return ""


def primary(tag: str) -> str:
    """Return the language of a tag without script and region: `pt` for `pt-br`."""
    return tag.split("-")[0]


def has_spaces(tag: str) -> bool:
    """Tell whether the language puts spaces between words."""
    return primary(tag) not in _WITHOUT_SPACES


def _without_alias(language: str) -> str:
    return str(get_global("language_aliases").get(language, language))
