"""Tells which keys and fields of CAMB.AI's answers name a language."""

import re
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.core import get_global

from results.camb.texts import read_line
from results.transcripts import language_names

MAX_LANGUAGE = 35  # the buffer that RFC 5646 recommends for a language tag
MAX_LANGUAGE_NAME = 60
# CAMB.AI numbers about 150 languages; a larger number is the id of a run.
MAX_LANGUAGE_NUMBER = 9_999

# Beside the contract's single result, `language` may be that of the source.
TARGET_FIELDS = ("target_language", "target_lang", "target_languages")
LANGUAGE_FIELDS = (*TARGET_FIELDS, "language", "language_code", "lang", "locale", "language_id")
_NAMES_IN_AN_OBJECT = ("short_name", "code", "tag", "id", "name", "language")

_TAG = re.compile(
    r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|[0-9]{3})(?![a-z0-9]))?(?:-[a-z0-9]{2,8})*(?:-x(?:-[a-z0-9]{1,8})+)?"
)
_END_OF_NAME = re.compile(r" ?[(,-]")
_FLOAT = re.compile(r"([0-9]+)\.0+")
# Codes of languages that are ordinary names in JSON, such as `id` and `new`: alone they name no language.
_ORDINARY_NAMES = frozenset({
    "alt", "bin", "del", "ext", "id", "in", "io", "jar", "lat", "mid", "min", "mon", "nan", "new", "os", "per",
    "pro", "rar", "run", "sd", "src", "str", "sum", "tel", "tid", "tmp", "to", "ts",
})  # fmt: skip


def read_key(key: object) -> str:
    """Return a key as one line; a language's number may come as the text of a float, such as `54.0`."""
    line = read_line(key, MAX_LANGUAGE_NAME)
    found = _FLOAT.fullmatch(line)
    return found[1] if found else line[:MAX_LANGUAGE].rstrip()


def is_ordinary_name(key: str) -> bool:
    """Tell whether a key that is a language's code is also an ordinary name of a field."""
    return key.lower() in _ORDINARY_NAMES


@lru_cache(maxsize=2048)
def is_language(key: str) -> bool:
    """Tell whether a key names a language: by a tag such as `es-es`, a number of CAMB.AI, or an English name."""
    key = read_line(key, MAX_LANGUAGE_NAME).lower().replace("_", "-")
    number = read_key(key)
    if number.isascii() and number.isdigit():
        return 0 < int(number[:10]) <= MAX_LANGUAGE_NUMBER
    if language_names.is_tag(key):
        return True
    if tag := _TAG.fullmatch(key):
        # A language that is spoken somewhere has a region in its tag; a bare word has to be a known language.
        return bool(tag[3]) or tag[1] in Locale("en").languages or tag[1] in get_global("language_aliases")
    return _END_OF_NAME.split(key)[0] in _english_names()


@lru_cache(maxsize=2048)
def is_name(key: str) -> bool:
    """Tell whether a key is a language's name in that language, such as `Español`, or a common alias.

    The first of these takes seconds, as all names are read: ask only about a key with a result.
    """
    return is_language(key) or bool(language_names.tag_named(key, "en"))


@lru_cache(maxsize=1)
def _english_names() -> frozenset[str]:
    """Return the English names of all languages, in lower case."""
    return frozenset(str(name).lower() for name in Locale("en").languages.values())


def language_of(fields: dict[str, Any], names: tuple[str, ...] = LANGUAGE_FIELDS) -> str:
    """Return the language that one of these fields of a result names, or ""."""
    given = next((value for name in names if (value := fields.get(name))), None)
    return _language_in(given[0] if isinstance(given, list) and len(given) == 1 else given)


def languages_in(given: object) -> list[str]:
    """Return the languages of a list that has nothing else, or an empty list."""
    found = [_language_in(item) for item in given] if isinstance(given, list) else []
    return found if all(found) else []


def _language_in(given: object) -> str:
    if isinstance(given, dict):
        given = next((value for name in _NAMES_IN_AN_OBJECT if (value := given.get(name))), None)
    name = read_key(given)
    return name if name and is_name(name) else ""
