"""Finds the results in an answer about a run, whatever its layout and names.

CAMB.AI's contract knows two forms: one result, or an object of language → result. Others occur: results in a
wrapper such as `result` or `dubs`, lists of results with a language field, and other names for the video, the audio
and the transcript. What is certain to be a result is read. What only looks like one is reported, so that no run
waits without a word. The name of a wrapper never becomes a language.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from results.camb import lines, subtitles
from results.camb.language_keys import (
    LANGUAGE_FIELDS,
    TARGET_FIELDS,
    is_language,
    is_name,
    is_ordinary_name,
    language_of,
    languages_in,
    read_key,
)
from results.camb.reasons import STATE_FIELDS, failure_in
from results.camb.texts import plain_name

MAX_WRAPPERS = 6
# CAMB.AI numbers about 150 languages. A larger number that is also the run's own id stands for the run.
LARGEST_LIKELY_LANGUAGE = 300

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
# What stands in these by language went wrong.
FAULT_FIELDS = ("error", "errors", "failed", "failed_dubs", "failed_languages", "failed_runs", "failures")
WRAPPERS = frozenset({
    "answer", "body", "content", "data", "default", "dub", "dub_result", "dub_results", "dubbed", "dubbing",
    "dubbing_result", "dubbing_results", "dubs", "item", "items", "languages", "none", "null", "output",
    "outputs", "payload", "response", "result", "results", "run", "runs", "target", "target_languages",
    "targets", "task", "translations", "undefined",
})  # fmt: skip
# The lists in an answer whose places are those of its results.
_LISTS_OF_LANGUAGES = ("languages", "target_languages", "targets", *LANGUAGE_FIELDS)
_KNOWN_NAMES = frozenset({*_RESULT_FIELDS, *WRAPPERS, *LANGUAGE_FIELDS, *STATE_FIELDS, "run_id", "run_ids"})
_NESTED = (dict, list)
_RESULT_NAME = re.compile(
    r"dub|video|audio|transcri|subtitle|caption|^((download|file|media|output|result)_?)?(url|link|file)$"
)
# What an answer may repeat of the request.
SOURCE_NAME = re.compile(r"source|original|input|request|thumb|preview|callback|webhook")
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
    _Collector(contents, str(run_id) if run_id > LARGEST_LIKELY_LANGUAGE else "").collect(value, "", 0)
    without_language = [found for found in contents.results if not found.language]
    if len(without_language) > 1:
        # Which of them is in which language would be a guess.
        contents.results = [found for found in contents.results if found.language]
        contents.has_unread_results = True
    return contents


def wrapped_in(value: dict[str, Any]) -> Iterator[Any]:
    """Yield the objects and lists that stand under the name of a wrapper."""
    return (part for key, part in value.items() if key in WRAPPERS and isinstance(part, _NESTED))


def first_of(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of these fields that is not empty, or None."""
    return next((value for name in names if (value := fields.get(name))), None)


@dataclass
class _Collector:
    """Adds what the parts of an answer hold to its contents. `language` is the key that a part stood under."""

    contents: Contents
    own_key: str
    """The id of the run, where it may be the key of the run's own answer; else ""."""

    def collect(self, value: object, language: str, depth: int) -> None:
        if are_lines(value):
            value = {"transcript": value}
        if depth > MAX_WRAPPERS:
            self.contents.has_unread_results |= bool(value)
        elif isinstance(value, list):
            for item in value:
                self.collect(item, language, depth + 1)
        elif isinstance(value, dict):
            self._collect_object(plain_names(value), language, depth)
        elif depth and isinstance(value, str) and failure_in(value):
            self.contents.unfinished.append(Found(language, {"status": value}))

    def _collect_object(self, value: dict[str, Any], language: str, depth: int) -> None:
        language = language or language_of(value, LANGUAGE_FIELDS if depth else TARGET_FIELDS)
        if notice := lines.notice_in(value.get("transcript")):
            value = {"message": notice} | value | {"transcript": None}
        value, by_language = _split_by_language(value)
        for key, fields in by_language.items():
            self.collect(fields, read_key(key), depth + 1)
        keys = _language_keys(value)
        # One result as soon as one of its fields is filled.
        if is_result(value):
            self.contents.results.append(Found(language, value))
            self.contents.has_unread_results |= _may_be_elsewhere(value, keys)
            for key, part in value.items():
                if key in keys and isinstance(part, _NESTED):
                    self.collect(part, read_key(key), depth + 1)
                elif key in WRAPPERS and isinstance(part, _NESTED):
                    self._collect_beside(key, part, depth)
        elif "0" in value and all(map(str.isdigit, value)):
            self.collect(list(value.values()), language, depth + 1)  # a list by its places
        else:
            self.contents.unfinished.append(Found(language, value))
            listed = next(filter(None, (languages_in(value.get(name)) for name in _LISTS_OF_LANGUAGES)), [])
            for key, part in value.items():
                if key in WRAPPERS and isinstance(part, list) and len(part) == len(listed) > 1:
                    for named, item in zip(listed, part, strict=True):
                        own = language_of(item) if isinstance(item, dict) else ""
                        self.collect(item, own or named, depth + 1)
                elif isinstance(part, _NESTED):
                    self._collect_part(key, part, language, depth, is_language_key=key in keys)
                else:
                    self._read_plain(key, part, language, is_language_key=key in keys)

    def _collect_beside(self, key: str, part: dict[str, Any] | list[Any], depth: int) -> None:
        """Read the languages in a wrapper beside a result, if each of its results names one; else report it."""
        beside = _Collector(Contents(), self.own_key)
        beside.collect(part, "", depth + 1)
        found = beside.contents
        if all(result.language for result in found.results):
            self.contents.results += [result for result in found.results if result not in self.contents.results]
            self.contents.unfinished += [fault for fault in found.unfinished if fault.language]
            self.contents.has_unread_results |= found.has_unread_results
        else:
            self.contents.has_unread_results |= _holds_result(key, part, depth)

    def _collect_part(
        self, key: str, part: dict[str, Any] | list[Any], language: str, depth: int, *, is_language_key: bool
    ) -> None:
        if read_key(key) == self.own_key:
            self.collect(part, language, depth)
        elif key in FAULT_FIELDS and (faults := _faults_by_language(part)):
            self.contents.unfinished += faults
        # An answer may repeat the request, with links to the source.
        elif key in STATE_FIELDS or not part or SOURCE_NAME.search(key.lower()):
            return
        elif key in WRAPPERS:
            self.collect(part, language, depth + 1)
        elif is_language_key:
            self.collect(part if key.isdigit() else _without_numbers(part), read_key(key), depth + 1)
        elif key in TRANSCRIPT_FIELDS and _has_texts(part):
            self.contents.has_unread_results = True
        elif _holds_result(key, part, depth):
            if is_name(key) and not is_ordinary_name(key):
                self.collect(part, read_key(key), depth + 1)
            else:
                self.contents.has_unread_results = True

    def _read_plain(self, key: str, part: object, language: str, *, is_language_key: bool) -> None:
        """Read what stands in place of a result: a state such as `ERROR`, or a link that names no kind."""
        if key in STATE_FIELDS or not part or SOURCE_NAME.search(key.lower()):
            return
        if _is_link(part):
            self.contents.has_unread_results |= _is_result_link(key, part) or is_language_key
        elif isinstance(part, str):
            ends = failure_in(part)
            if ends and (key in WRAPPERS or read_key(key) == self.own_key):
                self.contents.unfinished.append(Found(language, {"status": part}))
            elif is_language_key or (ends and is_name(key) and not is_ordinary_name(key)):
                self.contents.unfinished.append(Found(read_key(key), {"status": part}))


def _language_keys(fields: dict[str, Any]) -> set[str]:
    """Return the keys of languages; `id` and its like are among them beside a key that certainly is one."""
    keys = {key for key in fields if is_language(key)}
    certain = {key for key in keys if not is_ordinary_name(key)}
    nested = {key for key in keys if isinstance(fields[key], _NESTED)}
    return certain | nested if certain & nested else certain


def _split_by_language(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return a result without those fields that hold an object by language, and their parts by language."""
    by_language: dict[str, dict[str, Any]] = {}
    for name in CONTRACT_FIELDS:
        parts = value.get(name)
        if not isinstance(parts, dict) or not parts or transcript_in(parts):
            continue  # of an object of lines, the numbers name no languages
        if _language_keys(parts) == parts.keys():
            value = {key: part for key, part in value.items() if key != name}
            for key, part in parts.items():
                by_language.setdefault(key, {})[name] = part
    return value, by_language


def _without_numbers(part: dict[str, Any] | list[Any]) -> dict[str, Any] | list[Any]:
    """Return what stands under the tag of a language, as a list if its keys count or are ids, and no languages."""
    if not isinstance(part, dict) or not all(isinstance(value, _NESTED) for value in part.values()):
        return part
    are_ids = all(key.isdigit() and not is_language(key) for key in part)
    return subtitles.by_number(part) or (list(part.values()) if are_ids else part)


def _faults_by_language(part: dict[str, Any] | list[Any]) -> list[Found]:
    """Return what went wrong by language, in an object by language or in a list that names the languages."""
    named: list[tuple[str, Any]] = []
    if isinstance(part, dict):
        named = list(part.items()) if _language_keys(part) == part.keys() else []
    else:
        named = [(language_of(item), item) for item in part if isinstance(item, dict)]
        named += [(key, {"status": "FAILED"}) for key in languages_in(part)]
    return [
        Found(read_key(key), plain_names(fault) if isinstance(fault, dict) else {"error": fault})
        for key, fault in named
        if key
    ]


def is_result(fields: dict[str, Any]) -> bool:
    """Tell whether a field of a result is filled. Names outside the contract need a value of the right kind too."""
    return (
        any(fields.get(name) for name in CONTRACT_FIELDS)
        or any(_is_media(fields.get(name)) for name in (*VIDEO_FIELDS, *AUDIO_FIELDS))
        or any(transcript_in(fields.get(name)) for name in TRANSCRIPT_FIELDS)
    )


def transcript_in(value: object) -> list[Any] | None:
    """Return the list of lines in a transcript's field, directly or one level down; None if there is none.

    It may also be an object of number → line, or the text of a subtitle file.
    """
    if isinstance(value, str):
        value = subtitles.read_file(value)
    if isinstance(value, dict):
        inner = next((value[name] for name in TRANSCRIPT_FIELDS if are_lines(value.get(name))), None)
        value = inner or subtitles.by_number(value)
    return value if are_lines(value) and isinstance(value, list) else None


def are_lines(value: object) -> bool:
    return isinstance(value, list) and any(
        lines.is_line(item) and not (isinstance(item, dict) and is_result(item))
        for item in value[: lines.ITEMS_LOOKED_AT]
    )


def _has_texts(part: dict[str, Any] | list[Any]) -> bool:
    items = part[: lines.ITEMS_LOOKED_AT] if isinstance(part, list) else []
    return any(lines.text_in(item, lines.fields_of([item]).text) for item in items if isinstance(item, dict))


def _is_media(value: object) -> bool:
    return _is_link(link_in(value))


def link_in(value: object) -> object:
    """Return the link in a field such as `video`, which may be an object with a `url`."""
    return first_of(value, ("url", "href", "link", "src")) if isinstance(value, dict) else value


def plain_names(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with `videoUrl`, `Video-URL` and the like as `video_url`; a plain name comes first."""
    if all(name.islower() and "-" not in name and " " not in name for name in fields):
        return fields
    plain = dict(fields)
    for name in fields:
        known = plain_name(name)
        if known in _KNOWN_NAMES:
            plain.setdefault(known, plain.pop(name))
    return plain


# --- What may be a result ----------------------------------------------------------------------------


def _may_be_elsewhere(result: dict[str, Any], languages: set[str]) -> bool:
    """Tell whether a result without audio or without a transcript may have it under an unknown name."""
    if all(any(result.get(name) for name in names) for names in (AUDIO_FIELDS, TRANSCRIPT_FIELDS)):
        return False
    unknown = result.keys() - _KNOWN_NAMES - languages
    return any(_holds_result(name, result[name], 0) for name in unknown)


def _holds_result(key: str, part: object, depth: int) -> bool:
    """Tell whether an unknown part holds a result: media, or a list of lines with text."""
    if depth > MAX_WRAPPERS or SOURCE_NAME.search(key.lower()):
        return False
    if isinstance(part, list):
        return any(_holds_result(key, item, depth + 1) for item in part[: lines.ITEMS_LOOKED_AT])
    if not isinstance(part, dict):
        return _is_result_link(key, part)
    if is_result(plain_names(part)) or lines.is_line(part):
        return True
    return any(_holds_result(name, inner, depth + 1) for name, inner in part.items())


def _is_result_link(name: str, value: object) -> bool:
    if not isinstance(value, str) or not _is_link(value):
        return False
    return bool(_RESULT_NAME.search(name.lower()) or _MEDIA_FILE.search(value))


def _is_link(value: object) -> bool:
    return isinstance(value, str) and value.lstrip()[:8].lower().startswith(("http://", "https://"))
