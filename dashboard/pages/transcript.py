"""Page model of a transcript: lines, speakers, review checks, the timeline strip, and another dub side by side."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from operator import attrgetter

from django.utils.translation import gettext as _

from dashboard.pages.companions import beside_name, label_of
from dashboard.pages.cue_rows import END, POSITION, SPEAKER, START, TEXT, CueRow, as_cue, read_cues, voices_of
from dashboard.pages.timeline_strip import TimelineStrip
from dashboard.pages.transcript_parts import (
    DISMISSED,
    STRETCH,
    WHOLE_DUB,
    CheckChoice,
    LineCheck,
    Marks,
    OtherDub,
    SpeakerStats,
    TranscriptFilter,
    TranscriptLine,
    TranscriptRow,
    limits_in_words,
)
from dashboard.pages.transcript_sections import Section, divide, is_certainly_whole, section_at, size_of
from results.dubs.checks import stretch_of
from results.models import Cue, DismissedCheck, Dub
from results.search.find import FoundLine, find_in_dub
from results.transcripts import alignment, cues, dismissals, dub_checks, languages, reading_speed, review, timecode
from results.transcripts.alignment import AlignedCues
from results.transcripts.review_limits import DubLimits

MAX_SPEAKERS = 60
FIRST_SPEAKERS = 6
"""The speakers that are listed at once; the others are behind a button."""


@dataclass(frozen=True)
class TranscriptPage:
    """The transcript of a dub, as the filter wants it. All parts share one query for the cues."""

    dub: Dub
    wanted: TranscriptFilter
    others: list[Dub] = field(default_factory=list)

    @cached_property
    def inputs(self) -> list[object]:
        """All that the transcript's part of the page is made of, besides the rows of the dubs."""
        dismissed = [(vars(one) | {"_state": str(one.dismissed_by)}) for one in self._dismissals]
        found = [self.hits, self.other_hits] if self.wanted.find else []
        texts = [row[TEXT] for row in (*self._rows, *self._other_rows)]
        section = 0 if is_certainly_whole(texts) else self.section.number
        wanted = replace(self.wanted, at_ms=0, part=0)
        return [wanted, section, self._rows, self._other_rows, self.limits, dismissed, found]

    @cached_property
    def _rows(self) -> list[CueRow]:
        return read_cues(self.dub)

    @cached_property
    def _other_rows(self) -> list[CueRow]:
        return read_cues(self.other) if self.other else []

    @cached_property
    def cues(self) -> list[Cue]:
        return list(map(as_cue, self._rows))

    @cached_property
    def direction(self) -> str:
        return cues.direction(self.dub.language, map(as_cue, self._rows))

    @cached_property
    def voices(self) -> dict[str, str]:
        return voices_of(self._rows)

    @property
    def chosen(self) -> set[str]:
        """The speakers whose lines are shown alone; an empty set means all."""
        return self.voices.keys() & set(self.wanted.speakers)

    # --- The lines -----------------------------------------------------------------------------------

    @cached_property
    def sections(self) -> list[Section]:
        """The sections of the lines that are shown; a transcript that is not long is a single one."""
        if self.other:
            texts = [[cue.text for cue in (*row.cues, *row.others)] for row in self._aligned]
            sizes = [sum(map(size_of, of_row)) for of_row in texts]
        else:
            sizes = [size_of(self._rows[place][TEXT]) for place in self._places]
        return [self._section(number, *span) for number, span in enumerate(divide(sizes), start=1)]

    def _section(self, number: int, start: int, stop: int) -> Section:
        if self.other:
            rows = self._aligned[start:stop]
            start_ms = rows[0].start_ms if rows else 0
            positions = [cue.position for row in rows for cue in row.cues]
        else:
            own = [self._rows[place] for place in self._places[start:stop]]
            start_ms = own[0][START] if own else 0
            positions = [row[POSITION] for row in own]
        return Section(number, start, stop, start_ms, min(positions, default=0), max(positions, default=0))

    @cached_property
    def section(self) -> Section:
        """The section that the page is sent with."""
        number = self.wanted.part
        is_there = 1 <= number <= len(self.sections)
        return self.sections[number - 1] if is_there else section_at(self.sections, self.wanted.at_ms)

    @property
    def edition(self) -> str:
        """A name of these lines as they are divided: a section of another edition does not belong to them."""
        hashes = [dub.cues_hash for dub in (self.dub, self.other) if dub]
        return sha256(repr((hashes, sorted(self.chosen))).encode(errors="surrogatepass")).hexdigest()[:16]

    @cached_property
    def _places(self) -> Sequence[int]:
        """The places of the chosen speakers' lines among all."""
        chosen = self.chosen
        if not chosen:
            return range(len(self._rows))
        return [place for place, row in enumerate(self._rows) if row[SPEAKER] in chosen]

    @cached_property
    def _aligned(self) -> list[AlignedCues]:
        """The lines beside the aligned lines of the other dub. Lines beside a chosen speaker's lines are kept."""
        chosen, shown = self.chosen, []
        for row in alignment.align_in_rows(self.cues, self.other_cues):
            own = [cue for cue in row.cues if not chosen or cue.speaker in chosen]
            if own or not chosen:
                shown.append(AlignedCues(own, row.others))
        return shown

    @cached_property
    def lines(self) -> list[TranscriptLine]:
        """The lines of the section."""
        return self._own_lines(self._places[self.section.start : self.section.stop])

    @property
    def rows(self) -> list[TranscriptRow]:
        """The lines of the section beside the aligned lines of the other dub."""
        rows = self._aligned[self.section.start : self.section.stop]
        positions = {cue.position for row in rows for cue in row.cues}
        places = [place for place, row in enumerate(self._rows) if row[POSITION] in positions]
        lines = {line.position: line for line in self._own_lines(places)}
        others = sorted(chain.from_iterable(row.others for row in rows), key=attrgetter("position"))
        their = _lines([(cue, ()) for cue in others], voices_of(self._other_rows), self.other_found)
        other_lines = {line.position: line for line in their}
        return [
            TranscriptRow(
                min(cue.start_ms for cue in (*row.cues, *row.others)),
                [lines[cue.position] for cue in row.cues],
                [other_lines[cue.position] for cue in row.others],
            )
            for row in rows
        ]

    def _own_lines(self, places: Sequence[int]) -> list[TranscriptLine]:
        """Return the dub's lines at these places, with those of their checks that are shown."""
        if not places:
            return []
        first, stop = places[0], places[-1] + 1
        # The checks of a section alone are made much sooner than those of a long transcript.
        checks = self._checks[first:stop] if len(self.sections) == 1 else self._checks_within(first, stop)
        shown = [
            (as_cue(self._rows[place]), list(filter(self._is_wanted, checks[place - first]))) for place in places
        ]
        return _lines(shown, self.voices, self.found)

    @cached_property
    def _checked_cues(self) -> list[tuple[Cue, list[LineCheck]]]:
        """The cues of the chosen speakers with all of their review checks."""
        chosen, pairs = self.chosen, zip(self.cues, self._checks, strict=True)
        return [(cue, checks) for cue, checks in pairs if not chosen or cue.speaker in chosen]

    @cached_property
    def other(self) -> Dub | None:
        return next((dub for dub in self.others if beside_name(dub, self.dub.run_id) == self.wanted.beside), None)

    @property
    def other_label(self) -> str:
        return next((choice.label for choice in self.choices if choice.is_current), "")

    @property
    def other_lang(self) -> str:
        return languages.html_tag(self.other.language if self.other else "")

    @cached_property
    def other_cues(self) -> list[Cue]:
        return list(map(as_cue, self._other_rows))

    @property
    def other_direction(self) -> str:
        return cues.direction(self.other.language if self.other else "", self.other_cues)

    @property
    def choices(self) -> list[OtherDub]:
        """The run's other dubs, and those of the other runs of its source."""
        return [
            OtherDub(
                label_of(dub, is_own=dub.run_id == self.dub.run_id),
                replace(self.wanted, beside=beside_name(dub, self.dub.run_id)).query,
                dub == self.other,
            )
            for dub in self.others
        ]

    @property
    def kept_fields(self) -> list[tuple[str, str]]:
        """The names and values of the filter that a form keeps when it looks for something else."""
        fields = replace(self.wanted, find="").values.items()
        lists = ((name, [value] if isinstance(value, str) else value) for name, value in fields)
        return [(name, value) for name, values in lists for value in values]

    @property
    def section_query(self) -> str:
        """The query of the sections that the page came without; scripts mark there what is looked for."""
        return replace(self.wanted, find="").query

    @property
    def alone(self) -> str:
        return replace(self.wanted, beside="").query

    # --- Review checks -------------------------------------------------------------------------------

    @cached_property
    def _checks(self) -> list[list[LineCheck]]:
        """All review checks of each cue, dismissed ones too."""
        return self._checks_within(0, len(self._rows))

    def _checks_within(self, start: int, stop: int) -> list[list[LineCheck]]:
        """Return the review checks of the lines from one place up to another."""
        lines = self.cues if stop - start == len(self._rows) else list(map(as_cue, self._rows[start:stop]))
        found = review.review_checks(
            lines,
            dub_checks.foreign_lines(self.dub),
            self.limits,
            silent_from_ms=max((row[END] for row in self._rows[:start]), default=None),
            next_ms=self._rows[stop][START] if stop < len(self._rows) else None,
        )
        # Most dubs have no dismissals, for which all lines would have to be compared.
        dismissed = dismissals.by_line(self._dismissals, self.cues) if self._dismissals else {}
        return [
            [LineCheck(check, cue.pk, dismissed.get((cue.position, check.kind))) for check in checks]
            for cue, checks in zip(lines, found, strict=True)
        ]

    @cached_property
    def _dismissals(self) -> list[DismissedCheck]:
        return dismissals.of_dub(self.dub)

    @cached_property
    def limits(self) -> DubLimits:
        return dub_checks.limits_of_dub(self.dub)

    @property
    def limit_words(self) -> str:
        """The limits by which the lines were checked, as a sentence."""
        return limits_in_words(self.limits)

    def _is_wanted(self, check: LineCheck) -> bool:
        if check.dismissed or self.wanted.check == DISMISSED:
            return bool(check.dismissed) and self.wanted.check == DISMISSED
        return self.wanted.check in ("", check.check.kind.value)

    def check_of(self, cue_id: int, kind: str) -> LineCheck | None:
        """Return the cue's review check of this kind, dismissed or not; None if it has none."""
        every = chain.from_iterable(self._checks)
        return next((one for one in every if one.line_id == cue_id and one.check.kind.value == kind), None)

    def dismissal_scopes(self, cue: Cue, kind: review.Kind) -> list[tuple[str, str]]:
        """Return what a dismissal can be for, as values and labels; empty where there is only this line."""
        open_at = [
            line.position
            for line, checks in zip(self.cues, self._checks, strict=True)
            if any(one.check.kind == kind and not one.dismissed for one in checks)
        ]
        stretch = (stretch_of(self.dub, cue.position) if kind == review.Kind.FOREIGN else None) or range(0)
        within = sum(position in stretch for position in open_at)
        scopes = [("", _("This line"))]
        if 1 < within < len(open_at):
            scopes.append((STRETCH, _("The %(n)s lines of this passage") % {"n": f"{within:,}"}))
        if len(open_at) > 1:
            scopes.append((WHOLE_DUB, _("All %(n)s in this dub") % {"n": f"{len(open_at):,}"}))
        return scopes if len(scopes) > 1 else []

    @property
    def check_count(self) -> int:
        """The number of review checks that the page steps through."""
        return sum(self._is_wanted(check) for _cue, checks in self._checked_cues for check in checks)

    @property
    def check_choices(self) -> list[CheckChoice]:
        """Links to the review checks of each kind, the most severe first; empty if the lines never had any."""
        shown = [one for _cue, checks in self._checked_cues for one in checks]
        if not shown:
            return []
        counts = Counter(DISMISSED if one.dismissed else one.check.kind.value for one in shown)
        of_kinds = [(kind.label, counts[kind.value], kind.value) for kind in review.Kind if counts[kind.value]]
        every = (_("All review checks"), len(shown) - counts[DISMISSED], "")
        dismissed = [(_("Dismissed"), counts[DISMISSED], DISMISSED)] if counts[DISMISSED] else []
        return [
            CheckChoice(label, count, replace(self.wanted, check=check).query, check == self.wanted.check)
            for label, count, check in (every, *of_kinds, *dismissed)
        ]

    # --- What is looked for --------------------------------------------------------------------------

    @cached_property
    def hits(self) -> list[FoundLine]:
        """The hits for `find` in the lines that are shown."""
        hits = find_in_dub(self.dub, self.wanted.find)
        # Without chosen speakers no lines need to be read for it.
        chosen = self.chosen if self.wanted.speakers else ()
        return [hit for hit in hits if not chosen or hit.speaker in chosen]

    @cached_property
    def other_hits(self) -> list[FoundLine]:
        return find_in_dub(self.other, self.wanted.find) if self.other else []

    @property
    def found(self) -> dict[int, Marks]:
        return _marks_by_position(self.hits)

    @property
    def other_found(self) -> dict[int, Marks]:
        return _marks_by_position(self.other_hits)

    @property
    def match_count(self) -> int:
        """The number of matches that the page steps through; a line without a mark is one."""
        return sum(len(hit.marks) or 1 for hit in (*self.hits, *self.other_hits))

    @property
    def matches(self) -> dict[str, object]:
        """What a script needs to mark the matches: the places in each line, and the path on the strip.

        Each line is a list of its position and the offsets of its matches in UTF-16 units, as scripts count.
        """
        return {
            "lines": list(map(_offsets, self.hits)),
            "others": list(map(_offsets, self.other_hits)),
            # The whole strip would read all lines and make their checks.
            "path": TimelineStrip(self.dub, (), {}, (), self.hits).hits_path,
        }

    # --- The speakers --------------------------------------------------------------------------------

    @cached_property
    def speakers(self) -> list[SpeakerStats]:
        """The speakers with their talk time, share and words, the one with the most talk time first."""
        talk, words = defaultdict[str, int](int), defaultdict[str, int](int)
        count = _words if languages.has_spaces(self.dub.language) else reading_speed.length
        for cue in self.cues:
            talk[cue.speaker] += max(cue.end_ms - cue.start_ms, 0)
            words[cue.speaker] += count(cue.text)
        total = sum(talk.values()) or 1
        by_talk = sorted(self.voices.items(), key=lambda item: -talk[item[0]])
        return [
            SpeakerStats(
                number,
                name,
                voice,
                timecode.short(talk[name]),
                round(100 * talk[name] / total),
                words[name],
                name in self.chosen,
                self._toggled(name),
                replace(self.wanted, speakers=(name,)).query,
            )
            for number, (name, voice) in enumerate(by_talk[:MAX_SPEAKERS], start=1)
        ]

    @property
    def first_speakers(self) -> list[SpeakerStats]:
        # A button in place of a single speaker would save no space.
        return self.speakers if len(self.speakers) <= FIRST_SPEAKERS + 1 else self.speakers[:FIRST_SPEAKERS]

    @property
    def more_speakers(self) -> list[SpeakerStats]:
        return self.speakers[len(self.first_speakers) :]

    @property
    def is_more_chosen(self) -> bool:
        return any(speaker.is_chosen for speaker in self.more_speakers)

    @property
    def all_speakers(self) -> str:
        return replace(self.wanted, speakers=()).query

    @property
    def counts_letters(self) -> bool:
        return not languages.has_spaces(self.dub.language)

    def _toggled(self, speaker: str) -> str:
        speakers = tuple(name for name in self.wanted.speakers if name in self.voices and name != speaker)
        added = () if speaker in self.wanted.speakers else (speaker,)
        return replace(self.wanted, speakers=(*speakers, *added)).query

    # --- The strip -----------------------------------------------------------------------------------

    @cached_property
    def strip(self) -> TimelineStrip:
        checked = {cue.position for cue, checks in self._checked_cues if any(map(self._is_wanted, checks))}
        return TimelineStrip(self.dub, self.cues, self.voices, checked, self.hits)


def _lines(
    cues: Iterable[tuple[Cue, Sequence[LineCheck]]], voices: dict[str, str], found: dict[int, Marks]
) -> list[TranscriptLine]:
    lines, before = [], ""
    for cue, checks in cues:
        name = cue.speaker if cue.speaker != before else ""
        before = cue.speaker
        voice, marks = voices.get(cue.speaker, ""), found.get(cue.position)
        times = cue.start_ms, cue.end_ms, timecode.short(cue.start_ms)
        lines.append(TranscriptLine(cue.position, *times, voice, name, cue.text, checks, marks))
    return lines


def _marks_by_position(hits: Iterable[FoundLine]) -> dict[int, Marks]:
    return {hit.position: hit.marks for hit in hits}


def _offsets(hit: FoundLine) -> list[int]:
    offsets: Iterable[int] = chain.from_iterable(hit.marks)
    # Other letters are one unit each, too.
    if max(hit.text, default="") > "\uffff":
        offsets = (len(hit.text[:offset].encode("utf-16-le")) // 2 for offset in offsets)
    return [hit.position, *offsets]


def _words(text: str) -> int:
    return len(text.split())
