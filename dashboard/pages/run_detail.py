"""Page model of a run's page: the dub that is shown, how its media plays, and the sentence on the run's status."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from django.db.models import Model
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.http.file_response import media_file_name
from dashboard.pages.companions import beside_name, companion_dubs
from dashboard.pages.markup import language_label
from dashboard.pages.run_pictures import still_url
from dashboard.pages.timeline_strip import WHOLE, DrawnPart, TimelineStrip, WaveformPath
from dashboard.pages.transcript import TranscriptPage
from dashboard.pages.transcript_parts import TranscriptFilter
from results.dubs import languages as dub_languages
from results.media import copies, links
from results.models import Dub, MediaCopy, Run
from results.transcripts import languages, timecode
from teams.read_models import read_models

Status = Run.Status

NO_RESULT = {
    Status.NEW: gettext_lazy("This run has not been checked yet."),
    Status.WAITING: gettext_lazy("CAMB.AI has no result yet."),
}

_AUDIO, _TRANSCRIPT = gettext_lazy("audio"), gettext_lazy("transcript")


# --- The dub -----------------------------------------------------------------------------------------


class DubTab(NamedTuple):
    """A link to another language, or to the video or audio of this dub."""

    name: str
    href: str
    is_current: bool
    icon: str = ""
    run: Run | None = None
    """The run of the dub if that is another run of the source."""


@dataclass(frozen=True)
class ShownDub:
    """The dub on the page, the kind of media that plays, the transcript, and links to the source's other dubs.

    `dubs` are the run's own, `companions` those of the other runs of its source. `run_copies` are of all its dubs.
    """

    dub: Dub
    kind: links.Kind | None
    dubs: list[Dub]
    companions: list[Dub]
    transcript: TranscriptPage
    run_copies: list[MediaCopy]
    part: DrawnPart = WHOLE

    @classmethod
    def of(cls, run: Run, wanted: TranscriptFilter) -> "ShownDub | None":
        """Return the run's dub in the wanted language, with the wanted kind of media; None without any dub.

        A language or kind that the run lacks falls back to the first there is.
        """
        dubs = read_models(Dub, "where run_id = %s order by id", [run.pk])
        if not dubs:
            return None
        for dub in dubs:
            dub.run = run
        dub = _named(dubs, wanted.dub)
        urls: dict[links.Kind, str] = {"video": dub.video_url, "audio": dub.audio_url}
        kinds: list[links.Kind] = [kind for kind, url in urls.items() if url]
        kind = next((kind for kind in kinds if kind == wanted.play), kinds[0] if kinds else None)
        wanted = replace(wanted, dub=dub.language, play=kind or "")
        companions = companion_dubs(run)
        others = [other for other in (*dubs, *companions) if other != dub and other.cue_count]
        run_copies = copies.of_run(run.pk)
        return cls(dub, kind, dubs, companions, TranscriptPage(dub, wanted, others), run_copies)

    @cached_property
    def digest(self) -> bytes:
        """A hash of all that the dub's part of the page shows: what is kept of it is never another's, or old."""
        others = [(_fields(dub), str(dub.run)) for dub in self.companions]
        # Whether links have expired depends on the time.
        media = (self.kind, self.refusal, self.preload, self.ends_ms, *map(_fields, self._all_copies))
        run = self.dub.run
        about_run = (run.pk, run.camb_name, run.title, run.team.slug, bool(run.due_at))
        shown = (about_run, [*map(_fields, self.dubs)], others, media, self.part, self.transcript.inputs)
        return sha256(repr(shown).encode(errors="surrogatepass")).digest()

    @property
    def language(self) -> str:
        return languages.name(self.dub.language)

    @property
    def language_label(self) -> str:
        """The language as the page shows it: a guess looks like one."""
        return language_label(self.dub.language, is_guess=self.dub.is_guess)

    @property
    def reads_otherwise(self) -> str:
        """The name of the language that the whole text is in, if that is another one than the dub's."""
        checks = dub_languages.language_mismatches(self.dub)
        return next((languages.name(reads) for _tag, reads, lines in checks if not lines), "")

    @property
    def lang(self) -> str:
        return languages.html_tag(self.dub.language)

    @cached_property
    def _copies(self) -> dict[str, MediaCopy]:
        return {copy.kind: copy for copy in self._all_copies}

    @cached_property
    def _all_copies(self) -> list[MediaCopy]:
        return [copy for copy in self.run_copies if copy.dub_id == self.dub.pk]

    @property
    def poster(self) -> str:
        """The address of the still that the player shows before it plays; empty if there is none."""
        kept = (copy for copy in self._all_copies if copy.state == MediaCopy.State.KEPT and copy.still_bytes)
        return next((still_url(copy.pk) for copy in kept), "")

    @cached_property
    def copy(self) -> MediaCopy | None:
        """The team's copy of the media that plays, kept or on its way."""
        if self.kind is None:
            return None
        return copies.choose_copy(self.dub, self.kind, self._all_copies) or self._copies.get(self.kind)

    @cached_property
    def refusal(self) -> str:
        """Why no browser plays the link, with the next step; empty if it plays, or a copy does in its place."""
        if not self.kind or copies.choose_copy(self.dub, self.kind, self._all_copies):
            return ""
        return links.refusal(self.dub.video_url if self.kind == "video" else self.dub.audio_url)

    @property
    def playing_kind(self) -> links.Kind | None:
        return None if self.refusal else self.kind

    @cached_property
    def waveform_copy(self) -> MediaCopy | None:
        """The copy that has a waveform, of either kind: video and audio sound the same."""
        return next((copy for copy in self._copies.values() if copy.waveform), None)

    @property
    def wave(self) -> WaveformPath | None:
        return WaveformPath.of(self.waveform_copy, self.dub, self.part) if self.waveform_copy else None

    @property
    def length_ms(self) -> int:
        """The length of what plays, or of the lines, which the player corrects once it knows that of the media."""
        kept = self.copy.length_ms if self.copy and self.is_kept else 0
        return kept or self.dub.duration_ms

    @property
    def clock(self) -> str:
        return timecode.short(self.length_ms)

    @property
    def columns_in_sight(self) -> int:
        """The columns of the strip that the length of what plays takes."""
        return self.strip.columns * self.length_ms // max(self.dub.duration_ms, 1) or self.strip.columns

    @property
    def strip(self) -> TimelineStrip:
        return replace(self.transcript.strip, part=self.part)

    @property
    def is_kept(self) -> bool:
        return self.copy is not None and self.copy.state == MediaCopy.State.KEPT

    @property
    def preload(self) -> str:
        """The value of the player's `preload`: an expired link is renewed on play, not whenever the page opens."""
        return "none" if self.kind and not self.is_kept and links.has_expired(self.dub, self.kind) else "metadata"

    @property
    def ends_ms(self) -> str:
        """The expiry of the link that the player will get, in milliseconds since 1970; empty when unknown."""
        if self.kind is None or self.is_kept or links.has_expired(self.dub, self.kind):
            return ""
        end = links.expiry_of(self.dub, self.kind)
        return str(round(end.timestamp() * 1000)) if end else ""

    @property
    def file_name(self) -> str:
        return media_file_name(self.dub, self.kind) if self.kind else ""

    @property
    def language_tabs(self) -> list[DubTab]:
        """The dubs of the whole source, in the same order on the page of each of its runs."""
        every = sorted([*self.dubs, *self.companions], key=lambda dub: (dub.run_id, dub.pk))
        return [self._tab(dub) for dub in every]

    @property
    def swap_tab(self) -> DubTab | None:
        """The link that makes the dub beside the main one, and the other way round."""
        return self._tab(self.transcript.other) if self.transcript.other else None

    def _tab(self, dub: Dub) -> DubTab:
        name = language_label(dub.language, is_guess=dub.is_guess)
        # The language beside stays; when it becomes the main one, the two change places.
        other = self.dub if dub == self.transcript.other else self.transcript.other
        beside = beside_name(other, dub.run_id) if other else ""
        query = TranscriptFilter(dub=dub.language, play=self.kind or "", beside=beside).query
        if dub.run_id == self.dub.run_id:
            return DubTab(name or _("No language"), query, dub == self.dub)
        address = reverse("runs-detail", args=[dub.run_id])
        return DubTab(name or str(dub.run), address + query, is_current=False, run=dub.run)

    @property
    def kind_tabs(self) -> list[DubTab]:
        if not (self.dub.video_url and self.dub.audio_url):
            return []
        names: dict[links.Kind, str] = {"video": _("Video"), "audio": _("Audio")}
        return [
            DubTab(name, replace(self.transcript.wanted, play=kind).query, kind == self.kind, icon=kind)
            for kind, name in names.items()
        ]


def _fields(row: Model) -> list[object]:
    """Return the names and values of a row; a database's own kind of bytes says nothing of what it holds."""
    return [
        (name, bytes(value) if isinstance(value, memoryview) else value)
        for name, value in vars(row).items()
        if name != "_state"
    ]


def _named(dubs: Sequence[Dub], tag: str) -> Dub:
    """Return the dub that a link names by this tag, or the first.

    The language may have been corrected since the link was made, so CAMB.AI's key and other regions count too.
    """
    is_named: Sequence[Callable[[Dub], bool]] = (
        lambda dub: dub.language == tag,
        lambda dub: dub.camb_key == tag,
        lambda dub: bool(tag) and languages.primary(dub.language) == languages.primary(tag),
    )
    return next((dub for fits in is_named for dub in dubs if fits(dub)), dubs[0])


# --- The status --------------------------------------------------------------------------------------


def status_sentence(run: Run, shown: ShownDub | None, *, is_checked: bool) -> str:
    """Return why the run failed, or what is still missing; empty when there is nothing to say.

    `is_checked` says that Dubroom asks about the run by itself; the page says elsewhere why it does not.
    """
    if run.reason or run.archived_at:
        return run.reason
    sentence = _missing_parts(shown) or str(NO_RESULT.get(Status(run.status), ""))
    next_step = _("Dubroom keeps checking; results appear here.")
    return f"{sentence} {next_step}" if sentence and is_checked else sentence


def _missing_parts(shown: ShownDub | None) -> str:
    """Return the sentence that names the missing audio and transcripts; empty when nothing is missing."""
    dubs = shown.dubs if shown else []
    missing = [
        (dub, name)
        for dub in dubs
        for name, is_there in ((_AUDIO, dub.audio_url), (_TRANSCRIPT, dub.cue_count))
        if not is_there
    ]
    parts = [
        f"{name} ({language})" if len(dubs) > 1 and (language := languages.name(dub.language)) else str(name)
        for dub, name in missing
    ]
    return _("Still missing: %(parts)s.") % {"parts": ", ".join(parts)} if parts else ""
