"""Finds a language by what people write for it: a tag, an ISO code, its name in several languages, or an alias."""

import pickle
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path

from babel import Locale, localedata
from babel.core import get_global

from results.transcripts import letters

# Codes of no language, and Volapük's, which dubbing studios write for "version originale" and "voice-over".
_NO_LANGUAGES = {"und", "mul", "zxx", "mis", "root", "vo"}
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-[a-z0-9]{5,8})*)"
)
# The name of a POSIX locale in small letters and with hyphens, such as `sr-rs.utf-8@latin`.
_LOCALE = re.compile(r"(?P<tag>[a-z0-9-]+)(?:\.(?:utf-?8|iso-?8859-?[0-9]{1,2}))?(?:@(?P<modifier>[a-z]+))?")
# What people write in place of a tag: mostly the code of a country.
_MEANT = {
    "jp": "ja", "cn": "zh-cn", "tw": "zh-tw", "kr": "ko", "ua": "uk", "cz": "cs", "dk": "da", "gr": "el",
    "vn": "vi", "sp": "es", "esp": "es", "chn": "zh", "en-uk": "en-gb", "es-la": "es-419", "es-xl": "es-419",
    "es-latam": "es-419", "pt-latam": "pt-br", "zh-chs": "zh-hans", "zh-cht": "zh-hant",
}  # fmt: skip
# Names that Babel lacks, or has for another language than the one that is mostly meant.
_ALIASES = """
    fa: farsi, parsi; fa-af: dari; zh: mandarin, putonghua, standard chinese, chinese mandarin, mandarin chinese
    | 普通话 | 普通話 | 国语 | 國語 | 汉语 | 漢語; zh: chinese | 中文; yue: chinese | 中文;
    zh-hans: 简体中文 | 简体 | 簡體中文;
    zh-hant: 繁體中文 | 繁體 | 繁体中文;
    yue: chinese cantonese, 粤语 | 廣東話 | 广东话; es-es: castilian, castilian spanish, castillian;
    es: castellano, espanhol; es-419: latam, latam spanish, spanish latam, latin spanish, spanish latin,
    español latino, spanish latino, español latinoamericano, español neutro, neutral spanish;
    es-mx: mexican; pt-br: brazilian, brasileiro; fil: pilipino, philippine; no: norwegian;
    nb: bokmål, norsk bokmål; nn: nynorsk, norsk nynorsk; nl-be: vlaams; bn: bengali; or: oriya; pa: panjabi;
    az: azeri; ug: uighur; ky: kirghiz; my: myanmar; si: sinhalese; sl: slovene;
    be: belorussian, byelorussian; ca: valencian;
    ne: nepalese; id: bahasa, bahasa indonesia; ms: bahasa melayu, bahasa malaysia; jv: basa jawa, bahasa jawa;
    ckb: sorani, kurdish sorani; ku: kurmanji, kurdish kurmanji, kurdî; gu: gujrati; he: ivrit; ht: haitian;
    mo: moldovan, moldavian; ga: irish gaelic; gd: scots gaelic; sh: serbo croatian; ru: русский язык;
    uk: українська мова; en-gb: uk english; en-us: us english; ar-001: msa, arabic modern standard
"""
# Places as people write them beside a language's name, and the part of a tag that each is.
_PLACES = """
    us: usa, us, america, american; gb: uk, gb, britain, great britain, british, england; br: brasil, brazilian;
    mx: mexican, méxico; 419: latam, latin american, latinoamérica, latino; es: españa, european spanish, castilian;
    pt: portuguese portugal; ar: argentinian, argentine; co: colombian; cl: chilean; at: austrian; ch: swiss;
    ca: canadian, québec, quebec, québécois; au: australian; in: indian; za: south african; ie: irish; eg: egyptian;
    sa: saudi; ae: uae, emirati; ma: moroccan; tw: taiwanese; hk: hong kong; cn: mainland, mainland china, prc;
    kr: korea, south korea; cz: czech republic; tr: turkey;
    hans: simplified, 简体, 簡體; hant: traditional, 繁體, 繁体; latn: latin, roman; cyrl: cyrillic
"""
# Where a name stands for several languages, or for a place's own, a search for the name finds them all.
KINDS_OF = {
    "no": ("nb", "nn"), "fil": ("tl",), "tl": ("fil",), "ku": ("ckb",), "yue": ("zh-hk",),
    "zh-hans": ("zh-cn", "zh-sg"), "zh-hant": ("zh-tw", "zh-hk", "zh-mo"),
    "arz": ("ar-eg",), "ary": ("ar-ma",), "gsw": ("de-ch",),
}  # fmt: skip
# Words between a language's name and a place's, as in `português do Brasil`.
_FILLERS = {"de", "do", "da", "del", "du", "of", "from", "von", "the"}


def fold(name: str) -> str:
    """Return a name in the form in which names are compared: folded letters, digits and vowel signs."""
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    folded = letters.fold(letters.respell(name))
    # The vowel signs of Devanagari and its like are marks.
    signs = (sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in folded)
    return "".join(signs).split()


def without_alias(code: str) -> str:
    """Return a language's present code: `he` for `iw`, `ja` for `jpn`, `fa_AF` for `prs`."""
    return str(get_global("language_aliases").get(code, code))


def is_tag(text: str) -> bool:
    return bool(tag_of(text))


def tag_of(text: str) -> str:
    """Return the tag that the text is, in small letters and with the language's present code; else ""."""
    text = _without_locale(text.strip().lower().replace("_", "-"))
    country, _, region = text.partition("-")
    if region == country in _MEANT:  # such as jp-jp
        text = f"{_MEANT[country].partition('-')[0]}-{region}"
    text = _MEANT.get(text, text)
    found = _TAG.fullmatch(text)
    if not found or found["language"] in _NO_LANGUAGES:
        return ""
    english = Locale("en")
    language, *implied = without_alias(found["language"]).lower().split("_")
    script, region = found["script"] or "", found["region"] or ""
    if language not in english.languages:
        return ""
    if (script and script.title() not in english.scripts) or (region and region.upper() not in english.territories):
        return ""
    variants = found["variants"].split("-")
    parts = (script, region, *variants)
    return "-".join(filter(None, (language, *(part for part in implied if part not in parts), *parts)))


def _without_locale(text: str) -> str:
    """Return the tag for the name of a locale: gettext and glibc have a script or variant behind an @."""
    found = _LOCALE.fullmatch(text)
    modifier = found["modifier"] if found else ""
    if not found or not modifier or modifier == "euro":
        return found["tag"] if found else text
    language, *rest = found["tag"].split("-")
    if modifier == "valencia":
        return "-".join((language, *rest, modifier))
    script = _places("en").get(modifier, "")
    return "-".join((language, script, *rest)) if len(script) == 4 else text


def tag_named(text: str, user_language: str) -> str:
    """Return the tag in its present form that a code, tag or name stands for, or "" if it is no known language."""
    text = unicodedata.normalize("NFKC", text).strip()
    tag = tag_of(text) or next(iter(tags_of(text, user_language)), "")
    return tag_of(tag) or tag


def tags_of(name: str, user_language: str) -> list[str]:
    """Return the tags of the languages with this name, such as `Spanish (Mexico)`, `Deutsch` or `farsi`."""
    for names in (_names(user_language), _endonyms()):
        if tags := names.get(fold(name)) or names.get(_in_any_order(name)):
            return [*tags, *(kind for tag in tags for kind in KINDS_OF.get(tag, ()))]
    tag = _with_place(_words(name), user_language)
    return [tag] if tag else []


def tags_beginning(start: str, user_language: str) -> list[str]:
    """Return the tags of the languages whose name begins with these letters."""
    start = fold(start)
    for names in (_names(user_language), _endonyms()):
        found = {tag for name, tags in names.items() if name.startswith(start) for tag in tags}
        if found:
            return sorted(found)
    return []


def _in_any_order(name: str) -> str:
    """Return the key of a name with its words in any order, as in `Portuguese (Brazilian)`."""
    return " ".join(sorted(_words(name)))


@lru_cache(maxsize=8)
def _names(user_language: str) -> dict[str, list[str]]:
    """Return the tags of all languages by their names in English and in the user's language, and by aliases."""
    tags: dict[str, list[str]] = {}
    pairs = (
        (code.replace("_", "-").lower(), name)
        for locale in (Locale("en"), Locale.parse(user_language, sep="-"))
        for code, name in locale.languages.items()
        if code not in _NO_LANGUAGES
    )
    aliases = {fold(name) for _tag, name in _listed(_ALIASES)}
    for tag, name in chain(_listed(_ALIASES), ((tag, name) for tag, name in pairs if fold(name) not in aliases)):
        for key in {fold(name), _in_any_order(name)}:
            if tag not in tags.setdefault(key, []):
                tags[key].append(tag)
    return tags


@lru_cache(maxsize=1)
def _endonyms() -> dict[str, list[str]]:
    """Return the tags of languages by the names that they have for themselves.

    Babel's own loader keeps the data of every language that it reads: more than 100 MB for all of them.
    """
    tags: dict[str, list[str]] = {}
    for code in map(str, Locale("en").languages):
        if code not in _NO_LANGUAGES and localedata.exists(code):
            data = pickle.loads(Path(localedata.resolve_locale_filename(code)).read_bytes())  # noqa: S301
            if name := data.get("languages", {}).get(code):
                tags.setdefault(fold(name), []).append(code.replace("_", "-").lower())
    return tags


def _listed(text: str) -> Iterator[tuple[str, str]]:
    """Yield the (tag, name) pairs of a list like `fa: farsi, parsi; es: castellano`."""
    for entry in text.split(";"):
        tag, _, names = entry.partition(":")
        yield from ((tag.strip(), " ".join(name.split())) for name in re.split("[,|]", names))


# --- A name with a place -------------------------------------------------------------------------------


def _with_place(words: list[str], user_language: str) -> str:
    """Return the tag for the words of `Spanish (Mexico)`, `Serbian (Latin, Serbia)` or `US English`; else ""."""
    for end in range(len(words) - 1, 0, -1):
        for of_name, of_place in ((words[:end], words[end:]), (words[-end:], words[:-end])):
            name = "".join(of_name)
            tag = next(iter(_names(user_language).get(name) or _endonyms().get(name) or ()), "")
            if tag and "-" not in tag and (parts := _parts(of_place, tag, user_language)):
                scripts = [part for part in parts if len(part) == 4]
                return "-".join((tag, *scripts, *(part for part in parts if part not in scripts)))
    return ""


def _parts(words: list[str], tag: str, user_language: str) -> list[str]:
    """Return the parts of a tag that these words name one after another; empty if one names none."""
    if len(words) > 1 and words[0] in _FILLERS:
        words = words[1:]
    for end in range(len(words), 0, -1):
        if part := _place("".join(words[:end]), tag, user_language):
            rest = _parts(words[end:], tag, user_language)
            if rest or end == len(words):
                return [part, *rest]
    return []


def _place(name: str, tag: str, user_language: str) -> str:
    own = tag.split("-")[0] if localedata.exists(tag.split("-")[0]) else "en"
    return next((part for part in (_places(each).get(name) for each in (own, user_language, "en")) if part), "")


@lru_cache(maxsize=64)
def _places(language: str) -> dict[str, str]:
    """Return the parts of tags by the names of territories and scripts in this language."""
    locale = Locale.parse(language, sep="-")
    named = {
        fold(name): str(code).lower() for code, name in chain(locale.scripts.items(), locale.territories.items())
    }
    codes = {code: code for code in map(str.lower, map(str, locale.territories)) if code.isalpha()}
    return codes | named | {fold(name): part for part, name in _listed(_PLACES)}
