"""Finds the results in an answer about a run, whatever its layout and names.

CAMB.AI's contract knows two forms: one result, or an object of language → result. Others occur: results in a
wrapper such as `result` or `dubs`, lists of results with a language field, and other names for the video, the audio
and the transcript. What is certain to be a result is read. What only looks like one is reported, so that no run
waits without a word. The name of a wrapper never becomes a language.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale
from babel.core import get_global

from results.camb.texts import read_line

MAX_LANGUAGE = 35  # the buffer that RFC 5646 recommends for a language tag
MAX_LANGUAGE_NAME = 60
MAX_WRAPPERS = 6
# CAMB.AI numbers about 150 languages; a larger number is the id of a run.
MAX_LANGUAGE_NUMBER = 9_999
# Enough items of a list to tell what the list is.
ITEMS_LOOKED_AT = 5

# GET /dub-result used to call these `output_*`; both forms still occur.
VIDEO_FIELDS = (
    "video_url",
    "output_video_url",
    "dubbed_video_url",
    "video_link",
    "video_uri",
    "dubbed_video",
    "video",
)
AUDIO_FIELDS = (
    "audio_url",
    "output_audio_url",
    "dubbed_audio_url",
    "audio_link",
    "audio_uri",
    "dubbed_audio",
    "audio",
)
TRANSCRIPT_FIELDS = (
    "transcript",
    "output_transcript",
    "dubbed_transcript",
    "transcription",
    "transcripts",
    "segments",
    "cues",
    "lines",
    "subtitles",
    "captions",
    "utterances",
)
# The fields of a result in CAMB.AI's contract, in its newer and its older form.
CONTRACT_FIELDS = ("video_url", "output_video_url", "audio_url", "output_audio_url", "transcript")
_RESULT_FIELDS = (*VIDEO_FIELDS, *AUDIO_FIELDS, *TRANSCRIPT_FIELDS)
# The names of a line's start, end, speaker and text; the first of each is the contract's.
_TEXT_FIELDS = ("text", "translated_text", "translation")
_LINE_FIELDS = (
    ("start", "start_time", "startTime", "begin"),
    ("end", "end_time", "endTime", "stop"),
    ("speaker", "speaker_name", "speakerName"),
    _TEXT_FIELDS,
)
# Beside the contract's single result, `language` may be that of the source.
_TARGET_FIELDS = ("target_language", "target_lang")
_LANGUAGE_FIELDS = (*_TARGET_FIELDS, "language", "language_code", "lang", "locale", "language_id")
_STATE_FIELDS = frozenset({"status", "state", "exception_reason", "detail", "error", "errors", "message"})
_WRAPPERS = frozenset({
    "answer", "data", "dub", "dub_result", "dub_results", "dubbed", "dubbing", "dubbing_result",
    "dubbing_results", "dubs", "item", "items", "languages", "output", "outputs", "response", "result",
    "results", "run", "runs", "target_languages", "targets", "translations",
})  # fmt: skip
_NESTED = (dict, list)
_TAG = re.compile(
    r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|[0-9]{3})(?![a-z0-9]))?(?:-[a-z0-9]{2,8})*(?:-x(?:-[a-z0-9]{1,8})+)?"
)
_END_OF_NAME = re.compile(r" ?[(,-]")
_RESULT_NAME = re.compile(
    r"dub|video|audio|transcri|subtitle|caption|^((download|file|media|output|result)_?)?(url|link|file)$"
)
_SOURCE_NAME = re.compile(r"source|original|input|request|thumb|preview|callback|webhook")
_MEDIA_FILE = re.compile(r"\.(aac|flac|m4a|mkv|mov|mp3|mp4|mxf|ogg|srt|vtt|wav|webm|zip)(?=$|[?#])", re.IGNORECASE)


class Found(NamedTuple):
    """A result with CAMB.AI's key of its language; the key is "" when none is given."""

    language: str
    fields: dict[str, Any]


@dataclass
class Contents:
    """All that an answer about a run holds."""

    results: list[Found] = field(default_factory=list)
    unfinished: list[Found] = field(default_factory=list)
    """The objects without a result: the run's own with the key "", and those of languages."""
    has_unread_results: bool = False
    """Whether the answer holds, or may hold, more than could be read."""


def read_contents(run_id: int, value: object) -> Contents:
    """Return what the answer about a run holds."""
    contents = Contents()
    if isinstance(value, dict) and set(value) == {str(run_id)} and run_id > MAX_LANGUAGE_NUMBER:
        value = value[str(run_id)]
    _collect(value, "", contents, 0)
    without_language = [found for found in contents.results if not found.language]
    if len(without_language) > 1:
        # Which of them is in which language would be a guess.
        contents.results = [found for found in contents.results if found.language]
        contents.has_unread_results = True
    return contents


def wrapped_in(value: dict[str, Any]) -> Iterator[Any]:
    """Yield the objects and lists that stand under the name of a wrapper."""
    return (part for key, part in value.items() if key in _WRAPPERS and isinstance(part, _NESTED))


def first_of(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of these fields that is not empty, or None."""
    return next((value for name in names if (value := fields.get(name))), None)


def _collect(value: object, language: str, contents: Contents, depth: int) -> None:
    """Add what this part of the answer holds to the contents; `language` is the key that it stood under."""
    if _are_lines(value):
        value = {"transcript": value}
    if depth > MAX_WRAPPERS:
        contents.has_unread_results |= bool(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, language, contents, depth + 1)
    elif isinstance(value, dict):
        value = _plain_names(value)
        language = language or _language_of(value, _LANGUAGE_FIELDS if depth else _TARGET_FIELDS)
        # One result as soon as one of its fields is filled, so an object beside them is not taken for a language.
        if _is_result(value):
            contents.results.append(Found(language, value))
            contents.has_unread_results |= any(
                (key in _WRAPPERS or is_language(key))
                and isinstance(part, _NESTED)
                and _holds_result(key, part, depth)
                for key, part in value.items()
            )
            return
        if "0" in value and all(map(str.isdigit, value)):
            _collect(list(value.values()), language, contents, depth + 1)  # a list by its places
            return
        contents.unfinished.append(Found(language, value))
        for key, part in value.items():
            _collect_part(key, part, language, contents, depth)


def _collect_part(key: str, part: object, language: str, contents: Contents, depth: int) -> None:
    # An answer may repeat the request, with links to the source.
    if key in _STATE_FIELDS or not part or _SOURCE_NAME.search(key.lower()):
        return
    if not isinstance(part, _NESTED):
        contents.has_unread_results |= _is_result_link(key, part) or (_is_link(part) and is_language(key))
    elif key in _WRAPPERS:
        _collect(part, language, contents, depth + 1)
    elif is_language(key):
        _collect(part, read_line(key, MAX_LANGUAGE), contents, depth + 1)
    elif _holds_result(key, part, depth):
        contents.has_unread_results = True


def _is_result(fields: dict[str, Any]) -> bool:
    """Tell whether a field of a result is filled. Names outside the contract need a value of the right kind too."""
    return (
        any(fields.get(name) for name in CONTRACT_FIELDS)
        or any(_is_media(fields.get(name)) for name in (*VIDEO_FIELDS, *AUDIO_FIELDS))
        or any(transcript_in(fields.get(name)) for name in TRANSCRIPT_FIELDS)
    )


def transcript_in(value: object) -> list[Any] | None:
    """Return the list of lines in a transcript's field, directly or one level down; None if there is none."""
    if isinstance(value, dict):
        value = next((value[name] for name in TRANSCRIPT_FIELDS if _are_lines(value.get(name))), None)
    return value if _are_lines(value) and isinstance(value, list) else None


def line_fields(transcript: list[Any]) -> list[str]:
    """Return the names that the start, end, speaker and text have in the lines of this transcript."""
    seen: set[str] = set()
    for item in transcript[:ITEMS_LOOKED_AT]:
        seen.update(item if isinstance(item, dict) else ())
    return [next((name for name in names if name in seen), names[0]) for names in _LINE_FIELDS]


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and isinstance(first_of(item, _TEXT_FIELDS), str) and not _is_result(item)
        for item in value[:ITEMS_LOOKED_AT]
    )


def _is_media(value: object) -> bool:
    return _is_link(link_in(value))


def link_in(value: object) -> object:
    """Return the link in a field such as `video`, which may be an object with a `url`."""
    return first_of(value, ("url", "href", "link", "src")) if isinstance(value, dict) else value


def _plain_names(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with `videoUrl`, `Video-URL` and the like as `video_url`; a plain name comes first."""
    if all(name.islower() and "-" not in name for name in fields):
        return fields
    plain = dict(fields)
    for name in fields:
        known = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("-", "_").strip().lower()
        if known in _RESULT_FIELDS or known in _WRAPPERS or known in _LANGUAGE_FIELDS:
            plain.setdefault(known, plain.pop(name))
    return plain


def _language_of(fields: dict[str, Any], names: tuple[str, ...] = _LANGUAGE_FIELDS) -> str:
    """Return the language that one of these fields of a result names, or ""."""
    given = first_of(fields, names)
    if isinstance(given, dict):
        given = first_of(given, ("short_name", "code", "tag", "id", "name", "language"))
    name = read_line(given, MAX_LANGUAGE_NAME)
    return name[:MAX_LANGUAGE] if is_language(name) else ""


@lru_cache(maxsize=2048)
def is_language(key: str) -> bool:
    """Tell whether a key names a language: by a tag such as `es-es`, a number of CAMB.AI, or an English name."""
    key = " ".join(key.split()).lower().replace("_", "-")
    if key.isascii() and key.isdigit():
        return 0 < int(key[:10]) <= MAX_LANGUAGE_NUMBER
    if tag := _TAG.fullmatch(key):
        # A language that is spoken somewhere has a region in its tag; a bare word has to be a known language.
        return bool(tag[3]) or tag[1] in Locale("en").languages or tag[1] in get_global("language_aliases")
    return _END_OF_NAME.split(key)[0] in _english_names()


@lru_cache(maxsize=1)
def _english_names() -> frozenset[str]:
    """Return the English names of all languages, in lower case."""
    return frozenset(str(name).lower() for name in Locale("en").languages.values())


# --- What may be a result ----------------------------------------------------------------------------


def _holds_result(key: str, part: object, depth: int) -> bool:
    """Tell whether an unknown part holds a result: media, or a list of lines with text."""
    if depth > MAX_WRAPPERS or _SOURCE_NAME.search(key.lower()):
        return False
    if isinstance(part, list):
        return any(_holds_result(key, item, depth + 1) for item in part[:ITEMS_LOOKED_AT])
    if not isinstance(part, dict):
        return _is_result_link(key, part)
    if _is_result(_plain_names(part)) or {"text", "start"} <= part.keys():
        return True
    return any(_holds_result(name, inner, depth + 1) for name, inner in part.items())


def _is_result_link(name: str, value: object) -> bool:
    if not isinstance(value, str) or not _is_link(value):
        return False
    return bool(_RESULT_NAME.search(name.lower()) or _MEDIA_FILE.search(value))


def _is_link(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))
