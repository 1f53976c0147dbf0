"""Finds the start, end, speaker and text in the lines of a transcript, whatever the names of the fields.

CAMB.AI's contract knows `start`, `end`, `speaker` and `text`. A line may have an empty field under one name and the
value under another, so each is read by its values.
"""

import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from results.camb.texts import plain_name, read_text
from results.camb.times import EARLIEST_POINT, Seconds, read_time

# Enough items of a list to tell what the list is.
ITEMS_LOOKED_AT = 5
MAX_SPAN = 80  # characters of two times

# The names of each part, the contract's first. Of a text and its translation, the dub speaks the latter.
_TRANSLATIONS = ("translated_text", "translation", "target_text", "dubbed_text")
_TEXTS = (
    *_TRANSLATIONS, "text", "content", "dialogue", "dialog", "line", "sentence", "phrase", "caption", "subtitle",
    "utterance", "txt", "word",
)  # fmt: skip
_SPEAKERS = ("speaker", "speaker_name", "speaker_label", "speaker_id", "speaker_tag", "character", "actor")
_STARTS = (
    "start", "start_time", "start_at", "start_timestamp", "start_offset", "begin", "begin_time", "from", "time_in",
    "timestamp", "time", "offset", "in_time", "timecode_in", "tc_in", "in_point",
)  # fmt: skip
_ENDS = (
    "end", "end_time", "end_at", "end_timestamp", "end_offset", "stop", "stop_time", "to", "until", "time_out",
    "finish", "finish_time", "out_time", "timecode_out", "tc_out", "out_point",
)  # fmt: skip
_DURATIONS = ("duration", "dur")
# Both times in one field, as a pair or as an object.
_SPANS = ("timestamp", "timestamps", "time", "times", "span", "interval", "offsets")
_BETWEEN_TIMES = re.compile(r"\s*(?:-->|[–—→-]|\bto\b)\s*")
# What a name may end with if the unit is certain, and the seconds of that unit.
_UNITS = {
    **dict.fromkeys(("_s", "_sec", "_secs", "_seconds", "_in_seconds"), 1.0),
    **dict.fromkeys(("_ms", "_millis", "_milliseconds", "_in_ms"), 1e-3),
    **dict.fromkeys(("_us", "_micros", "_microseconds"), 1e-6),
    **dict.fromkeys(("_ns", "_nanos", "_nanoseconds"), 1e-9),
    **dict.fromkeys(("_ticks", "_in_ticks"), 1e-7),
}
_TIMED = {"start": _STARTS, "end": _ENDS, "duration": _DURATIONS}
_UNTIMED = {"span": _SPANS, "speaker": _SPEAKERS, "translation": _TRANSLATIONS, "text": _TEXTS}


def _known_names() -> dict[str, list[tuple[str, int, float]]]:
    """Return for each name the parts of a line that it may be, its place among that part's names, and its unit."""
    known: dict[str, list[tuple[str, int, float]]] = {}
    for part, names in _TIMED.items():
        with_units = [(name + end, unit) for end, unit in {"": 0.0, **_UNITS}.items() for name in names]
        for place, (name, unit) in enumerate(with_units):
            known.setdefault(name, []).append((part, place, unit))
    for part, names in _UNTIMED.items():
        for place, name in enumerate(names):
            known.setdefault(name, []).append((part, place, 0.0))
    return known


_KNOWN_NAMES = _known_names()
_NAMES_IN_A_SPEAKER = ("name", "speaker_name", "label", "id")
# With one of these words, a text without a time or a speaker is about the dub and not of it.
_NOTICE = re.compile(r"\b(pending|processing|progress|queued?|wait(ing)?|running|not ready)\b", re.IGNORECASE)


class LineFields(NamedTuple):
    """The names that the parts of a line have in one transcript, the likeliest first; times with their unit."""

    start: tuple[tuple[str, float], ...] = (("start", 0),)
    end: tuple[tuple[str, float], ...] = (("end", 0),)
    duration: tuple[tuple[str, float], ...] = ()
    span: tuple[str, ...] = ()
    speaker: tuple[str, ...] = ("speaker",)
    translation: tuple[str, ...] = ()
    text: tuple[str, ...] = ("text",)

    def times_in(self, items: list[Any]) -> Iterator[object]:
        """Yield the starts and ends of these lines as they came."""
        names = [name for name, _ in (*self.start, *self.end)]
        for item in items:
            if isinstance(item, dict):
                for name in names:
                    yield item.get(name)
                for name in self.span:
                    yield from _pair(item.get(name))


def fields_of(transcript: list[Any]) -> LineFields:
    """Return the names that the parts of a line have in this transcript."""
    found: dict[str, list[tuple[int, str, float]]] = {part: [] for part in LineFields._fields}
    for name in dict.fromkeys(name for item in transcript if isinstance(item, dict) for name in item):
        for part, place, unit in _KNOWN_NAMES.get(plain_name(name), ()):
            found[part].append((place, name, unit))
    for of_part in found.values():
        of_part.sort(key=itemgetter(0))

    def names(part: str) -> tuple[str, ...]:
        return tuple(name for _, name, _ in found[part])

    def timed(part: str) -> tuple[tuple[str, float], ...]:
        return tuple((name, unit) for _, name, unit in found[part])

    usual = LineFields()
    return LineFields(
        timed("start") or usual.start,
        timed("end") or usual.end,
        timed("duration"),
        names("span"),
        names("speaker") or usual.speaker,
        names("translation"),
        names("text") or usual.text,
    )


def as_fields(item: object, names: LineFields) -> dict[str, Any]:
    """Return a line as its fields: a line may also be a mere text, or a row of start, end and text."""
    if isinstance(item, dict):
        return item
    text = item
    fields: dict[str, Any] = {}
    if is_row(item):
        assert isinstance(item, list)  # noqa: S101
        fields = {names.start[0][0]: item[0], names.end[0][0]: item[1]}
        text = next(part for part in item[2:] if isinstance(part, str))
    return fields | {names.text[0]: text if isinstance(text, str) else ""}


def text_in(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the text of a line, which may come as the list of its rows."""
    for name in names:
        value = fields.get(name)
        text = "\n".join(filter(None, map(read_text, value))) if isinstance(value, list) else read_text(value)
        if text:
            return text
    return ""


def text_or_words_in(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the text of a line, or its words alone, each of which may have a time of its own."""
    if text := text_in(fields, names):
        return text
    words = fields.get("words")
    found = (
        (text_in(word, ("word", "text")) for word in words if isinstance(word, dict))
        if isinstance(words, list)
        else ()
    )
    return " ".join(filter(None, found))


def speaker_in(fields: dict[str, Any], names: tuple[str, ...]) -> object:
    """Return who speaks, which may be an object with a name."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, dict):
            value = next((part for key in _NAMES_IN_A_SPEAKER if (part := value.get(key)) not in (None, "")), None)
        elif isinstance(value, list):
            value = ", ".join(part for part in value if isinstance(part, str))
        if value not in (None, ""):
            return value
    return None


def times_in(fields: dict[str, Any], names: LineFields, rate: int) -> tuple[float | None, float | None]:
    """Return the start and the end of a line; `rate` is that of the frames in its clocks."""
    start, end = _time(fields, names.start, rate), _time(fields, names.end, rate)
    for name in names.span if start is None or end is None else ():
        if pair := _pair(fields.get(name)):
            first, last = (read_time(part, rate) for part in pair)
            start, end = first if start is None else start, last if end is None else end
    if end is None and start is not None and names.duration:
        duration = _time(fields, names.duration, rate)
        # A length in another unit than the start says nothing about the end.
        if duration is not None and isinstance(start, Seconds) == isinstance(duration, Seconds):
            end = type(start)(start + duration)
    return start, end


def _time(fields: dict[str, Any], names: tuple[tuple[str, float], ...], rate: int) -> float | None:
    for name, unit in names:
        time = read_time(fields.get(name), rate)
        if time is not None:
            return Seconds(time * unit) if unit and not isinstance(time, Seconds) else time
    return None


def _pair(value: object) -> list[Any]:
    """Return the two times of one field, or an empty list."""
    if isinstance(value, dict):
        names = fields_of([value])
        value = [value.get(names.start[0][0]), value.get(names.end[0][0])]
    elif isinstance(value, str) and len(value) < MAX_SPAN:
        value = _BETWEEN_TIMES.split(value.strip())
    return value if isinstance(value, list) and len(value) == 2 else []


# --- What is a line ----------------------------------------------------------------------------------


def is_line(item: object) -> bool:
    """Tell whether an item is a line with a text and a time."""
    if is_row(item):
        return True
    if not isinstance(item, dict):
        return False
    names = fields_of([item])
    times = [time for part in names.times_in([item]) if (time := read_time(part)) is not None]
    # A text with one date is a message.
    is_timed = len(times) > 1 or any(time < EARLIEST_POINT for time in times)
    return is_timed and bool(text_or_words_in(item, names.text))


def is_row(item: object) -> bool:
    """Tell whether an item is a row of a start, an end and one text."""
    if not isinstance(item, list) or len(item) < 3:
        return False
    texts = [part for part in item[2:] if isinstance(part, str)]
    return len(texts) == 1 and None not in (read_time(item[0]), read_time(item[1]))


def notice_in(transcript: object) -> str:
    """Return what a transcript says if it is none, such as “Still processing, please wait”; else ""."""
    if not isinstance(transcript, list) or len(transcript) != 1:
        return ""
    names = fields_of(transcript)
    fields = as_fields(transcript[0], names)
    text = text_in(fields, names.text)
    has_time = any(time not in (None, "") for time in names.times_in([fields]))
    is_bare = not has_time and not speaker_in(fields, names.speaker)
    return text if is_bare and _NOTICE.search(text) else ""
