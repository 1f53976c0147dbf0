"""Page model of the tab Review limits: the limits of a team's review checks, and what its form begins with."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

from django.utils.translation import gettext as _

from results.models import ReviewPolicy
from results.transcripts import languages
from results.transcripts.review_limits import ReviewLimits, from_policy
from teams.models import Team


class LimitRow(NamedTuple):
    """A limit in words, and that of the guide in its place if the team has set it, else empty."""

    name: str
    value: str
    guide: str


class LimitsPage(NamedTuple):
    """The limits that apply now, and the policy of the team if it has one."""

    limits: ReviewLimits
    policy: ReviewPolicy | None

    @classmethod
    def of(cls, team: Team) -> Self:
        policy = ReviewPolicy.objects.filter(team=team).first()
        return cls(from_policy(policy) if policy else ReviewLimits(), policy)

    @property
    def guide(self) -> str:
        return str((self.policy or ReviewPolicy()).get_guide_display())

    @property
    def rows(self) -> list[LimitRow]:
        """The limits: of most languages, of those with a limit of their own by name, of overlaps and of gaps."""
        limits, policy = self.limits, self.policy or ReviewPolicy()
        guide = ReviewLimits(limits.guide, limits.guide.general)
        own = sorted(
            _row(languages.name(tag), _speed, limits.speed_of(tag), guide.speed_of(tag), tag in limits.speeds)
            for tag in limits.special_languages
        )
        return [
            _row(_("Most languages"), _speed, limits.speed, guide.speed, policy.speed is not None),
            *own,
            _row(
                _("Longest overlap"), _seconds, limits.overlap_ms, guide.overlap_ms, policy.overlap_ms is not None
            ),
            _row(_("Longest gap"), _seconds, limits.gap_ms, guide.gap_ms, policy.gap_ms is not None),
        ]

    @property
    def initial(self) -> dict[str, Any]:
        """What the form begins with."""
        policy = self.policy or ReviewPolicy()
        return {
            "guide": policy.guide,
            "speed": policy.speed,
            "speeds": "\n".join(f"{_readable(tag)} {speed}" for tag, speed in sorted(policy.speeds.items())),
            "overlap_s": None if policy.overlap_ms is None else policy.overlap_ms / 1000,
            "gap_s": policy.gap_ms and policy.gap_ms // 1000,
        }


def _row(name: str, words: Callable[[int], str], limit: int, guide: int, is_own: bool) -> LimitRow:
    return LimitRow(name, words(limit), words(guide) if is_own else "")


def _speed(speed: int) -> str:
    return _("%(n)d characters/s") % {"n": speed}


def _seconds(ms: int) -> str:
    return _("%(n)s s") % {"n": f"{ms / 1000:g}"}


def _readable(tag: str) -> str:
    """Return the language's name, or the tag if the form would read the name as another language."""
    name = languages.name(tag)
    return name if languages.read(name) == tag else tag
