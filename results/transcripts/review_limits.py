"""The limits of a team's review checks: those of a guide, with what the team's owners set in their place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from results.db.replica import fetch_rows
from results.models import ReviewPolicy
from results.transcripts.reading_guides import (
    CAPTIONS,
    LANGUAGE_OF_GROUP,
    SUBTITLES,
    Guide,
    group_of_language,
    guide_speed,
)
from results.transcripts.reading_speed import script_group
from teams.models import Team

GUIDES = {ReviewPolicy.Guide.CAPTIONS: CAPTIONS, ReviewPolicy.Guide.SUBTITLES: SUBTITLES}
OVERLAP_MS = 40
"""One frame; a shorter overlap is a rounding error."""
GAP_MS = 10_000


@dataclass(frozen=True)
class ReviewLimits:
    """The limits of review checks: reading speeds in characters a second, overlaps and gaps in milliseconds.

    `speed` is for languages of which neither `speeds`, by tag, nor the guide has a speed of their own.
    """

    guide: Guide = CAPTIONS
    speed: int = CAPTIONS.general
    speeds: Mapping[str, int] = field(default_factory=dict)
    overlap_ms: int = OVERLAP_MS
    gap_ms: int = GAP_MS

    def speed_of(self, tag: str) -> int:
        """Return the limit for a language: the team's own for the tag or for a wider one, or the guide's."""
        wider = tag
        while wider:
            if wider in self.speeds:
                return self.speeds[wider]
            wider = wider.rpartition("-")[0]
        return guide_speed(self.guide, tag) or self.speed

    @property
    def special_languages(self) -> list[str]:
        """The tags of the languages that have a limit of their own."""
        return sorted(self.guide.speeds.keys() | self.speeds.keys())

    def is_own(self, tag: str) -> bool:
        """Return whether the team has set the limit for this language, or for most languages."""
        return self.speed_of(tag) != ReviewLimits(self.guide, self.guide.general).speed_of(tag)


@dataclass(frozen=True)
class DubLimits:
    """The limits for a dub in the language `tag`, which is empty if no one knows it."""

    limits: ReviewLimits
    tag: str

    @cached_property
    def speed(self) -> int:
        """The limit for lines in the dub's language."""
        return self.limits.speed_of(self.tag)

    @cached_property
    def _group(self) -> str:
        return group_of_language(self.tag)

    @cached_property
    def _speed_by_group(self) -> dict[str, int]:
        speeds = {group: self.limits.speed_of(tag) for group, tag in LANGUAGE_OF_GROUP.items()}
        return speeds | {"": self.limits.speed}

    @cached_property
    def lowest_speed(self) -> int:
        """The lowest limit that any line of the dub has: a slower line needs no closer look."""
        return min(self.speed, *self._speed_by_group.values())

    def speed_for(self, text: str) -> int:
        """Return the limit for a line: the dub's, or that of the line's script if it is another one."""
        group = script_group(text)
        # Kanji alone are Japanese too.
        is_own = group == self._group or (group == "han" and self._group == "kana")
        return self.speed if self.tag and is_own else self._speed_by_group[group]


def limits_of(team_id: int) -> ReviewLimits:
    """Return the team's limits."""
    # Most teams have none, which a query without the ORM finds out in a tenth of the time.
    is_any = fetch_rows("select 1 from results_reviewpolicy where team_id = %s", [team_id])
    policy = ReviewPolicy.objects.filter(pk=team_id).first() if is_any else None
    return from_policy(policy) if policy else ReviewLimits()


def from_policy(policy: ReviewPolicy) -> ReviewLimits:
    """Return the limits of this policy; what it leaves open is the guide's."""
    guide = GUIDES[ReviewPolicy.Guide(policy.guide)]
    return ReviewLimits(
        guide,
        policy.speed or guide.general,
        policy.speeds,
        OVERLAP_MS if policy.overlap_ms is None else policy.overlap_ms,
        GAP_MS if policy.gap_ms is None else policy.gap_ms,
    )


def set_policy(team: Team, **policy: Any) -> None:
    """Set the limits that review checks follow from now on, by the names of ReviewPolicy's fields."""
    ReviewPolicy.objects.update_or_create(team=team, defaults=policy)


def reset_policy(team: Team) -> None:
    """Give the team the guide's limits again."""
    ReviewPolicy.objects.filter(team=team).delete()
