"""Parses CAMB.AI's answers: takes any JSON, returns plain, bounded and storable dataclasses."""

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from results.camb import hints as sentences
from results.camb import layout, texts
from results.camb.answers import CueAnswer, DubAnswer, LanguageAnswer, RunAnswer, TaskAnswer
from results.camb.errors import Malformed
from results.camb.hints import Hints
from results.camb.layout import MAX_LANGUAGE, first_of
from results.camb.links import read_link
from results.camb.reasons import explain, failure_in, quote_message, quote_status, status_in
from results.camb.texts import MAX_TEXT, read_line, read_text
from results.camb.times import (
    MAX_MS,
    NOTHING_KNOWN,
    KnownTimes,
    Line,
    Unit,
    UnitGuess,
    frame_rate,
    guess_units,
    in_unit,
    read_time,
    rounded_ms,
)

# Upper bounds of what is stored. The lengths are in characters.
MAX_CUES = 200_000
MAX_DEPTH = 50
MAX_DUBS = 300  # CAMB.AI knows about 150 languages
MAX_EXACT_FLOAT = 2**53
MAX_LANGUAGE_ID = 2**31 - 1
MAX_MESSAGE = 200
MAX_NAME = 100
# A pair of brackets is three bytes to send and 200 bytes in memory. A transcript's line has one pair, and perhaps a
# [sound] in its text.
MAX_PARTS = 3 * MAX_CUES
MAX_RUN_ID = 2**63 - 1
MAX_SPEAKER = 200

MESSAGE_FIELDS = ("detail", "error", "message", "errors", "error_message", "msg")
# The names of a message within an error object.
INNER_MESSAGE_FIELDS = (*MESSAGE_FIELDS, "description", "title", "reason")
# Statuses of a dub under way, or of one whose result is there; they say nothing that a run's page does not.
USUAL_STATUSES = frozenset({
    "", "ACCEPTED", "COMPLETE", "COMPLETED", "CREATED", "DONE", "FINISHED", "IN PROGRESS", "IN_PROGRESS", "NONE",
    "OK", "PENDING", "PROCESSING", "QUEUED", "READY", "RUNNING", "STARTED", "SUBMITTED", "SUCCEEDED", "SUCCESS",
    "UNKNOWN", "WAITING",
})  # fmt: skip

DONE_STATUSES = frozenset({"COMPLETE", "COMPLETED", "DONE", "FINISHED", "OK", "READY", "SUCCEEDED", "SUCCESS"})

# Checked for every value of a long transcript. A union such as `dict | list` would be built anew for each check.
_NESTED = (dict, list)
_MARKUP = re.compile(r"<[a-zA-Z!/?]")

Mask = Callable[[str], str]


class _Object(dict[str, Any]):
    """A JSON object that records whether a name occurred twice; the last value wins."""

    __slots__ = ("repeats",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeats = len(self) < len(pairs)


def decode(body: bytes) -> object:
    """Return the JSON value of a body in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    The Content-Type header is ignored. Raises Malformed when the body is empty, too large or not JSON.
    """
    # A stray byte spoils one letter and not the answer about all five runs.
    text = body.decode(json.detect_encoding(body), "replace")
    if not text.strip():
        raise Malformed(_("CAMB.AI sent an empty answer. Dubroom tries again later."), http_status=200)
    if text.count("[") + text.count("{") > MAX_PARTS:
        raise Malformed(_("CAMB.AI sent an answer that is too large to read."), http_status=200)
    try:
        return json.loads(text, strict=False, object_pairs_hook=_Object, parse_int=_integer)
    except RecursionError:
        problem = _("CAMB.AI sent an answer nested too deeply to read. Dubroom tries again later.")
    except ValueError:
        problem = _("CAMB.AI sent an answer that is not JSON. Dubroom tries again later.")
        if _MARKUP.match(text.lstrip()):
            problem = _("CAMB.AI sent a web page instead of data. Dubroom tries again later.")
    # Outside the `except` block, because the decoder's error would keep the whole body in memory.
    raise Malformed(problem, http_status=200, setting="CAMB_BASE_URL")


def by_named_run(answer: object) -> object:
    """Return a list of results as an object by run id if each of them names its run; any other answer as it is.

    A run that is named several times has the list of its results.
    """
    if not isinstance(answer, list) or not answer or not all(map(_named_run, answer)):
        return answer
    return _grouped_by_run(answer)


def _named_run(item: object) -> int | None:
    """Return the id of the run that an item of a list names."""
    return _id(first_of(item, ("run_id", "runId"))) if isinstance(item, dict) else None


def _grouped_by_run(items: list[Any]) -> dict[str, object]:
    """Return the result of each run that these items name, or the list of its results. Other items are left out."""
    by_run: dict[str, list[Any]] = {}
    for item in items:
        if run_id := _named_run(item):
            by_run.setdefault(str(run_id), []).append(item)
    return {run_id: results if len(results) > 1 else results[0] for run_id, results in by_run.items()}


def results_by_run(answer: dict[str, Any], run_ids: Collection[int]) -> Mapping[str, object]:
    """Return what a bulk answer says of each run, by the run's id as text.

    The ids may stand in a wrapper, or within the objects of a list.
    """
    names = set(map(str, run_ids))
    if names.isdisjoint(answer):
        for part in layout.wrapped_in(answer):
            by_run = _grouped_by_run(part) if isinstance(part, list) else part
            if not names.isdisjoint(by_run):
                return dict(by_run)
    return answer


def read_run(run_id: int, value: object, mask: Mask = str, known: KnownTimes = NOTHING_KNOWN) -> RunAnswer:
    """Return the parsed answer about one run. Takes any JSON value and never raises.

    `mask` removes the API key from a text; `known` is what is known of the run's times besides this answer.
    """
    hints = Hints()
    value = _clean(value, mask, hints)
    contents = layout.read_contents(run_id, value)
    failures = [
        (found.language, reason, _message(found.fields, is_failure=True))
        for found in (*contents.unfinished, *contents.results)
        if (reason := failure_in(found.fields))
    ]
    if isinstance(value, str) and (reason := failure_in(value)):
        failures.append(("", reason, ""))
    dubs, is_unit_certain = _dubs(contents.results, known, hints)
    of_run = [failure for failure in failures if not failure[0]]
    for language, reason, message in failures:
        if language:
            hints.add(f"{language}: {explain(reason, message)}")
    failure = message = ""
    if of_run or (failures and not dubs):
        _, failure, message = (of_run or failures)[0]
    if not dubs and not failure:
        _add_words(value, contents, hints)
    is_known = isinstance(value, dict | str | None) or contents.results or contents.unfinished
    if contents.has_unread_results or not is_known:
        hints.add(sentences.UNKNOWN_FORM)
    return RunAnswer(
        run_id, dubs, failure, hints.sentences(), _raw(value), message=message, is_unit_certain=is_unit_certain
    )


def read_stored(run_id: int, raw: bytes, known: KnownTimes) -> RunAnswer:
    """Return the answer of which `raw` was stored. Raises ValueError when it was cut off."""
    return read_run(run_id, json.loads(raw), known=known)


def reread_run(answer: RunAnswer, known: KnownTimes) -> RunAnswer:
    """Return the answer as it reads with what is known of the run's times."""
    read = read_stored(answer.run_id, answer.raw, known)
    lost = [hint for hint in answer.hints if hint in (sentences.REPEATED_FIELD, sentences.TOO_DEEP)]
    return replace(read, hints=(*lost, *read.hints), is_absent=answer.is_absent)


def _add_words(value: object, contents: layout.Contents, hints: Hints) -> None:
    """Add what CAMB.AI says about a run without a result."""
    if isinstance(value, str):
        if message := read_line(value, MAX_MESSAGE):
            hints.add(_("CAMB.AI says only “%(message)s”.") % {"message": message})
        return
    for found in contents.unfinished:
        about = f"{found.language}: " if found.language else ""
        if message := _message(found.fields):
            hints.add(about + quote_message(message))
        if isinstance(found.fields.get("error"), _NESTED):
            contents.has_unread_results = True  # the contract knows an error as a text
        status = status_in(found.fields)
        if status not in USUAL_STATUSES and not status.isdigit():
            hints.add(about + quote_status(status))


def read_task(value: object, mask: Mask = str) -> TaskAnswer:
    """Return the state of a task. Raises Malformed when the answer is not an object."""
    value = _clean(value, mask, Hints())
    if not isinstance(value, dict):
        raise Malformed(_("CAMB.AI's answer about the task could not be read."), http_status=200)
    states = [value, *(part for part in layout.wrapped_in(value) if isinstance(part, dict))]
    failure = next(filter(None, map(failure_in, states)), "")
    messages = (_message(state, is_failure=bool(failure)) for state in states)
    task = TaskAnswer(
        status=next(filter(None, map(status_in, states)), ""),
        run_id=next(filter(None, (_id(first_of(state, ("run_id", "runId"))) for state in states)), None),
        failure=failure,
        message=next(filter(None, messages), ""),
        raw=_raw(value),
    )
    return replace(task, hints=tuple(_task_hints(task)))


def _task_hints(task: TaskAnswer) -> Iterator[str]:
    """Yield what a task without a run and without a failure says of itself, unless it is simply under way."""
    if task.run_id or task.failure or task.status in USUAL_STATUSES - DONE_STATUSES - {""}:
        return
    if not task.status:
        yield str(sentences.UNKNOWN_FORM)
    elif task.status in DONE_STATUSES:
        yield _("CAMB.AI says that this dubbing task is done, but names no run. Check the task in CAMB.AI.")
    else:
        yield quote_status(task.status)
    if task.message:
        yield quote_message(task.message)


def read_languages(value: object, mask: Mask = str) -> list[LanguageAnswer]:
    """Return the languages of one list without its malformed entries. Raises Malformed when it is not a list."""
    value = _clean(value, mask, Hints())
    if not isinstance(value, list):
        raise Malformed(_("CAMB.AI did not answer with a list of languages."), http_status=200)
    return [
        LanguageAnswer(
            camb_id, read_line(item.get("language"), MAX_NAME), read_line(item.get("short_name"), MAX_LANGUAGE)
        )
        for item in value
        if isinstance(item, dict) and (camb_id := _id(item.get("id"))) and camb_id <= MAX_LANGUAGE_ID
    ]


def read_error_message(body: bytes, mask: Mask = str) -> str:
    """Return the message in the body of an HTTP error; "" when the body is a web page or holds no message."""
    try:
        value = decode(body)
    except Malformed:
        value = body.decode("utf-8", "replace")
    value = _clean(value, mask, Hints())
    return _message(value) if isinstance(value, dict) else _plain(value)


def _integer(digits: str) -> int | float:
    # Python raises an error for an integer of more than 4,300 digits, which would discard the whole answer.
    return int(digits) if len(digits) < 20 else float(digits)


def _clean(value: object, mask: Mask, hints: Hints, depth: int = 0) -> object:
    """Return the value as any database can store it: no NUL, no lone surrogate, finite numbers, bounded depth."""
    if isinstance(value, str):
        return mask(texts.storable(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) <= MAX_RUN_ID else None
    if isinstance(value, _NESTED) and depth == MAX_DEPTH:
        hints.add(sentences.TOO_DEEP)
        return None
    if isinstance(value, dict):
        if getattr(value, "repeats", False):
            hints.add(sentences.REPEATED_FIELD)
        return {mask(texts.storable(name)): _clean(part, mask, hints, depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_clean(part, mask, hints, depth + 1) for part in value]
    return value


def _raw(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _id(value: object) -> int | None:
    # Some JSON libraries write every number as a float, which is exact up to this bound.
    if isinstance(value, float) and value.is_integer() and value <= MAX_EXACT_FLOAT:
        value = int(value)
    digits = read_text(value)
    if re.fullmatch("[0-9]{1,19}", digits) and 0 < int(digits) <= MAX_RUN_ID:
        return int(digits)
    return None


def _plain(value: object) -> str:
    text = read_line(value, MAX_MESSAGE)
    return "" if _MARKUP.search(text) or "\ufffd" in text else text


def _detail(item: object) -> str:
    """Return the message in an item of a list of errors."""
    return read_text(first_of(item, ("msg", "message", "detail")) if isinstance(item, dict) else item)


def _message(value: dict[str, Any], *, is_failure: bool = False) -> str:
    """Return the message in an object like `{"detail": "…"}`, `{"error": {"message": "…"}}` or FastAPI's details.

    The message of a failure is shown even if it is an object of unknown fields.
    """
    for field in MESSAGE_FIELDS:
        message = value.get(field)
        if isinstance(message, dict):
            inner = (text for name in INNER_MESSAGE_FIELDS if (text := _plain(message.get(name))))
            message = next(inner, "") or (json.dumps(message, ensure_ascii=False) if is_failure and message else "")
        elif isinstance(message, list):
            message = "; ".join(filter(None, map(_detail, message)))
        if text := _plain(message):
            return text
    return ""


# --- Dubs --------------------------------------------------------------------------------------------


def _dubs(results: Sequence[layout.Found], known: KnownTimes, hints: Hints) -> tuple[tuple[DubAnswer, ...], bool]:
    """Return the dubs of one run, at most one a language, and whether their times are certainly seconds."""
    media: dict[str, tuple[str, str]] = {}
    lines: dict[str, list[Line]] = {}
    for language, fields in results:
        urls = (
            _link(fields, layout.VIDEO_FIELDS, "video", hints),
            _link(fields, layout.AUDIO_FIELDS, "audio", hints),
        )
        transcript = _transcript(fields, hints)
        if not (transcript or any(urls)):
            continue
        if language in media or len(media) == MAX_DUBS:
            hints.add(_("More dubs came than could be told apart; only the first ones were kept."))
            continue
        media[language], lines[language] = urls, transcript
    guesses = dict(zip(lines, guess_units(list(lines.values()), known), strict=True))
    _add_units(guesses.values(), known, hints)
    dubs = tuple(
        DubAnswer(language, *media[language], _cues(lines[language], guesses[language].unit, hints))
        for language in media
    )
    return dubs, all(guess.is_certain and guess.unit == Unit.SECONDS for guess in guesses.values())


def _add_units(guesses: Collection[UnitGuess], known: KnownTimes, hints: Hints) -> None:
    """Add which unit the times were taken for, unless they are certainly seconds."""
    if known.unit:
        if any(guess.end for guess in guesses):
            hints.add(sentences.CHOSEN_UNIT[Unit(known.unit)])
        return
    if any(guess.unit == Unit.MILLISECONDS for guess in guesses):
        hints.add(sentences.MILLISECONDS_TAKEN)
    if any(guess.unit == Unit.SECONDS and not guess.is_certain for guess in guesses):
        hints.add(sentences.SECONDS_TAKEN)


def _link(result: dict[str, Any], fields: tuple[str, ...], medium: str, hints: Hints) -> str:
    given = [result[field] for field in fields if result.get(field)]
    for field in fields:
        # Only a field without "url" in its name may hold an object with the address.
        value = result.get(field) if field.endswith("_url") else layout.link_in(result.get(field))
        if isinstance(value, str) and (link := read_link(value)):
            return link
    if given:
        hints.add(sentences.UNUSABLE_LINK[medium])  # not quoted: it may be an attack or hold a secret
    return ""


def _transcript(result: dict[str, Any], hints: Hints) -> list[Line]:
    """Return the lines of a result's transcript, with their HTML escapes undone."""
    found = (layout.transcript_in(result.get(field)) for field in layout.TRANSCRIPT_FIELDS)
    transcript = next(filter(None, found), None) or result.get("transcript")
    if not transcript:
        return []
    if not isinstance(transcript, list):
        hints.add(_("The transcript was not a list of lines and could not be used."))
        return []
    if len(transcript) > MAX_CUES:
        hints.add(_("The transcript was cut after %(n)s lines.") % {"n": f"{MAX_CUES:,}"})
    lines = list(_lines(transcript[:MAX_CUES], hints))
    if texts.are_escaped([line.text for line in lines]):
        hints.add(_("The texts came with HTML escapes such as &amp; or &#39;, which were corrected."))
        lines = [
            line._replace(
                text=read_text(texts.unescape(line.text)),
                speaker=read_line(texts.unescape(line.speaker), MAX_SPEAKER),
            )
            for line in lines
        ]
    return [line for line in lines if line.text]


def _lines(transcript: list[Any], hints: Hints) -> Iterator[Line]:
    start, end, speaker, text = layout.line_fields(transcript)
    rate = frame_rate(item.get(field) for item in transcript if isinstance(item, dict) for field in (start, end))
    if rate:
        hints.add(sentences.FRAMES_TAKEN % {"rate": rate})
    for item in transcript:
        fields = item if isinstance(item, dict) else {text: item if isinstance(item, str) else ""}
        words = read_text(fields.get(text))
        if not words:
            hints.count_line(sentences.without_text)
            continue
        if len(words) > MAX_TEXT:
            hints.count_line(sentences.too_long)
            words = words[:MAX_TEXT].rstrip()
        name = read_line(fields.get(speaker), MAX_SPEAKER)
        yield Line(read_time(fields.get(start), rate), read_time(fields.get(end), rate), name, words)


def _cues(lines: Sequence[Line], unit: Unit, hints: Hints) -> tuple[CueAnswer, ...]:
    cues = []
    previous_end, ms = 0, unit.ms
    for line in in_unit(lines, unit):
        start = previous_end if line.start is None else rounded_ms(line.start * ms)
        end = start if line.end is None else max(start, rounded_ms(line.end * ms))
        if line.start is None or line.end is None or not 0 <= line.start <= line.end <= MAX_MS / ms:
            hints.count_line(sentences.time_put_right)
        cues.append(CueAnswer(start, end, line.speaker, line.text))
        previous_end = end
    ordered = tuple(sorted(cues, key=lambda cue: cue.start_ms))
    if ordered != tuple(cues):
        hints.add(_("The lines came out of order and were sorted by time."))
    return ordered
