"""What is there to see of a dub's transcript: its lines, who speaks them, hints, the strip, and a dub beside it?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from results.models import Cue, Dub, MediaCopy, Run
from results.transcripts import alignment, languages, review, timecode, timeline

# As many as run.css has colours.
VOICES = 8
# The strip is drawn in so many parts: about as many as it has pixels.
COLUMNS = 1000
# Its loudness in fewer, as each of these weighs four bytes.
WAVE_COLUMNS = 500
WAVE_HEIGHT = 64
MAX_SPEAKERS = 60
# So many lines are laid out together when they come near: with each for itself, a browser looks at 20,000 of them
# for every picture that it paints.
LINES_PER_PART = 100


@dataclass(frozen=True)
class TranscriptFilter:
    """What the address says is to be shown; whatever it leaves out, or is not there, falls back."""

    dub: str = ""
    play: str = ""
    beside: str = ""
    speakers: tuple[str, ...] = ()

    @classmethod
    def read(cls, query: QueryDict) -> "TranscriptFilter":
        speakers = tuple(dict.fromkeys(query.getlist("speaker")))
        return cls(query.get("dub", ""), query.get("play", ""), query.get("beside", ""), speakers)

    @property
    def values(self) -> dict[str, str | list[str]]:
        """As the names and values of a query; video is what plays when nothing else is said."""
        return {
            "dub": self.dub,
            **({"play": "audio"} if self.play == "audio" else {}),
            **({"beside": self.beside} if self.beside else {}),
            **({"speaker": list(self.speakers)} if self.speakers else {}),
        }

    @property
    def query(self) -> str:
        return "?" + urlencode(self.values, doseq=True)

    def back_to(self, run: Run) -> str:
        """The address of the run's page, shown so, but with all speakers: these may be called otherwise now."""
        return reverse("runs-detail", args=[run.pk]) + replace(self, speakers=()).query


class TranscriptLine(NamedTuple):
    """One cue, ready to be printed; `speaker` stands only where another one begins to speak."""

    position: int
    start_ms: int
    voice: str
    speaker: str
    text: str
    hints: str = ""

    @property
    def clock(self) -> str:
        return timecode.short(self.start_ms)


class TranscriptRow(NamedTuple):
    """Lines that say the same in two dubs."""

    start_ms: int
    lines: list[TranscriptLine]
    others: list[TranscriptLine]


class SpeakerStats(NamedTuple):
    name: str
    voice: str
    talk: str
    share: int
    words: int
    is_chosen: bool
    href: str
    rename_href: str


class OtherDub(NamedTuple):
    """Another dub that may stand beside this one."""

    label: str
    href: str
    is_current: bool


class WaveformPath(NamedTuple):
    """How loud the media is, as a path `columns` wide that is stretched over `width` columns of the strip."""

    path: str
    columns: int
    width: int
    strip: int
    """How many columns the strip has with it: media goes on after its last line."""

    @classmethod
    def of(cls, copy: MediaCopy, dub: Dub) -> "WaveformPath":
        width = COLUMNS * copy.length_ms // max(dub.duration_ms, 1)
        path = timeline.skyline(bytes(copy.waveform), WAVE_COLUMNS, WAVE_HEIGHT)
        return cls(path, WAVE_COLUMNS, width, max(width, COLUMNS))


@dataclass(frozen=True)
class TranscriptPage:
    """The transcript of a dub, as wanted. The cues are read once, whatever is made of them."""

    dub: Dub
    wanted: TranscriptFilter
    others: list[Dub] = field(default_factory=list)

    @cached_property
    def cues(self) -> list[Cue]:
        return list(self.dub.cues.all())

    @cached_property
    def voices(self) -> dict[str, str]:
        return _voices(self.cues)

    @property
    def chosen(self) -> set[str]:
        """The speakers whose lines are shown alone; none means all."""
        return self.voices.keys() & set(self.wanted.speakers)

    # --- The lines -----------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> list[TranscriptLine]:
        hints = [" · ".join(map(str, found)) for found in review.review_checks(self.cues)]
        chosen = self.chosen
        shown = [pair for pair in zip(self.cues, hints, strict=True) if not chosen or pair[0].speaker in chosen]
        return _lines(shown, self.voices)

    @property
    def parts(self) -> Iterator[Sequence[TranscriptLine] | Sequence[TranscriptRow]]:
        """The lines, or the rows of two dubs, in parts."""
        shown = list(self.rows) if self.other else self.lines
        return (shown[start : start + LINES_PER_PART] for start in range(0, len(shown), LINES_PER_PART))

    @property
    def hint_count(self) -> int:
        return sum(bool(line.hints) for line in self.lines)

    @cached_property
    def other(self) -> Dub | None:
        return next((dub for dub in self.others if self._key(dub) == self.wanted.beside), None)

    @property
    def other_label(self) -> str:
        return next((choice.label for choice in self.choices if choice.is_current), "")

    @property
    def other_lang(self) -> str:
        return languages.html_tag(self.other.language if self.other else "")

    @property
    def other_direction(self) -> str:
        return languages.direction(self.other.language if self.other else "")

    @property
    def rows(self) -> Iterator[TranscriptRow]:
        """The lines with those of the other dub beside them; chosen speakers bring what is beside them along."""
        lines = {line.position: line for line in self.lines}
        others = list(self.other.cues.all()) if self.other else []
        there = {line.position: line for line in _lines([(cue, "") for cue in others], _voices(others))}
        for row in alignment.align_in_rows(self.cues, others):
            here = [lines[cue.position] for cue in row.cues if cue.position in lines]
            if here or not self.chosen:
                yield TranscriptRow(row.start_ms, here, [there[cue.position] for cue in row.others])

    @property
    def choices(self) -> list[OtherDub]:
        """The run's other dubs, and those of the runs that are of the same source."""
        return [
            OtherDub(
                _label(dub, is_own=dub.run_id == self.dub.run_id),
                replace(self.wanted, beside=self._key(dub)).query,
                dub == self.other,
            )
            for dub in self.others
        ]

    @property
    def alone(self) -> str:
        return replace(self.wanted, beside="").query

    def _key(self, dub: Dub) -> str:
        """What the address calls another dub: by its language, or with its run's id before if that is needed."""
        is_plain = dub.run_id == self.dub.run_id and dub.language
        return dub.language if is_plain else f"{dub.run_id}:{dub.language}"

    # --- The speakers --------------------------------------------------------------------------------

    @cached_property
    def speakers(self) -> list[SpeakerStats]:
        """Who speaks, most first: for how long, what part of all that is said, and how many words."""
        talk, words = defaultdict[str, int](int), defaultdict[str, int](int)
        count = _words if languages.has_spaces(self.dub.language) else review.length
        for cue in self.cues:
            talk[cue.speaker] += max(cue.end_ms - cue.start_ms, 0)
            words[cue.speaker] += count(cue.text)
        total = sum(talk.values()) or 1
        return [
            SpeakerStats(
                name,
                voice,
                timecode.short(talk[name]),
                round(100 * talk[name] / total),
                words[name],
                name in self.chosen,
                self._toggled(name),
                replace(self.wanted, speakers=(name,)).query,
            )
            for name, voice in sorted(self.voices.items(), key=lambda item: -talk[item[0]])[:MAX_SPEAKERS]
        ]

    @property
    def everybody(self) -> str:
        return replace(self.wanted, speakers=()).query

    @property
    def counts_letters(self) -> bool:
        return not languages.has_spaces(self.dub.language)

    def _toggled(self, speaker: str) -> str:
        speakers = tuple(name for name in self.wanted.speakers if name in self.voices and name != speaker)
        added = () if speaker in self.wanted.speakers else (speaker,)
        return replace(self.wanted, speakers=(*speakers, *added)).query

    # --- The strip -----------------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        return COLUMNS

    @property
    def blocks(self) -> dict[str, str]:
        """For each voice, all its blocks as one path of the strip: however many lines, a handful of elements."""
        paths = defaultdict[str, str](str)
        for block in timeline.blocks(self.cues, self.dub.duration_ms, COLUMNS):
            paths[self.voices.get(block.speaker, "")] += f"M{block.start} 8H{block.end}V24H{block.start}z"
        return dict(paths)

    @property
    def ticks(self) -> str:
        """Where lines begin, as one path; so many that they would run together say nothing, and are left out."""
        columns = timeline.ticks(self.cues, self.dub.duration_ms, COLUMNS)
        return "".join(f"M{column} 0V5" for column in columns) if len(columns) <= COLUMNS / 3 else ""


def other_dubs(dub: Dub, dubs: Iterable[Dub]) -> list[Dub]:
    """Return the dubs that may stand beside this one: those of its run, and of the runs of the same source."""
    run = dub.run
    own = [other for other in dubs if other != dub and other.cue_count]
    if run.source_id is None:
        return own
    theirs = Dub.objects.filter(
        run__in=Run.objects.filter(source=run.source_id).exclude(pk=run.pk), cue_count__gt=0
    )
    return [*own, *theirs.select_related("run").order_by("run", "pk")]


def _voices(cues: Iterable[Cue]) -> dict[str, str]:
    """A colour for each speaker, in the order in which they begin to speak."""
    speakers = dict.fromkeys(cue.speaker for cue in cues if cue.speaker)
    return {speaker: f"voice-{number % VOICES}" for number, speaker in enumerate(speakers)}


def _lines(cues: Iterable[tuple[Cue, str]], voices: dict[str, str]) -> list[TranscriptLine]:
    lines, before = [], ""
    for cue, hints in cues:
        name = cue.speaker if cue.speaker != before else ""
        before = cue.speaker
        lines.append(TranscriptLine(cue.position, cue.start_ms, voices.get(cue.speaker, ""), name, cue.text, hints))
    return lines


def _words(text: str) -> int:
    return len(text.split())


def _label(dub: Dub, *, is_own: bool) -> str:
    """What another dub is called: by its language, and by its run when that is another."""
    language = languages.name(dub.language)
    return language or _("Transcript") if is_own else " · ".join(filter(None, (str(dub.run), language)))
