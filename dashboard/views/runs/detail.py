"""How is a run watched and read: its status, its dubs, their media, captions and lines?"""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from dashboard.http.file_response import media_file_name
from dashboard.pages.transcript import TranscriptFilter, TranscriptPage, WaveformPath, other_dubs
from dashboard.views.runs.lookup import get_run
from results import queue, tags
from results.media import copies, links
from results.models import ApiKey, Dub, MediaCopy, Run, TeamVersion
from results.refresh import calls
from results.runs.request import refresh_sooner
from results.transcripts import languages, timecode
from teams.access import can_change, can_manage, membership_in

Status = Run.Status

NEXT_STEPS = {
    Status.NEW: gettext_lazy("CAMB.AI has not been asked about this run yet. Once it is, its answer appears here."),
    Status.WAITING: gettext_lazy(
        "CAMB.AI has no result yet. It is asked again by itself; what comes appears here."
    ),
}


@login_required
@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_run(request, pk)
    return render(request, "runs/detail/page.html", _context(request, run))


@login_required
@require_safe
def poll(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer 204, or the parts that changed since `since`; the dub only when it is no longer as `shown`."""
    run = get_run(request, pk)
    if run.due_at:
        refresh_sooner(run)
    now = {
        "since": str(TeamVersion.current(run.team_id)),
        "asked": _is_asked_now(run),
        "copies": copies.progress_token(run),
    }
    if now.items() <= request.GET.dict().items():
        return HttpResponse(status=204)
    context = _context(request, run)
    state = _state(run, context["player"])
    context["is_dub_changed"] = request.GET.get("shown") != state["shown"]
    context["is_wave_changed"] = request.GET.get("wave", "") != state.get("wave", "")
    return render(request, "runs/detail/_poll.html", context)


# --- The run page ------------------------------------------------------------------------------------


class DubTab(NamedTuple):
    """A link to another language, or to the video or audio of this one."""

    name: str
    href: str
    is_current: bool
    icon: str = ""


@dataclass(frozen=True)
class ShownDub:
    """The dub on the page: which one, how it is played, and the ways to the others."""

    dub: Dub
    kind: links.Kind | None
    dubs: list[Dub]
    reading: TranscriptPage

    @property
    def language(self) -> str:
        return languages.name(self.dub.language)

    @property
    def lang(self) -> str:
        return languages.html_tag(self.dub.language)

    @property
    def direction(self) -> str:
        return languages.direction(self.dub.language)

    @cached_property
    def _copies(self) -> dict[str, MediaCopy]:
        return {copy.kind: copy for copy in self.dub.copies.order_by("pk")}

    @cached_property
    def copy(self) -> MediaCopy | None:
        """Our own copy of what is played, kept or on its way."""
        return (copies.playable_copy(self.dub, self.kind) or self._copies.get(self.kind)) if self.kind else None

    @cached_property
    def sound(self) -> MediaCopy | None:
        """Whichever copy knows how loud it is: video and audio sound the same."""
        return next((copy for copy in self._copies.values() if copy.waveform), None)

    @property
    def wave(self) -> WaveformPath | None:
        return WaveformPath.of(self.sound, self.dub) if self.sound else None

    @property
    def is_kept(self) -> bool:
        return self.copy is not None and self.copy.state == MediaCopy.State.KEPT

    @property
    def preload(self) -> str:
        """A link that has ended is renewed when somebody presses play, not whenever the page is opened."""
        return "none" if self.kind and not self.is_kept and links.has_expired(self.dub, self.kind) else "metadata"

    @property
    def ends_ms(self) -> str:
        """When the link that the player is about to get ends, as far as it says, in milliseconds since 1970."""
        if self.kind is None or self.is_kept or links.has_expired(self.dub, self.kind):
            return ""
        end = links.expiry_of(self.dub, self.kind)
        return str(round(end.timestamp() * 1000)) if end else ""

    @property
    def file_name(self) -> str:
        return media_file_name(self.dub, self.kind) if self.kind else ""

    @property
    def language_tabs(self) -> list[DubTab]:
        return [
            DubTab(
                languages.name(dub.language) or _("Transcript"),
                TranscriptFilter(dub=dub.language, play=self.kind or "").query,
                dub == self.dub,
            )
            for dub in self.dubs
        ]

    @property
    def kind_tabs(self) -> list[DubTab]:
        if not (self.dub.video_url and self.dub.audio_url):
            return []
        names: dict[links.Kind, str] = {"video": _("Video"), "audio": _("Audio")}
        return [
            DubTab(name, replace(self.reading.wanted, play=kind).query, kind == self.kind, icon=kind)
            for kind, name in names.items()
        ]


def _context(request: HttpRequest, run: Run) -> dict[str, Any]:
    # Read before all else: what changes meanwhile is newer than this, and the next poll brings it.
    version = TeamVersion.current(run.team_id)
    membership = membership_in(request.user, run.team)
    shown = _shown(run, TranscriptFilter.read(request.GET))
    at_ms = timecode.parse(request.GET.get("t", "")) or 0
    asked = _is_asked_now(run)
    progress = copies.progress_token(run)
    is_unfinished = bool(run.due_at or run.requested_at or asked)
    key = ApiKey.objects.filter(pk=run.team_id).first() if is_unfinished else None
    return {
        "membership": membership,
        "can_change": can_change(membership),
        "can_manage": can_manage(membership),
        "run": run,
        "player": shown,
        "team_tags": tags.names_in_use(run.team_id) if can_change(membership) else [],
        "at_seconds": str(at_ms / 1000) if at_ms else "",
        "is_unfinished": is_unfinished,
        "is_polled": is_unfinished or bool(shown and copies.are_expected(shown.dubs)),
        "asked": asked,
        "failure": calls.latest_failure(run) if is_unfinished else None,
        "key": key,
        "silent_since": queue.worker_missing_since() if is_unfinished else None,
        "sentence": _sentence(run, shown),
        "poll_values": json.dumps({"since": version, "asked": asked, "copies": progress, **_state(run, shown)}),
    }


def _is_asked_now(run: Run) -> str:
    """`yes` while somebody asks CAMB.AI about the run, as the next poll tells it."""
    return "yes" if run.lease_until and run.lease_until > timezone.now() else ""


def _shown(run: Run, wanted: TranscriptFilter) -> ShownDub | None:
    """The dub in this language or else the first, played as wanted or else as there is."""
    dubs = list(run.dubs.order_by("pk"))
    if not dubs:
        return None
    dub = next((dub for dub in dubs if dub.language == wanted.dub), dubs[0])
    urls: dict[links.Kind, str] = {"video": dub.video_url, "audio": dub.audio_url}
    kinds: list[links.Kind] = [kind for kind, url in urls.items() if url]
    kind = next((kind for kind in kinds if kind == wanted.play), kinds[0] if kinds else None)
    wanted = replace(wanted, dub=dub.language, play=kind or "")
    return ShownDub(dub, kind, dubs, TranscriptPage(dub, wanted, other_dubs(dub, dubs)))


def _sentence(run: Run, shown: ShownDub | None) -> str | Promise:
    """Why it failed, or what is still to come."""
    if run.reason or run.archived_at:
        return run.reason
    return _missing(shown) or NEXT_STEPS.get(Status(run.status), "")


def _missing(shown: ShownDub | None) -> str:
    """A sentence on what a run that is partly ready still lacks."""
    dubs = shown.dubs if shown else []
    lacks = [
        f"{what} ({language})" if len(dubs) > 1 and (language := languages.name(dub.language)) else what
        for dub in dubs
        for what, there in ((_("audio"), dub.audio_url), (_("transcript"), dub.cue_count))
        if not there
    ]
    if not lacks:
        return ""
    return _("Still missing: %(parts)s. CAMB.AI is asked again by itself; what comes appears here.") % {
        "parts": ", ".join(lacks)
    }


def _state(run: Run, shown: ShownDub | None) -> dict[str, str | list[str]]:
    """What is on the page, as the next poll tells it: which dub, its wave, and (`shown`) all that it depends on."""
    if shown is None:
        return {"shown": run.status}
    dub = shown.dub
    # Of what it lacks, the page says whether that may still come.
    yet = bool(run.due_at and not (shown.kind and dub.cue_count))
    parts = (run.status, dub.pk, shown.kind, len(shown.dubs), len(shown.kind_tabs), dub.cues_hash[:16], yet)
    return {
        **shown.reading.wanted.values,
        "play": shown.kind or "",
        "shown": "-".join(map(str, parts)),
        "wave": str(shown.sound.pk) if shown.sound else "",
    }
