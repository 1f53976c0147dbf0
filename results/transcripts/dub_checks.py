"""The review checks of a whole dub, by its team's limits, each with its dismissal if a person dismissed it."""

from collections.abc import Sequence
from typing import NamedTuple

from results.models import Cue, DismissedCheck, Dub
from results.transcripts import dismissals, review
from results.transcripts.review_limits import DubLimits, limits_of


class DubCheck(NamedTuple):
    """A review check, and its dismissal if a person dismissed it."""

    check: review.ReviewCheck
    dismissed: DismissedCheck | None


def checks_of(dub: Dub, cues: Sequence[Cue], limits: DubLimits | None = None) -> list[list[DubCheck]]:
    """Return the review checks of each of the dub's cues, which are all of its cues in time order.

    `limits` spares a query where the caller has them.
    """
    dismissed = dismissals.by_line(dismissals.of_dub(dub), cues)
    found = review.review_checks(cues, foreign_lines(dub), limits or limits_of_dub(dub))
    return [
        [DubCheck(check, dismissed.get((cue.position, check.kind))) for check in checks]
        for cue, checks in zip(cues, found, strict=True)
    ]


def limits_of_dub(dub: Dub) -> DubLimits:
    """Return the limits of the dub's team for the dub's language."""
    return DubLimits(limits_of(dub.team_id), dub.language)


def foreign_lines(dub: Dub) -> list[tuple[int, int, str]]:
    """Return the stretches of lines in another language; none where the whole text is: the page says so above."""
    found = dub.foreign_lines or []
    return [] if found and found[0][:2] == [1, dub.cue_count] else found
