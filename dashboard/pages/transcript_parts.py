"""The parts of a transcript's page, each ready to print, and the filter that its URL asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.http.ids import parse_id
from results.models import DismissedCheck, Run
from results.transcripts import languages, review, timecode
from results.transcripts.review_limits import DubLimits

DISMISSED = "dismissed"
"""The value of `check` that shows the dismissed review checks in place of the others."""
# The checks that a dismissal is for besides the line's own: those of its stretch of foreign lines, or of its dub.
STRETCH, WHOLE_DUB = "stretch", "dub"


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
    at_ms: int = 0
    part: int = 0
    """The section of a long transcript to show, from 1; 0: the one at `at_ms`. Links name neither."""

    @classmethod
    def read(cls, query: QueryDict) -> "TranscriptFilter":
        speakers = tuple(dict.fromkeys(query.getlist("speaker")))
        dub, play, beside, find, check = (
            query.get(name, "") for name in ("dub", "play", "beside", "find", "check")
        )
        is_known = check == DISMISSED or check in (kind.value for kind in review.Kind)
        at_ms, part = timecode.parse(query.get("t", "")) or 0, parse_id(query.get("part", "")) or 0
        return cls(dub, play, beside, speakers, find, check if is_known else "", at_ms, part)

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


def limits_in_words(limits: DubLimits) -> str:
    """Say by which limits the lines of a dub are checked, and whether the team has set the reading speed."""
    shared = limits.limits
    speed = {"n": limits.speed, "language": languages.name(limits.tag)}
    if not limits.tag:
        reading = _("%(n)d characters/s") % speed
    elif shared.is_own(limits.tag):
        reading = _("%(language)s: %(n)d characters/s, set by the team") % speed
    else:
        reading = _("%(language)s: %(n)d characters/s") % speed
    overlap = _("overlap %(n)s s") % {"n": f"{shared.overlap_ms / 1000:g}"}
    gap = _("gap %(n)s s") % {"n": f"{shared.gap_ms / 1000:g}"}
    return " · ".join((reading, overlap, gap))


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
    end_ms: int
    clock: str
    voice: str
    speaker: str
    text: str
    checks: Sequence[LineCheck] = ()
    marks: Marks | None = None
    """The places of what was looked for in the text; None in a line without it."""


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
