"""Parses CAMB.AI's answers: takes any JSON, returns plain, bounded and storable dataclasses."""

import json
import operator
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from results.camb import bulk, layout, lines, texts
from results.camb import notes as sentences
from results.camb.answers import CueAnswer, DubAnswer, LanguageAnswer, RunAnswer, TaskAnswer
from results.camb.clean import as_json, cleaned, cleaned_with_json, hide
from results.camb.errors import Malformed
from results.camb.language_keys import MAX_LANGUAGE
from results.camb.layout import first_of
from results.camb.links import read_link
from results.camb.messages import MESSAGE_FIELDS, is_markup, message_in, message_of_failure, plain
from results.camb.notes import MAX_NOTES, Notes
from results.camb.odd_times import in_seconds
from results.camb.reasons import (
    RunState,
    explain,
    failure_in,
    is_done,
    is_usual,
    quote_message,
    quote_status,
    read_state,
)
from results.camb.texts import MAX_TEXT, read_line, read_text
from results.camb.times import (
    MAX_MS,
    NOTHING_KNOWN,
    KnownTimes,
    Line,
    Unit,
    UnitGuess,
    frame_rate,
    frames_in,
    guess_units,
    in_unit,
    rounded_ms,
)

# Upper bounds of what is stored. The lengths are in characters.
MAX_CUES = 200_000
MAX_DUBS = 300  # CAMB.AI knows about 150 languages
MAX_LANGUAGE_ID = 2**31 - 1
MAX_NAME = 100
# A pair of brackets is three bytes to send and 200 bytes in memory. A transcript's line has one pair, and perhaps a
# [sound] in its text.
MAX_PARTS = 3 * MAX_CUES
MAX_SPEAKER = 200

# Checked for every value of a long transcript. A union such as `dict | list` would be built anew for each check.
_NESTED = (dict, list)
_EMPTY: tuple[object, ...] = (None, "", {}, [])


class _Repetitive(dict[str, Any]):
    """A JSON object in which names occurred twice; of their values the last wins that is not empty."""

    __slots__ = ("repeats",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs)
        self.repeats = {name for name, count in counts.items() if count > 1}
        self.update((name, part) for name, part in pairs if part not in _EMPTY)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else _Repetitive(pairs)


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
        return json.loads(text, strict=False, object_pairs_hook=_object, parse_int=_integer)
    except RecursionError:
        problem = _("CAMB.AI sent an answer nested too deeply to read. Dubroom tries again later.")
    except ValueError:
        problem = _("CAMB.AI sent an answer that is not JSON. Dubroom tries again later.")
        if is_markup(text):
            problem = _("CAMB.AI sent a web page instead of data. Dubroom tries again later.")
    # Outside the `except` block, because the decoder's error would keep the whole body in memory.
    raise Malformed(problem, http_status=200, setting="CAMB_BASE_URL")


def unpacked(value: object, depth: int = 0) -> object:
    """Return the value with the results in it that came as the text of JSON; lines of a transcript stay texts."""
    if isinstance(value, str):
        text = value.strip()
        if text[:1] + text[-1:] not in ("{}", "[]"):
            return value
        try:
            inner = decode(text.encode("utf-8", "replace"))
        except Malformed:
            return value
        return unpacked(inner, depth + 1)
    if depth > layout.MAX_WRAPPERS or layout.are_lines(value):
        return value
    if isinstance(value, list):
        parts = [unpacked(part, depth + 1) for part in value]
        return value if all(map(operator.is_, parts, value)) else parts
    if isinstance(value, dict):
        fields = {
            name: part if _holds_texts(name, part) else unpacked(part, depth + 1) for name, part in value.items()
        }
        return value if all(map(operator.is_, fields.values(), value.values())) else fields
    return value


def _holds_texts(name: str, part: object) -> bool:
    return name in MESSAGE_FIELDS or (name in layout.TRANSCRIPT_FIELDS and isinstance(part, list))


def read_run_in(answer: bulk.Sorted, run_id: int, key: str = "") -> RunAnswer:
    """Return what an answer about several runs says of one. It may leave runs out: `{}` says that none is ready."""
    notes = Notes()
    if run_id in answer.by_run:
        read = read_run(run_id, answer.by_run[run_id], key)
        if run_id not in answer.repeated:
            return read
        notes.add(sentences.REPEATED_FIELD)
        return replace(read, notes=tuple(dict.fromkeys((*notes.sentences(), *read.notes)))[:MAX_NOTES])
    if answer.message:
        notes.add(quote_message(hide(texts.storable(answer.message), key)))
    if answer.has_unnamed:
        notes.add(sentences.UNKNOWN_FORM)
    return replace(read_run(run_id, None), notes=notes.sentences(), is_absent=True)


def read_run(run_id: int, value: object, key: str = "", known: KnownTimes = NOTHING_KNOWN) -> RunAnswer:
    """Return the parsed answer about one run. Takes any JSON value and never raises.

    `key` is the API key, which is hidden; `known` is what is known of the run's times besides this answer.
    """
    if value is None or value == {}:  # most answers about unfinished runs: nothing is in them to be looked for
        return RunAnswer(run_id, (), "", (), as_json(value))
    notes = Notes()
    value, raw = cleaned_with_json(unpacked(value), key, notes)
    contents = layout.read_contents(run_id, value)
    failures = []
    for found in (*contents.unfinished, *contents.results):
        state = read_state(found.fields)
        if state.failure:
            failures.append((found.language, state.failure, message_of_failure(found.fields, state.failure)))
        elif state.unclear_reason:
            notes.add(_about(found) + explain(state.unclear_reason))
    if isinstance(value, str) and (reason := failure_in(value)):
        failures.append(("", reason, ""))
    dubs, is_unit_certain = _dubs(contents.results, known, notes)
    of_run = [failure for failure in failures if not failure[0]]
    for language, reason, message in failures:
        if language:
            notes.add(f"{language}: {explain(reason, message)}")
    failure = message = ""
    if of_run or (failures and not dubs):
        _, failure, message = (of_run or failures)[0]
    if not failure:
        _add_words(value, contents, dubs, notes)
    is_known = isinstance(value, dict | str | None) or contents.results or contents.unfinished
    if contents.has_unread_results or not is_known:
        notes.add(sentences.UNKNOWN_FORM)
    return RunAnswer(
        run_id, dubs, failure, notes.sentences(), raw, message=message, is_unit_certain=is_unit_certain
    )


def read_stored(run_id: int, raw: bytes, known: KnownTimes) -> RunAnswer:
    """Return the answer of which `raw` was stored. Raises ValueError when it was cut off."""
    return read_run(run_id, json.loads(raw), known=known)


def reread_run(answer: RunAnswer, known: KnownTimes) -> RunAnswer:
    """Return the answer as it reads with what is known of the run's times."""
    if answer.is_absent:
        return answer
    read = read_stored(answer.run_id, answer.raw, known)
    lost = [note for note in answer.notes if note in map(str, sentences.LOST_IN_DECODING)]
    return replace(read, notes=(*lost, *read.notes))


def _add_words(value: object, contents: layout.Contents, dubs: Sequence[DubAnswer], notes: Notes) -> None:
    """Add what CAMB.AI says about a run without a result, or about a language without one."""
    if isinstance(value, str):
        if message := plain(value):
            notes.add(_("CAMB.AI says only “%(message)s”.") % {"message": message})
        contents.has_unread_results |= bool(value.strip()) and not message
        return
    languages = {dub.language for dub in dubs}
    for found in contents.unfinished:
        state = read_state(found.fields)
        if state.failure or (dubs and found.language in {"", *languages}):
            continue
        about, message = _about(found), message_in(found.fields)
        if message:
            notes.add(about + quote_message(message))
        if (state.is_unread and not message) or isinstance(found.fields.get("error"), _NESTED):
            contents.has_unread_results = True  # the contract knows an error as a text
        if not is_usual(state.status) and not (state.status.isdecimal() and (message or int(state.status) < 400)):
            notes.add(about + quote_status(state.status))


def _about(found: layout.Found) -> str:
    return f"{found.language}: " if found.language else ""


def read_task(value: object, key: str = "") -> TaskAnswer:
    """Return the state of a task. Raises Malformed when the answer is not an object."""
    value = cleaned(unpacked(value), key, Notes())
    if not isinstance(value, dict):
        raise Malformed(_("CAMB.AI's answer about the task could not be read."), http_status=200)
    value = layout.plain_names(value)
    parts = [value, *(layout.plain_names(part) for part in layout.wrapped_in(value) if isinstance(part, dict))]
    states = list(map(read_state, parts))
    failure = next((state.failure for state in states if state.failure), "")
    messages = (message_of_failure(part, failure) if failure else message_in(part) for part in parts)
    task = TaskAnswer(
        status=next((state.status for state in states if state.status), ""),
        run_id=next(filter(None, map(_run_of_task, parts)), None),
        failure=failure,
        message=next(filter(None, messages), ""),
        raw=as_json(value),
    )
    return replace(task, notes=tuple(_task_notes(task, states)))


def _run_of_task(fields: dict[str, Any]) -> int | None:
    """Return the run that a task has become; a list of runs names it only if it has one alone."""
    run = fields.get("run")
    run_ids = first_of(fields, ("run_id", "run_ids")) or (run.get("id") if isinstance(run, dict) else None)
    return bulk.run_id(run_ids[0] if isinstance(run_ids, list) and len(run_ids) == 1 else run_ids)


def _task_notes(task: TaskAnswer, states: Sequence[RunState]) -> Iterator[str]:
    """Yield what a task without a run and without a failure says of itself, unless it is simply under way."""
    if task.run_id or task.failure:
        return
    yield from (explain(state.unclear_reason) for state in states if state.unclear_reason)
    if task.status and is_usual(task.status) and not is_done(task.status):
        return
    if not task.status:
        yield str(sentences.UNKNOWN_FORM)
    elif is_done(task.status):
        yield _("CAMB.AI says that this dubbing task is done, but names no run. Check the task in CAMB.AI.")
    else:
        yield quote_status(task.status)
    if task.message:
        yield quote_message(task.message)


def read_languages(value: object, key: str = "") -> list[LanguageAnswer]:
    """Return the languages of one list without its malformed entries. Raises Malformed when it is not a list."""
    value = cleaned(value, key, Notes())
    while isinstance(value, dict):
        value = next(layout.wrapped_in(layout.plain_names(value)), None)
    if not isinstance(value, list):
        raise Malformed(_("CAMB.AI did not answer with a list of languages."), http_status=200)
    return [
        LanguageAnswer(
            camb_id, read_line(item.get("language"), MAX_NAME), read_line(item.get("short_name"), MAX_LANGUAGE)
        )
        for item in value
        if isinstance(item, dict) and (camb_id := bulk.run_id(item.get("id"))) and camb_id <= MAX_LANGUAGE_ID
    ]


def read_error_message(body: bytes, key: str = "") -> str:
    """Return the message in the body of an HTTP error; "" when the body is a web page or holds no message."""
    try:
        value = decode(body)
    except Malformed:
        value = body.decode("utf-8", "replace")
    return read_error_value(value, key)


def read_error_value(value: object, key: str = "") -> str:
    """Return the message in the decoded body of an error."""
    value = cleaned(value, key, Notes())
    return message_in(value) if isinstance(value, dict) else plain(value)


def _integer(digits: str) -> int | float:
    # Python raises an error for an integer of more than 4,300 digits, which would discard the whole answer.
    return int(digits) if len(digits) < 20 else float(digits)


# --- Dubs --------------------------------------------------------------------------------------------


def _dubs(results: Sequence[layout.Found], known: KnownTimes, notes: Notes) -> tuple[tuple[DubAnswer, ...], bool]:
    """Return the dubs of one run, at most one a language, and whether their times are certainly seconds."""
    media: dict[str, tuple[str, str]] = {}
    transcripts: dict[str, Sequence[Line]] = {}
    for language, fields in results:
        urls = (
            _link(fields, layout.VIDEO_FIELDS, "video", notes),
            _link(fields, layout.AUDIO_FIELDS, "audio", notes),
        )
        transcript = _transcript(fields, notes)
        if not (transcript or any(urls)):
            continue
        if language in media or len(media) == MAX_DUBS:
            notes.add(_("More dubs came than could be told apart; only the first ones were kept."))
            continue
        media[language], transcripts[language] = urls, transcript
    is_finer = False
    for language, lines_in_language in transcripts.items():
        transcripts[language], note = in_seconds(lines_in_language, known.media_ms, may_guess=not known.unit)
        is_finer |= note == sentences.FINER_UNIT_TAKEN
        if note:
            notes.add(note)
    guesses = dict(zip(transcripts, guess_units(list(transcripts.values()), known), strict=True))
    _add_units(guesses.values(), known, notes)
    dubs = tuple(
        DubAnswer(language, *media[language], _cues(transcripts[language], guesses[language].unit, notes))
        for language in media
    )
    are_seconds = all(guess.is_certain and guess.unit == Unit.SECONDS for guess in guesses.values())
    return dubs, are_seconds and not is_finer


def _add_units(guesses: Collection[UnitGuess], known: KnownTimes, notes: Notes) -> None:
    """Add which unit the times were taken for, unless they are certainly seconds."""
    if known.unit:
        if any(guess.end for guess in guesses):
            notes.add(sentences.CHOSEN_UNIT[Unit(known.unit)])
        return
    if any(guess.unit == Unit.MILLISECONDS for guess in guesses):
        notes.add(sentences.MILLISECONDS_TAKEN)
    if any(guess.unit == Unit.SECONDS and not guess.is_certain for guess in guesses):
        notes.add(sentences.SECONDS_TAKEN)
    if any(guess.is_too_slow for guess in guesses):
        notes.add(sentences.ANOTHER_UNIT)


def _link(result: dict[str, Any], fields: tuple[str, ...], medium: str, notes: Notes) -> str:
    given = [result[field] for field in fields if result.get(field)]
    for field in fields:
        # Only a field without "url" in its name may hold an object with the address.
        value = result.get(field) if field.endswith("_url") else layout.link_in(result.get(field))
        if isinstance(value, str) and (link := read_link(value)):
            return link
    if given:
        notes.add(sentences.UNUSABLE_LINK[medium])  # not quoted: it may be an attack or hold a secret
    return ""


def _transcript(result: dict[str, Any], notes: Notes) -> list[Line]:
    """Return the lines of a result's transcript, with their HTML escapes undone."""
    given = (layout.transcript_in(result.get(field)) for field in layout.TRANSCRIPT_FIELDS)
    transcript = next(filter(None, given), None) or result.get("transcript")
    if not transcript:
        return []
    if not isinstance(transcript, list):
        notes.add(_("The transcript was not a list of lines and could not be used."))
        return []
    if len(transcript) > MAX_CUES:
        notes.add(_("The transcript was cut after %(n)s lines.") % {"n": f"{MAX_CUES:,}"})
    found = list(_lines(transcript[:MAX_CUES], notes))
    if texts.are_escaped([line.text for line in found]):
        notes.add(_("The texts came with HTML escapes such as &amp; or &#39;, which were corrected."))
        found = list(map(_unescaped, found))
        if texts.have_escaped_words([line.text for line in found]):  # they were escaped twice
            found = list(map(_unescaped, found))
    return [line for line in found if line.text]


def _unescaped(line: Line) -> Line:
    return line._replace(
        text=read_text(texts.unescape(line.text)), speaker=read_line(texts.unescape(line.speaker), MAX_SPEAKER)
    )


def _lines(transcript: list[Any], notes: Notes) -> Iterator[Line]:
    names = lines.fields_of(transcript)
    frames = frames_in(names.times_in(transcript))
    rate = frame_rate(frames)
    if rate:
        notes.add(sentences.FRAMES_TAKEN % {"rate": rate})
    elif frames:
        notes.add(_("The times came with frames beyond every usual rate, which were left out."))
    for item in transcript:
        fields = item if isinstance(item, dict) else lines.as_fields(item, names)
        words = lines.text_or_words_in(fields, names.text)
        if not words:
            notes.count_line(sentences.without_text)
            continue
        if names.translation and lines.text_in(fields, names.text[len(names.translation) :]) not in ("", words):
            notes.add(_("The lines came with two texts each, of which the translation was taken."))
        if "\ufffd" in words:
            notes.count_line(sentences.with_unreadable_letters)
        if len(words) > MAX_TEXT:
            notes.count_line(sentences.too_long)
            words = words[:MAX_TEXT].rstrip()
        start, end = lines.times_in(fields, names, rate)
        yield Line(start, end, read_line(lines.speaker_in(fields, names.speaker), MAX_SPEAKER), words)


def _cues(said: Sequence[Line], unit: Unit, notes: Notes) -> tuple[CueAnswer, ...]:
    cues = []
    previous_end, ms = 0, unit.ms
    for line in in_unit(said, unit):
        start = previous_end if line.start is None else rounded_ms(line.start * ms)
        end = start if line.end is None else max(start, rounded_ms(line.end * ms))
        if line.start is None or line.end is None or not 0 <= line.start <= line.end <= MAX_MS / ms:
            notes.count_line(sentences.time_put_right)
        cues.append(CueAnswer(start, end, line.speaker, line.text))
        previous_end = end
    ordered = tuple(sorted(cues, key=lambda cue: cue.start_ms))
    if ordered != tuple(cues):
        notes.add(_("The lines came out of order and were sorted by time."))
    if all(line.end is None for line in said):
        # Without any end, each line lasts until the next one: no player shows a line without a length.
        ends = [*(cue.start_ms for cue in ordered[1:]), *(cue.end_ms for cue in ordered[-1:])]
        ordered = tuple(cue._replace(end_ms=end) for cue, end in zip(ordered, ends, strict=True))
    return ordered
