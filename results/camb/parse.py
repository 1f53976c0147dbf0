"""Parses CAMB.AI's answers: takes any JSON, returns plain, bounded and storable dataclasses."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from results.camb.answers import CueAnswer, DubAnswer, LanguageAnswer, RunAnswer, TaskAnswer
from results.camb.errors import Malformed
from results.camb.reasons import REASONS, explain

# Upper bounds of what is stored. The lengths are in characters, MAX_MS is in milliseconds.
MAX_CUES = 200_000
MAX_DEPTH = 50
MAX_DUBS = 300  # CAMB.AI knows about 150 languages
MAX_HINTS = 20
MAX_LANGUAGE = 35  # the buffer that RFC 5646 recommends for a language tag
MAX_LANGUAGE_ID = 2**31 - 1
MAX_MESSAGE = 200
MAX_MS = 100 * 3600 * 1000
MAX_NAME = 100
# A pair of brackets is three bytes to send and 200 bytes in memory. A transcript's line has one pair, and perhaps a
# [sound] in its text.
MAX_PARTS = 3 * MAX_CUES
MAX_REASON = 100
MAX_RUN_ID = 2**63 - 1
MAX_SPEAKER = 200
MAX_TEXT = 100_000
MAX_URL = 4_000

# GET /dub-result used to call these `output_*`; both forms still occur.
VIDEO_FIELDS = ("video_url", "output_video_url")
AUDIO_FIELDS = ("audio_url", "output_audio_url")
DUB_FIELDS = (*VIDEO_FIELDS, *AUDIO_FIELDS, "transcript")
MESSAGE_FIELDS = ("detail", "error", "message")
OTHER_FIELDS = frozenset({"status", "exception_reason", *MESSAGE_FIELDS})

# PostgreSQL cannot store NUL, and no database can store a lone surrogate.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# A browser reads a backslash as a slash and Python does not, so the two would disagree about the host.
_NOT_IN_A_URL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ufffd\\]")
# Checked for every value of a long transcript. A union such as `dict | list` would be built anew for each check.
_NESTED, _PLAIN = (dict, list), (str, int, float)
_MARKUP = re.compile(r"<[a-zA-Z!/?]")

Mask = Callable[[str], str]


class _Object(dict[str, Any]):
    """A JSON object that records whether a name occurred twice; the last value wins."""

    __slots__ = ("repeats",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeats = len(self) < len(pairs)


class _Hints:
    """Collects the irregularities of one run's answer: each sentence once, with a count for those about lines."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}  # a set that keeps its order
        self._lines: Counter[str] = Counter()

    def add(self, sentence: str) -> None:
        self._sentences[sentence] = None

    def count_line(self, problem: str) -> None:
        self._lines[problem] += 1

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences in the order in which they were added, then the counts; at most MAX_HINTS in all."""
        counted = [f"{problem}: {n} {'line' if n == 1 else 'lines'}." for problem, n in self._lines.items()]
        return tuple([*self._sentences, *counted][:MAX_HINTS])


def decode(body: bytes) -> object:
    """Return the JSON value of a body in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    The Content-Type header is ignored. Raises Malformed when the body is empty, too large or not JSON.
    """
    # A stray byte spoils one letter and not the answer about all five runs.
    text = body.decode(json.detect_encoding(body), "replace")
    if not text.strip():
        raise Malformed("CAMB.AI sent an empty answer. It will be asked again.", http_status=200)
    if text.count("[") + text.count("{") > MAX_PARTS:
        raise Malformed("CAMB.AI sent an answer of more parts than is held here.", http_status=200)
    try:
        return json.loads(text, strict=False, object_pairs_hook=_Object, parse_int=_integer)
    except RecursionError:
        problem = "an answer nested too deeply to read"
    except ValueError:
        problem = "a web page instead of data" if _MARKUP.match(text.lstrip()) else "an answer that is not JSON"
    # Outside the `except` block, because the decoder's error would keep the whole body in memory.
    raise Malformed(
        f"CAMB.AI sent {problem}. It will be asked again; if this lasts, check CAMB_BASE_URL.", http_status=200
    )


def read_run(run_id: int, value: object, mask: Mask = str) -> RunAnswer:
    """Return the parsed answer about one run. Takes any JSON value and never raises.

    `mask` removes the API key from a text.
    """
    hints = _Hints()
    value = _clean(value, mask, hints)
    raw = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    failure = _failure(value)
    dubs: tuple[DubAnswer, ...] = ()
    if isinstance(value, dict):
        dubs, failures = _dubs(value, hints)
        for language, reason in failures:
            hints.add(f"{language or 'A language'}: {explain(reason)}")
        if failures and not dubs:
            failure = failure or failures[0][1]
        if not dubs and not failure and (message := _message(value)):
            hints.add(f"CAMB.AI says: “{message}”")
    elif isinstance(value, str):
        if not failure and (message := _line(value, MAX_MESSAGE)):
            hints.add(f"CAMB.AI says only “{message}”.")
    elif value is not None:
        hints.add("CAMB.AI answered in a form that is not known here.")
    return RunAnswer(run_id, dubs, failure, hints.sentences(), raw)


def read_task(value: object, mask: Mask = str) -> TaskAnswer:
    """Return the state of a task. Raises Malformed when the answer is not an object."""
    value = _clean(value, mask, _Hints())
    if not isinstance(value, dict):
        raise Malformed("CAMB.AI did not answer about the task as its contract says.", http_status=200)
    message = value.get("message")
    if isinstance(message, dict | list):
        message = json.dumps(message, ensure_ascii=False)
    return TaskAnswer(
        status=_upper(value.get("status")),
        run_id=_id(value.get("run_id")),
        failure=_failure(value),
        message=_line(message, MAX_MESSAGE),
    )


def read_languages(value: object, mask: Mask = str) -> list[LanguageAnswer]:
    """Return the languages of one list without its malformed entries. Raises Malformed when it is not a list."""
    value = _clean(value, mask, _Hints())
    if not isinstance(value, list):
        raise Malformed("CAMB.AI did not answer with a list of languages.", http_status=200)
    return [
        LanguageAnswer(camb_id, _line(item.get("language"), MAX_NAME), _line(item.get("short_name"), MAX_LANGUAGE))
        for item in value
        if isinstance(item, dict) and (camb_id := _id(item.get("id"))) and camb_id <= MAX_LANGUAGE_ID
    ]


def read_error_message(body: bytes, mask: Mask = str) -> str:
    """Return the message in the body of an HTTP error; "" when the body is a web page or holds no message."""
    try:
        value = decode(body)
    except Malformed:
        value = body.decode("utf-8", "replace")
    value = _clean(value, mask, _Hints())
    return _message(value) if isinstance(value, dict) else _plain(value)


def _integer(digits: str) -> int | float:
    # Python raises an error for an integer of more than 4,300 digits, which would discard the whole answer.
    return int(digits) if len(digits) < 20 else float(digits)


def _clean(value: object, mask: Mask, hints: _Hints, depth: int = 0) -> object:
    """Return the value as any database can store it: no NUL, no lone surrogate, finite numbers, bounded depth."""
    if isinstance(value, str):
        return mask(_storable(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) <= MAX_RUN_ID else None
    if isinstance(value, _NESTED) and depth == MAX_DEPTH:
        hints.add("A part nested too deeply was left out.")
        return None
    if isinstance(value, dict):
        if getattr(value, "repeats", False):
            hints.add("A field came twice; the last one counts.")
        return {mask(_storable(name)): _clean(part, mask, hints, depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_clean(part, mask, hints, depth + 1) for part in value]
    return value


def _storable(text: str) -> str:
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)


def _text(value: object) -> str:
    """Return a string or number as text; the only control characters left are newline and tab.

    Other types give "".
    """
    if isinstance(value, bool) or not isinstance(value, _PLAIN):
        return ""
    text = str(value)
    if not text.isprintable():
        text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text.strip()


def _line(value: object, limit: int) -> str:
    return " ".join(_text(value).split())[:limit].rstrip()


def _upper(value: object) -> str:
    return _line(value, MAX_REASON).upper()[:MAX_REASON]  # upper-casing can lengthen a text: "ß" becomes "SS"


def _id(value: object) -> int | None:
    digits = _text(value)
    if re.fullmatch("[0-9]{1,19}", digits) and 0 < int(digits) <= MAX_RUN_ID:
        return int(digits)
    return None


def _plain(value: object) -> str:
    text = _line(value, MAX_MESSAGE)
    return "" if _MARKUP.search(text) or "\ufffd" in text else text


def _message(value: dict[str, Any]) -> str:
    """Return the message in an object like `{"detail": "…"}`, `{"error": "…"}` or FastAPI's list of details."""
    for field in MESSAGE_FIELDS:
        message = value.get(field)
        if isinstance(message, list):
            details = (_text(item.get("msg")) for item in message if isinstance(item, dict))
            message = "; ".join(filter(None, details))
        if text := _plain(message):
            return text
    return ""


def _failure(value: object) -> str:
    """Return the failure reason in a value, or "". PENDING, SUCCESS and unknown states are not failures."""
    if isinstance(value, str):
        status, reason = _upper(value), ""
    elif isinstance(value, dict):
        status, reason = _upper(value.get("status")), _upper(value.get("exception_reason"))
    else:
        return ""
    if reason and reason != "NONE":
        return reason
    return status if status in REASONS else ""


def _dubs(value: dict[str, Any], hints: _Hints) -> tuple[tuple[DubAnswer, ...], list[tuple[str, str]]]:
    """Return the dubs of one run, and the failed languages with their reasons.

    The value is either one result or an object of language → result. It counts as one result as soon as one of a
    result's fields is not empty, so that an extra object beside those fields is not taken for a language.
    """
    if any(value.get(field) for field in DUB_FIELDS):
        dub = _dub("", value, hints)
        return ((dub,) if _is_filled(dub) else ()), []
    dubs: dict[str, DubAnswer] = {}
    failures = []
    for key, result in value.items():
        if not isinstance(result, dict) or key in OTHER_FIELDS:
            continue
        language = _line(key, MAX_LANGUAGE)
        if reason := _failure(result):
            failures.append((language, reason))
        dub = _dub(language, result, hints)
        if not _is_filled(dub):
            continue
        if language in dubs or len(dubs) == MAX_DUBS:
            hints.add("More languages came than could be kept apart; the first ones were kept.")
            continue
        dubs[language] = dub
    return tuple(dubs.values()), failures


def _dub(language: str, result: dict[str, Any], hints: _Hints) -> DubAnswer:
    return DubAnswer(
        language=language,
        video_url=_link(result, VIDEO_FIELDS, "video", hints),
        audio_url=_link(result, AUDIO_FIELDS, "audio", hints),
        cues=_cues(result.get("transcript"), hints),
    )


def _is_filled(dub: DubAnswer) -> bool:
    return bool(dub.video_url or dub.audio_url or dub.cues)


def _link(result: dict[str, Any], fields: tuple[str, ...], medium: str, hints: _Hints) -> str:
    given = [result[field] for field in fields if result.get(field)]
    for link in given:
        if isinstance(link, str) and _is_web_link(link.strip()):
            return link.strip()
    if given:
        hints.add(f"The {medium} link was unusable.")  # not quoted: it may be an attack or hold a secret
    return ""


def _is_web_link(url: str) -> bool:
    """Tell whether a text is a plain http or https address; only such a one may become a link or a player's source.

    CAMB.AI's schema allows any string.
    """
    if len(url) > MAX_URL or _NOT_IN_A_URL.search(url):
        return False
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and port_is_valid


class _Line(NamedTuple):
    """A line of a transcript; its times are CAMB.AI's numbers, in seconds or milliseconds."""

    start: float | None
    end: float | None
    speaker: str
    text: str


def _cues(transcript: object, hints: _Hints) -> tuple[CueAnswer, ...]:
    if not transcript:
        return ()
    if not isinstance(transcript, list):
        hints.add("The transcript did not come as a list of lines and could not be used.")
        return ()
    if len(transcript) > MAX_CUES:
        hints.add(f"The transcript was cut after {MAX_CUES:,} lines.")
    lines = list(_lines(transcript[:MAX_CUES], hints))
    to_ms = 1000.0
    if _is_in_milliseconds(lines):
        hints.add("The times came in milliseconds instead of seconds and were converted.")
        to_ms = 1.0
    cues = []
    previous_end = 0
    for line in lines:
        start = previous_end if line.start is None else _ms(line.start * to_ms)
        end = start if line.end is None else max(start, _ms(line.end * to_ms))
        if line.start is None or line.end is None or not 0 <= line.start <= line.end <= MAX_MS / to_ms:
            hints.count_line("Time put right, as it was missing, negative, reversed or beyond 100 hours")
        cues.append(CueAnswer(start, end, line.speaker, line.text))
        previous_end = end
    ordered = tuple(sorted(cues, key=lambda cue: cue.start_ms))
    if ordered != tuple(cues):
        hints.add("The lines came out of order and were sorted by time.")
    return ordered


def _lines(transcript: list[Any], hints: _Hints) -> Iterator[_Line]:
    for item in transcript:
        fields = item if isinstance(item, dict) else {"text": item if isinstance(item, str) else ""}
        text = _text(fields.get("text"))
        if not text:
            hints.count_line("Left out, as it had no text")
            continue
        if len(text) > MAX_TEXT:
            hints.count_line(f"Cut after {MAX_TEXT:,} letters")
            text = text[:MAX_TEXT].rstrip()
        speaker = _line(fields.get("speaker"), MAX_SPEAKER)
        yield _Line(_number(fields.get("start")), _number(fields.get("end")), speaker, text)


def _is_in_milliseconds(lines: list[_Line]) -> bool:
    """Tell whether a transcript's times are milliseconds: the schema says seconds, but its example is 0 and 5000.

    The speed of speech decides. Times are milliseconds if all numbers are whole and the median line lasts at least
    100, and at least 10 per letter. In seconds that is too slow for speech. In milliseconds it is speech of at most
    a hundred letters a second, and no line lasts more than an hour.
    """
    if not all(time is None or time.is_integer() for line in lines for time in (line.start, line.end)):
        return False
    spoken = [
        (line.end - line.start, len(line.text))
        for line in lines
        if line.start is not None and line.end is not None and line.start < line.end
    ]
    return (
        bool(spoken)
        and 100 <= median(duration for duration, _ in spoken) <= 3_600_000
        and median(duration / letters for duration, letters in spoken) >= 10
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, _PLAIN):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _ms(milliseconds: float) -> int:
    """Return milliseconds rounded half up, clamped to 0 … MAX_MS.

    The inner `round` is for times such as 1.0005 s, which as a float is 1000.4999999999999 ms.
    """
    return math.floor(round(min(max(milliseconds, 0.0), float(MAX_MS)), 6) + 0.5)
