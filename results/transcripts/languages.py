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

from results.transcripts import language_names
from results.transcripts.language_names import without_alias

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
# Languages that dubs are made in, and the regional variants that people tell apart.
_COMMON = """
    af am ar ar-eg ar-sa as az be bg bn bs ca cs cy da de el en en-au en-gb en-in es es-mx es-us et eu fa fi fil fr
    fr-ca ga gl gu he hi hr hu hy id is it ja jv ka kk km kn ko ky lo lt lv mk ml mn mr ms mt my nb ne nl nn or pa
    pl ps pt pt-pt ro ru sa sd si sk sl so sq sr sv sw ta te th tk tr uk ur uz vi yo yue zh zh-hk zh-tw zu
"""
MAX_LANGUAGE_TAG = 35
_WITHOUT_SPACES = ("ja", "km", "lo", "my", "th", "yue", "zh")
_TAG = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,8})*")
_NUMBER = re.compile(r"([0-9]+)(?:[.,]0+)?")
# The scripts that Unicode's metadata (CLDR's scriptMetadata.txt) marks as right to left, with their variants.
_RTL_SCRIPTS = (
    "Adlm Arab Aran Armi Avst Chrs Cprt Elym Gara Hatr Hebr Hung Khar Lydi Mand Mani Mend Merc Mero Narb Nbat Nkoo "
    "Orkh Ougr Palm Phli Phlp Phlv Phnx Prti Rohg Samr Sarb Sidt Sogd Sogo Syrc Syre Syrj Syrn Thaa Yezi"
)
# Scripts that CLDR's likely subtags lack: Kurdish and Turkmen across the border, and Tajik in Afghanistan.
_OWN_SCRIPTS = {"ku_IQ": "Arab", "ku_IR": "Arab", "tk_AF": "Arab", "tk_IR": "Arab", "tg_AF": "Arab"}


def tag_for(key: str, fetched: Mapping[int, str] | None = None) -> str:
    """Return the tag (`es-es`) for CAMB.AI's key of a dub: a tag or code in any case, a number, or a name.

    `fetched` maps CAMB.AI's numbers to tags, as fetched from CAMB.AI. An unknown number is its own tag, and so is
    any text that names no known language.
    """
    if number := _number(key):
        key = _tag_of_number(number, fetched)
        return language_names.tag_of(key) or key or str(int(number))
    plain = key.strip().lower().replace("_", "-")
    if not plain:
        return ""
    is_variant = without_alias(plain.partition("-")[0]) in Locale("en").languages  # such as es-x-private
    tag = language_names.tag_of(plain) if is_variant else language_names.tag_named(key, "en")
    return (tag or plain)[:MAX_LANGUAGE_TAG]


def read(text: str, fetched: Mapping[int, str] | None = None) -> str:
    """Return the tag of the language that a person has written, or "" if it is no known language.

    It may be a tag in any case, an ISO code, a number of CAMB.AI, or a name: in English, in the user's language, in
    the language itself, or a common alias. `fetched` is as for `tag_for`.
    """
    if number := _number(text):
        tag = _tag_of_number(number, fetched)
        return language_names.tag_of(tag) or tag
    return language_names.tag_named(text, get_language() or "en")[:MAX_LANGUAGE_TAG]


def _number(text: str) -> str:
    """Return the digits of a language's number, which a spreadsheet or a script may write as a float, or ""."""
    found = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return found[1][:18] if found else ""


def _tag_of_number(number: str, fetched: Mapping[int, str] | None) -> str:
    return (fetched or {}).get(int(number)) or KNOWN.get(int(number)) or ""


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
    language = names.languages.get(without_alias(first))
    if language is None:
        return tag
    details = [names.scripts.get(part.title()) or names.territories.get(part.upper()) or part for part in rest]
    return f"{language} ({', '.join(details)})" if details else language


def choices() -> tuple[str, ...]:
    """Return the names of common languages in the user's language, sorted, to choose from."""
    return _choices(get_language() or "en")


@lru_cache(maxsize=64)
def _choices(user_language: str) -> tuple[str, ...]:
    return tuple(sorted({_name(tag, user_language) for tag in (*KNOWN.values(), *_COMMON.split())}))


def tags_named(name: str) -> list[str]:
    """Return the tags of the languages with this name, such as `Brazilian Portuguese`, `Deutsch` or `farsi`.

    Names are those that `read` knows. Four or more letters, or two of another script, may also be the beginning of
    a name. A text that is a tag itself is not taken for a name: `ga` is the tag of Irish, not the name of the
    language Ga. An old code has its present one beside it, `iw` and `he`, and a script the places that write in it.
    """
    name = name.strip()
    if tag := language_names.tag_of(name):
        written = name.lower().replace("_", "-")
        places = language_names.KINDS_OF.get(tag, ()) if "-" in tag else ()
        tags = dict.fromkeys((written, tag, *places))
        return [*tags] if len(tags) > 1 else []
    user_language = get_language() or "en"
    found = language_names.tags_of(name, user_language)
    if not found and len(name) > (3 if name.isascii() else 1):
        found = language_names.tags_beginning(name, user_language)
    return found


def not_known(name: str) -> str:
    """Return the sentence, for the user, that no language has this name."""
    sentence = _("Dubroom knows no language %(name)s. Type its name or its tag, such as Japanese or pt-BR.")
    return sentence % {"name": quoted(name)}


def is_known(name: str) -> bool:
    """Tell whether this is a tag or number that a dub may have, or a language's name or the beginning of one."""
    if name.isdigit() or language_names.tag_of(name) or tags_named(name):
        return True
    return bool(language_names.tags_beginning(name, get_language() or "en"))


@lru_cache(maxsize=2048)
def html_tag(tag: str) -> str:
    """Return a valid value of HTML's `lang` attribute: the tag if it is well-formed and known, else `und`.

    It has letters, digits and hyphens alone, so nothing in it has to be escaped.
    """
    if not _TAG.fullmatch(tag):
        return "und"
    language = without_alias(tag.split("-")[0])
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


def quoted(text: object) -> str:
    """Return the text in quotation marks, for a sentence of the interface."""
    return f"“{isolated(text)}”"


def isolated(text: object) -> str:
    """Return the text for a sentence of the interface.

    Marks isolate letters from right to left, which would move the words and signs beside them.
    """
    name = str(text)
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name):
        return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"
    return name


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
    current = without_alias(language)
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


def is_tag(text: str) -> bool:
    """Tell whether a text has the form of a language tag or of a number of CAMB.AI."""
    return bool(_TAG.fullmatch(text)) or (text.isascii() and text.isdigit())


def has_spaces(tag: str) -> bool:
    """Tell whether the language puts spaces between words."""
    return primary(tag) not in _WITHOUT_SPACES
