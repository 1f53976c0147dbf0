"""The parts of a transcript's page, each ready to print, and the filter that its URL asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from results.models import DismissedCheck, Dub, MediaCopy, Run
from results.transcripts import review, timecode, timeline

# The columns in which the timeline strip is drawn: about as many as it has pixels.
COLUMNS = 1000
# The waveform has fewer columns, as each of them weighs four bytes.
WAVE_COLUMNS = 500
WAVE_HEIGHT = 64
DISMISSED = "dismissed"
"""The value of `check` that shows the dismissed review checks in place of the others."""


@dataclass(frozen=True)
class TranscriptFilter:
    """The part of a run's page that a URL asks for; a missing or unknown value falls back to a default."""

    dub: str = ""
    play: str = ""
    beside: str = ""
    speakers: tuple[str, ...] = ()
    find: str = ""
    check: str = ""
    """The kind of review checks to show, or DISMISSED; empty: all that are not dismissed."""

    @classmethod
    def read(cls, query: QueryDict) -> "TranscriptFilter":
        speakers = tuple(dict.fromkeys(query.getlist("speaker")))
        dub, play, beside, find, check = (
            query.get(name, "") for name in ("dub", "play", "beside", "find", "check")
        )
        is_known = check == DISMISSED or check in (kind.value for kind in review.Kind)
        return cls(dub, play, beside, speakers, find, check if is_known else "")

    @property
    def values(self) -> dict[str, str | list[str]]:
        """The names and values of the query string. Video is the default, so only audio is named."""
        return {
            "dub": self.dub,
            **({"play": "audio"} if self.play == "audio" else {}),
            **({"beside": self.beside} if self.beside else {}),
            **({"speaker": list(self.speakers)} if self.speakers else {}),
            **({"find": self.find} if self.find.strip() else {}),
            **({"check": self.check} if self.check else {}),
        }

    @property
    def query(self) -> str:
        return "?" + urlencode(self.values, doseq=True)

    def back_to(self, run: Run) -> str:
        """Return the URL of the run's page with this filter but all speakers, whose names may have changed."""
        return reverse("runs-detail", args=[run.pk]) + replace(self, speakers=()).query


Marks = list[tuple[int, int]]


class LineCheck(NamedTuple):
    """A review check of a line, and its dismissal if a person dismissed it."""

    check: review.ReviewCheck
    line_id: int
    dismissed: DismissedCheck | None = None

    @property
    def words(self) -> str:
        if self.dismissed is None:
            return str(self.check)
        person = self.dismissed.dismissed_by
        parts = (str(self.check), _("dismissed"), self.dismissed.reason, str(person) if person else "")
        return " · ".join(filter(None, parts))


class CheckChoice(NamedTuple):
    """A link that shows the review checks of one kind, of all kinds, or the dismissed ones."""

    label: str
    number: int
    href: str
    is_current: bool


class TranscriptLine(NamedTuple):
    """One cue, ready to print. `speaker` is set only where the speaker changes."""

    position: int
    start_ms: int
    voice: str
    speaker: str
    text: str
    checks: Sequence[LineCheck] = ()
    marks: Marks | None = None
    """The places of what was looked for in the text; None in a line without it."""

    @property
    def clock(self) -> str:
        return timecode.short(self.start_ms)


class TranscriptRow(NamedTuple):
    """Aligned lines of two dubs."""

    start_ms: int
    lines: list[TranscriptLine]
    others: list[TranscriptLine]


class SpeakerStats(NamedTuple):
    """A speaker's talk time, share of all talk time in percent, and number of words or characters.

    `number` counts the listed speakers from 1.
    """

    number: int
    name: str
    voice: str
    talk: str
    share: int
    words: int
    is_chosen: bool
    href: str
    rename_href: str


class OtherDub(NamedTuple):
    """A link to another dub that can be shown side by side with this one."""

    label: str
    href: str
    is_current: bool


class TimeMark(NamedTuple):
    """A labelled time below the strip, and its place from the left."""

    ms: int
    clock: str
    x: str


class WaveformPath(NamedTuple):
    """A waveform as a path of `columns` columns, which is stretched over `width` columns of the strip."""

    path: str
    columns: int
    width: int
    strip: int
    """The columns of the whole strip: media may go on after the last line."""

    @classmethod
    def of(cls, copy: MediaCopy, dub: Dub) -> "WaveformPath":
        width = COLUMNS * copy.length_ms // max(dub.duration_ms, 1)
        path = timeline.waveform_path(bytes(copy.waveform), WAVE_COLUMNS, WAVE_HEIGHT)
        return cls(path, WAVE_COLUMNS, width, max(width, COLUMNS))
