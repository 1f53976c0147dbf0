"""CAMB.AI's answers as the rest of Dubroom sees them: plain, bounded and storable values."""

from dataclasses import dataclass, field
from typing import NamedTuple


class CueAnswer(NamedTuple):
    """One line of a transcript."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class DubAnswer:
    """The result of a run in one language."""

    language: str  # CAMB.AI's key ("es-es", "54"); "" when the run has a single result without a key
    video_url: str  # "" when missing or unusable
    audio_url: str  # "" when missing or unusable
    cues: tuple[CueAnswer, ...]  # sorted by start; 0 <= start_ms <= end_ms <= times.MAX_MS


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """CAMB.AI's answer about one run."""

    run_id: int
    dubs: tuple[DubAnswer, ...]  # at most one a language, none of them empty
    failure: str  # "" or the reason, upper-cased; `explain` puts it in plain words
    notes: tuple[str, ...]  # sentences about irregularities in the answer
    raw: bytes  # the run's value as canonical JSON
    is_absent: bool = False  # a bulk answer that left this run out
    message: str = ""  # CAMB.AI's own words about the failure
    is_unit_certain: bool = True  # whether the times are certainly seconds

    @property
    def is_empty(self) -> bool:
        """Whether there is no result yet: CAMB.AI answers like this while a run is still processing."""
        return not self.dubs and not self.failure


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """CAMB.AI's answer about a dubbing task."""

    status: str  # upper-cased; CAMB.AI may add further values
    run_id: int | None
    failure: str  # "" or the reason, upper-cased; `explain` puts it in plain words
    message: str
    notes: tuple[str, ...] = field(default=(), compare=False)  # sentences about an unusual state
    raw: bytes = field(default=b"", compare=False)  # the answer as canonical JSON


@dataclass(frozen=True, slots=True)
class LanguageAnswer:
    """One language of CAMB.AI's lists, with CAMB.AI's number for that language."""

    camb_id: int
    name: str
    tag: str
