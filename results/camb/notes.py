"""The irregularities of one run's answer, as sentences for people."""

from collections import Counter
from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from results.camb.texts import MAX_TEXT
from results.camb.times import Unit

MAX_NOTES = 20

UNKNOWN_FORM = _("CAMB.AI answered in a form that Dubroom does not know.")
MILLISECONDS_TAKEN = _("The times came in milliseconds instead of seconds and were converted.")
SECONDS_TAKEN = _(
    "The times were read as seconds but could be milliseconds. If lines do not match the video, choose the unit "
    "under History, Time unit."
)
# As runs of earlier releases have it; a new reading of the times takes its place.
_FORMER_SECONDS_TAKEN = _("The times were taken as seconds, but could be milliseconds.")
ANOTHER_UNIT = _("The lines last so long that their times look wrong; they may be in microseconds or another unit.")
FINER_UNIT_TAKEN = _("The times came in a unit finer than milliseconds and were converted.")
POINTS_IN_TIME_TAKEN = _("The times came as points in time; the first one was taken as the beginning of the dub.")
FRAMES_TAKEN = _("The times came with frames, which were taken as %(rate)s a second.")
CHOSEN_UNIT = {
    Unit.SECONDS: _("The times are read as seconds, as chosen for this run."),
    Unit.MILLISECONDS: _("The times are read as milliseconds, as chosen for this run."),
}
UNIT_NOTES = (
    MILLISECONDS_TAKEN, SECONDS_TAKEN, _FORMER_SECONDS_TAKEN, ANOTHER_UNIT, FINER_UNIT_TAKEN, *CHOSEN_UNIT.values()
)  # fmt: skip
UNUSABLE_LINK = {
    "video": _("The video link was unusable."),
    "audio": _("The audio link was unusable."),
}
# Notes on what decoding lost, which a stored answer no longer shows.
REPEATED_FIELD = _("A field came twice; the last one counts.")
TOO_DEEP = _("A part nested too deeply was left out.")
LOST_IN_DECODING = (REPEATED_FIELD, TOO_DEEP)


def without_text(count: int) -> str:
    return ngettext(
        "%(n)s line was left out because it had no text.",
        "%(n)s lines were left out because they had no text.",
        count,
    ) % {"n": f"{count:,}"}


def too_long(count: int) -> str:
    return ngettext(
        "%(n)s line was cut after %(max)s characters.", "%(n)s lines were cut after %(max)s characters.", count
    ) % {"n": f"{count:,}", "max": f"{MAX_TEXT:,}"}


def with_unreadable_letters(count: int) -> str:
    return ngettext(
        "%(n)s line has letters that came damaged; they are shown as �.",
        "%(n)s lines have letters that came damaged; they are shown as �.",
        count,
    ) % {"n": f"{count:,}"}


def time_put_right(count: int) -> str:
    return ngettext(
        "The time of %(n)s line was corrected: it was missing, negative, reversed or beyond 100 hours.",
        "The times of %(n)s lines were corrected: they were missing, negative, reversed or beyond 100 hours.",
        count,
    ) % {"n": f"{count:,}"}


class Notes:
    """Each sentence once, with a count for those about lines."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}  # a set that keeps its order
        self._lines: Counter[Callable[[int], str]] = Counter()

    def add(self, sentence: str | Promise) -> None:
        self._sentences[str(sentence)] = None

    def count_line(self, problem: Callable[[int], str]) -> None:
        """Count a line with this problem, which is one of the functions above."""
        self._lines[problem] += 1

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences in the order in which they were added, then the counts; at most MAX_NOTES in all."""
        counted = [problem(count) for problem, count in self._lines.items()]
        return tuple([*self._sentences, *counted][:MAX_NOTES])
