"""Reads the times of a transcript, and decides whether its plain numbers are seconds or milliseconds.

CAMB.AI's schema says seconds, but its example is 0 and 5000.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from statistics import median
from typing import NamedTuple, TypeGuard

from results.camb.texts import plain_name
from results.transcripts.reading_speed import SPEEDS, length, speed_for

MAX_MS = 100 * 3600 * 1000
# So many lines, spread over the transcript, show how fast it is spoken.
SAMPLE = 100
# Speech is at most this many times as fast as the reading speed of its script, and mostly slower.
FASTEST_PACE, SLOWEST_PACE = 1.5, 0.05
# Times under which most lines are spoken even slower are in another unit, such as microseconds.
IMPOSSIBLE_PACE = SLOWEST_PACE / 5
# In fewer milliseconds nobody says a letter of any script.
TOO_SHORT_TO_SPEAK_MS = 1000 / (max(SPEEDS.values()) * FASTEST_PACE)
# Lines that must agree before their pace is certain evidence.
CERTAIN_LINES = 3
MAX_SILENT_LINE = 3600  # seconds; a longer line of music is one in milliseconds
SHORTEST_DUB_MS = 1000
FRAME_RATES = (24, 25, 30, 50, 60)
EARLIEST_POINT = 1.0e9  # seconds since 1970, in 2001: no dub is as long

# The signs in which a time may stand.
_AROUND = " \t\r\n[]()"
# A union such as `str | int` would be built anew for each time.
_TEXT_OR_INTEGER = (str, int)
_CLOCK = re.compile(
    r"(-?)(?:0 days )?(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2})(?:[.,](\d{0,15})(?:\.\d{1,15})?|[:;](\d{3}|\d{2}))?Z?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.{0,30}", re.ASCII)
# The days from which programs count where a time has no date.
_NO_DATES = ("0001-01-01", "1899-12-30", "1900-01-01", "1970-01-01")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"(-?\d{1,15}(?:[.,]\d{1,15})?)", re.ASCII)
_GROUPED = re.compile(r"(-?\d{1,3}(?:,\d{3})+)\.(\d+)|(-?\d{1,3}(?:\.\d{3})+),(\d+)", re.ASCII)
_PART = r"(\d{1,15}(?:[.,]\d{1,15})?)\s?"
_DURATION = re.compile(
    rf"(-?)(?:P(?:0+D)?T)?(?:{_PART}h(?:ours?|rs?)?)?\s?(?:{_PART}m(?:in(?:ute)?s?)?)?\s?(?:{_PART}s(?:ec(?:ond)?s?)?)?\s?"
    rf"(?:{_PART}(?:ms(?:ec)?|milli(?:second)?s))?\s?(?:{_PART}(?:[uμ]s(?:ec)?|micro(?:second)?s))?\s?"
    rf"(?:{_PART}(?:ns(?:ec)?|nano(?:second)?s))?",
    re.ASCII | re.IGNORECASE,
)
_PART_SECONDS = (3600, 60, 1, 1e-3, 1e-6, 1e-9)
# The parts of a time that is an object, as of Google's APIs, and their seconds.
_FIELD_SECONDS = {
    **dict.fromkeys(("hours", "hour"), 3600.0),
    **dict.fromkeys(("minutes", "minute"), 60.0),
    **dict.fromkeys(("seconds", "second"), 1.0),
    **dict.fromkeys(("milliseconds", "millis", "ms"), 1e-3),
    **dict.fromkeys(("microseconds", "micros"), 1e-6),
    **dict.fromkeys(("nanoseconds", "nanos"), 1e-9),
}
_BRACKETED = re.compile(
    r"\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|<[^>]*>|\*[^*]*\*|（[^）]*）|【[^】]*】|［[^］]*］|〔[^〕]*〕"
)
_MUSIC = re.compile("[\u2669-\u266f\U0001f3b5\U0001f3b6\U0001f3bc]")


class Unit(StrEnum):
    """The unit of the plain numbers in a transcript."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"

    @property
    def ms(self) -> float:
        """The milliseconds of one unit."""
        return 1000.0 if self == Unit.SECONDS else 1.0


class KnownTimes(NamedTuple):
    """What is known of a run's times besides its answer."""

    unit: str = ""
    """The unit that a person chose; "" leaves it to the evidence."""
    media_ms: int = 0
    """The length of the dubbed media; 0 if unknown."""


NOTHING_KNOWN = KnownTimes()


class Seconds(float):
    """A time that is in seconds for certain, as it came with its unit, such as 00:01:02,500."""


class Line(NamedTuple):
    """A line of a transcript; its times are CAMB.AI's numbers."""

    start: float | None
    end: float | None
    speaker: str
    text: str


class Span(NamedTuple):
    """The duration, the end and the text of a line, in CAMB.AI's numbers."""

    duration: float
    end: float
    text: str


class UnitGuess(NamedTuple):
    """The unit that a transcript's numbers are taken for."""

    unit: Unit = Unit.SECONDS
    is_certain: bool = True
    end: float = 0
    """The highest of the numbers, in that unit or the other; 0 if there is none."""
    pace: float = math.inf
    """How many times as fast as reading the lines are spoken, if the numbers are milliseconds."""

    @property
    def is_too_slow(self) -> bool:
        """Whether the numbers are too large for milliseconds too."""
        return self.unit == Unit.MILLISECONDS and self.pace < IMPOSSIBLE_PACE

    @property
    def end_ms(self) -> float:
        return self.end * self.unit.ms


def frames_in(times: Iterable[object]) -> list[int]:
    """Return the frames of those times that are clocks with frames, such as `00:00:01:12`."""
    clocks = (_CLOCK.fullmatch(time.strip()) for time in times if isinstance(time, str))
    return [int(clock[6]) for clock in clocks if clock and clock[6] and len(clock[6]) == 2]


def frame_rate(frames: Sequence[int]) -> int:
    """Return the frames of a second by the highest of them; 0 if there is none, or none of the usual rates has it.

    A second of film has the frames 0 to 23, of European television 0 to 24, and so on.
    """
    return next((rate for rate in FRAME_RATES if max(frames) < rate), 0) if frames else 0


def read_time(value: object, frames_a_second: int = 0) -> float | None:
    """Return a time that came as a number, as text, or as a clock such as `1:02:03,456`; None if unreadable.

    Without a rate, the frames of a clock are left out.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict) and len(value) <= len(_PART_SECONDS):
        return _read_parts(value)
    if isinstance(value, bool) or not isinstance(value, _TEXT_OR_INTEGER):
        return None
    if isinstance(value, str):
        value = _in_ascii(value.strip(_AROUND))
        if (time := _read_clock(value, frames_a_second)) is not None:
            return time
        for read in (_read_duration, _read_date):
            if (time := read(value)) is not None:
                return time
        if found := _GROUPED.fullmatch(value):
            whole, fraction = filter(None, found.groups())
            value = f"{re.sub('[.,]', '', whole)}.{fraction}"
        if "_" in value:  # Python would read 1_000 as a number
            return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _read_parts(fields: dict[str, object]) -> float | None:
    """Return a time that is an object of its parts, such as `{"seconds": "1", "nanos": 200000000}`."""
    parts = [(_FIELD_SECONDS.get(plain_name(name)), read_time(part)) for name, part in fields.items()]
    seconds = [unit * part for unit, part in parts if unit is not None and part is not None]
    return Seconds(sum(seconds)) if seconds and len(seconds) == len(parts) else None


def _read_date(text: str) -> float | None:
    """Return a date with a time of day as seconds since 1970; without a real date, as seconds since midnight."""
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        start = datetime.fromisoformat(f"{text[:10]}T00:00Z") if text.startswith(_NO_DATES) else _EPOCH
        return Seconds((moment - start).total_seconds())
    except (ValueError, OverflowError):
        return None


def _in_ascii(text: str) -> str:
    """Return the text with the decimal digits and the decimal sign of every script as those of ASCII."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).replace("٫", ".")
    return "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text)


def _read_clock(text: str, frames_a_second: int) -> float | None:
    if clock := _CLOCK.fullmatch(text):
        sign, hours, minutes, seconds, fraction, last = clock.groups()
        # The last of four numbers is milliseconds if it has three digits, and a frame if it has two.
        if last and len(last) == 2:
            last = f"{round(int(last) / frames_a_second * 1000):03}" if frames_a_second else ""
        fraction = fraction or last
        whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
        return Seconds(f"{sign}{whole}.{fraction or 0}")
    if number := _NUMBER.fullmatch(text):
        return float(number[1].replace(",", "."))
    return None


def _read_duration(text: str) -> float | None:
    """Return a time that names its units, such as `2 sec`, `1m5s`, `900 ms` or `PT1.5S`."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()[1:]):
        return None
    sign, *parts = found.groups()
    seconds = sum(
        float(part.replace(",", ".")) * unit for part, unit in zip(parts, _PART_SECONDS, strict=True) if part
    )
    return Seconds(-seconds if sign else seconds)


def in_unit(lines: Sequence[Line], unit: Unit) -> Sequence[Line]:
    """Return the lines with all times in this unit, which is that of their plain numbers."""
    if unit == Unit.SECONDS:
        return lines
    return [line._replace(start=_in_ms(line.start), end=_in_ms(line.end)) for line in lines]


def _in_ms(time: float | None) -> float | None:
    return time * 1000 if isinstance(time, Seconds) else time


def rounded_ms(milliseconds: float) -> int:
    """Return milliseconds rounded half up, clamped to 0 … MAX_MS.

    The inner `round` is for times such as 1.0005 s, which as a float is 1000.4999999999999 ms.
    """
    if not 0 <= milliseconds <= MAX_MS:
        return MAX_MS if milliseconds > MAX_MS else 0
    return math.floor(round(milliseconds, 6) + 0.5)


def guess_units(transcripts: Sequence[Sequence[Line]], known: KnownTimes) -> list[UnitGuess]:
    """Return the unit of each of a run's transcripts: a person's choice, or the most plausible one.

    A transcript that shows no unit by itself takes the one under which it is about as long as the run's others.
    """
    guesses = [_guess_unit(lines, known.media_ms) for lines in transcripts]
    if known.unit:
        return [guess._replace(unit=Unit(known.unit)) for guess in guesses]
    certain = [guess.end_ms for guess in guesses if guess.is_certain and guess.end]
    return [guess if guess.is_certain or not certain else _matched(guess, median(certain)) for guess in guesses]


def _matched(guess: UnitGuess, others_ms: float) -> UnitGuess:
    """Return the guess with the unit under which the transcript is as long as others, if either is near."""
    distances = {unit: abs(math.log(max(guess.end * unit.ms, 1) / others_ms)) for unit in Unit}
    nearest = min(distances, key=lambda unit: distances[unit])
    return guess._replace(unit=nearest, is_certain=True) if distances[nearest] < math.log(2) else guess


def _guess_unit(lines: Sequence[Line], media_ms: int) -> UnitGuess:
    """Return the unit under which the transcript has the length of its media, else that of plausible speech."""
    numbers = [time for time in plain_times(lines) if time <= MAX_MS]
    end = max(numbers, default=0)
    if end and media_ms and (unit := _unit_by_length(end, media_ms)):
        return UnitGuess(unit, True, end)
    spans = [span for span in spans_of(lines) if span.end <= MAX_MS]
    are_whole = all(map(float.is_integer, numbers))
    # Whole numbers this small would be a dub of less than a second.
    is_certain_if_seconds = not are_whole or end < SHORTEST_DUB_MS or not spans
    if is_certain_if_seconds and max((span.duration for span in spans), default=0) < TOO_SHORT_TO_SPEAK_MS:
        return UnitGuess(Unit.SECONDS, True, end)
    paces = spoken_paces(spans)
    unit, is_certain = _unit_by_speech(spans, paces, end, is_certain_if_seconds, are_whole=are_whole)
    return UnitGuess(unit, is_certain, end, median(paces) if len(paces) >= CERTAIN_LINES else math.inf)


def plain_times(lines: Sequence[Line]) -> list[float]:
    """Return the times that came without their unit; a negative one says nothing about the others."""
    return [time for line in lines for time in line[:2] if _is_plain(time)]


def spans_of(lines: Sequence[Line]) -> list[Span]:
    """Return enough lines whose times came without their unit, spread over the transcript."""
    return [
        Span(line.end - line.start, line.end, line.text)
        for line in lines[:: len(lines) // SAMPLE + 1]
        if _is_plain(line.start) and _is_plain(line.end) and line.start < line.end
    ]


def spoken_paces(spans: Iterable[Span]) -> list[float]:
    """Return how many times as fast as reading each line of speech is spoken, if the numbers are milliseconds."""
    return [
        length(speech) * 1000 / span.duration / speed_for(speech)
        for span in spans
        if (speech := _spoken_part(span.text))
    ]


def _unit_by_length(end: float, media_ms: int) -> Unit | None:
    """Return the only unit in which a transcript that ends at this number fits its media; None if both may."""
    fits = {unit: end * unit.ms <= 1.1 * media_ms + 5000 for unit in Unit}
    if fits[Unit.SECONDS] and end * 1000 >= 0.8 * media_ms:
        return Unit.SECONDS
    return Unit.MILLISECONDS if fits[Unit.MILLISECONDS] and not fits[Unit.SECONDS] else None


def _unit_by_speech(
    spans: Sequence[Span], paces: Sequence[float], end: float, is_certain_if_seconds: bool, *, are_whole: bool
) -> tuple[Unit, bool]:
    """Return the unit of these durations with their texts and paces, and whether it is certain.

    `is_certain_if_seconds` says that seconds would be certain, and `are_whole` that no number has a fraction.

    As milliseconds, the lines must be spoken at most as fast as people speak. Then seconds would be at least half a
    minute a letter. Fractions are a sign of seconds, which only the pace of several lines outweighs. Lines without
    speech, such as [Music], have no pace; they are in seconds unless that makes them longer than an hour.
    """
    if not paces:
        longest = median(span.duration for span in spans) if spans else 0
        is_long = are_whole and longest > MAX_SILENT_LINE
        return (Unit.MILLISECONDS, False) if is_long else (Unit.SECONDS, is_certain_if_seconds)
    pace = median(paces)
    is_agreed = len(paces) >= CERTAIN_LINES
    if are_whole:
        is_plausible = pace <= FASTEST_PACE and end >= SHORTEST_DUB_MS
    else:
        is_plausible = SLOWEST_PACE <= pace <= FASTEST_PACE and is_agreed
    if is_plausible:
        return Unit.MILLISECONDS, is_agreed and are_whole
    return Unit.SECONDS, is_certain_if_seconds or pace > 10 * FASTEST_PACE


def _spoken_part(text: str) -> str:
    """Return what is spoken in a line: nothing in `[Music]`, `(applause)` or a line with notes."""
    if _MUSIC.search(text):
        return ""
    spoken = _BRACKETED.sub(" ", text).strip()
    return spoken if any(map(str.isalnum, spoken)) else ""


def _is_plain(time: float | None) -> TypeGuard[float]:
    return time is not None and not isinstance(time, Seconds) and time >= 0
