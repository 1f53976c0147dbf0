"""A run's page: its status, the player, the transcript of one dub, and the poll that keeps them up to date."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from dashboard.forms.run import TimesForm
from dashboard.htmx import retarget
from dashboard.pages.run_detail import ShownDub, status_sentence
from dashboard.pages.run_pictures import RunPictures
from dashboard.pages.timeline_strip import DrawnPart
from dashboard.pages.transcript_parts import TranscriptFilter
from dashboard.views.runs.lookup import get_run, get_run_and_membership
from results import clock, queue, tags
from results.db.replica import fetch_rows
from results.media import copies
from results.models import ApiKey, Run, TeamVersion
from results.refresh import call_log
from results.runs.request import refresh_sooner
from results.search.analyzer import ANALYZER_VERSION
from results.transcripts import timecode
from teams.access import can_change, can_export, can_manage, can_own, can_remove
from teams.models import Membership


@login_required
@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    run, membership = _get_run(request, pk)
    context = _context(request, run, membership)
    # A video shows itself.
    has_video = context["player"] and context["player"].playing_kind == "video"
    context["picture"] = "" if has_video else RunPictures([run]).picture(run)
    return render(request, "runs/detail/page.html", context)


@login_required
@require_safe
def poll(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer 204, or the parts that changed since `since`.

    The dub is sent only when it differs from `shown`, so that a change elsewhere does not stop the player.
    """
    run, membership = _get_run(request, pk)
    if run.due_at:
        refresh_sooner(run)
    now = {
        "since": str(TeamVersion.current(run.team_id)),
        "being_asked": "yes" if run.is_being_asked else "",  # type: ignore[attr-defined]
        "copies": copies.progress_token(run),
    }
    if now.items() <= request.GET.dict().items():
        return HttpResponse(status=204)
    context = _context(request, run, membership)
    state = _dub_state(run, context["player"])
    context["is_dub_changed"] = request.GET.get("shown") != state["shown"]
    context["is_wave_changed"] = request.GET.get("wave", "") != state.get("wave", "")
    return render(request, "runs/detail/_poll.html", context)


@login_required
@require_safe
def find(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the matches of `find` in the transcript that the filter shows; 204 when nothing is looked for."""
    run = get_run(request, pk)
    wanted = TranscriptFilter.read(request.GET)
    if not wanted.find.strip():
        return HttpResponse(status=204)
    # Whatever the matches depend on raises the team's version; the browser keeps no answer without asking.
    made = f"{ANALYZER_VERSION} {TeamVersion.current(run.team_id)} {request.GET.urlencode()}"
    etag = quote_etag(sha256(made.encode()).hexdigest()[:32])
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if response := get_conditional_response(request, etag=etag):
        return response
    shown = ShownDub.of(run, wanted)
    return JsonResponse(shown.transcript.matches if shown else {}, headers=headers)


@login_required
@require_safe
def lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the section `part` of a long transcript; 404 without such a section.

    When the page shows another edition than `of`, the answer is the whole transcript as the page is sent with it.
    """
    run, membership = get_run_and_membership(request, pk)
    shown = ShownDub.of(run, TranscriptFilter.read(request.GET))
    if shown is None:
        raise Http404
    is_current = request.GET.get("of", "") in ("", shown.transcript.edition)
    if is_current and not 1 <= shown.transcript.wanted.part <= len(shown.transcript.sections):
        raise Http404
    context = {
        "run": run,
        "player": shown,
        "can_change": can_change(membership),
        "can_export": can_export(membership),
        "can_manage": can_manage(membership),
    }
    if is_current:
        return render(request, "runs/detail/_lines.html", context)
    return retarget(render(request, "runs/detail/_transcript.html", context), "#transcript")


@login_required
@require_safe
def timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the timeline's strip of the part `from` to `to`, in milliseconds, in more detail."""
    shown = ShownDub.of(get_run(request, pk), TranscriptFilter.read(request.GET))
    if shown is None:
        return HttpResponse(status=204)
    shown = replace(shown, part=DrawnPart.read(request.GET, shown.dub.duration_ms))
    return render(request, "runs/detail/_timeline.html", {"player": shown})


def _context(request: HttpRequest, run: Run, membership: Membership) -> dict[str, Any]:
    # Read first: a change made meanwhile is newer than this version, so the next poll brings it.
    version = TeamVersion.current(run.team_id)
    shown = ShownDub.of(run, TranscriptFilter.read(request.GET))
    at_ms = timecode.parse(request.GET.get("t", "")) or 0
    is_being_asked = run.is_being_asked  # type: ignore[attr-defined]
    progress = copies.token_of(shown.run_copies) if shown else copies.progress_token(run)
    is_unfinished = bool(run.due_at or run.requested_at or is_being_asked)
    key = ApiKey.objects.filter(pk=run.team_id).first() if is_unfinished else None
    worker_missing_since = queue.worker_missing_since() if is_unfinished else None
    is_checked = bool(run.due_at and key and not key.is_in_trouble and not worker_missing_since)
    state = {"since": version, "being_asked": "yes" if is_being_asked else "", "copies": progress}
    return {
        "membership": membership,
        "can_change": can_change(membership),
        "can_manage": can_manage(membership),
        "can_own": can_own(membership),
        "can_remove": can_remove(membership),
        "can_export": can_export(membership),
        "run": run,
        "has_answer": bool(fetch_rows("select 1 from results_rawanswer where run_id = %s", [run.pk])),
        "player": shown,
        "tag_names": tags.names_of(run.pk),
        "typed_tags": "",
        "tags_error": "",
        "is_in_use": False,
        "team_tags": tags.names_in_use(run.team_id) if can_change(membership) else [],
        "at_seconds": str(at_ms / 1000) if at_ms else "",
        "is_unfinished": is_unfinished,
        "is_polled": is_unfinished or bool(shown and copies.are_expected(shown.dubs, shown.run_copies)),
        "is_being_asked": is_being_asked,
        "failure": call_log.latest_failure(run) if is_unfinished else None,
        "key": key,
        "worker_missing_since": worker_missing_since,
        "is_checked": is_checked,
        "sentence": status_sentence(run, shown, is_checked=is_checked),
        "suggested_count": _suggested_count(run) if can_change(membership) else 0,
        "times_form": TimesForm(initial={"unit": run.time_unit}) if run.notes else None,
        "poll_values": json.dumps({**state, **_dub_state(run, shown)}),
    }


def _suggested_count(run: Run) -> int:
    """Return how many other runs are suggested as of the same source."""
    if run.suggestion is None:
        return 0
    offered = Run.objects.current().filter(team=run.team_id, suggestion=run.suggestion).exclude(pk=run.pk)
    return (offered.exclude(source=run.source_id) if run.source_id else offered).count()


def _get_run(request: HttpRequest, pk: int) -> tuple[Run, Membership]:
    """Return the run with `is_being_asked`, whether CAMB.AI is being asked about it now, and the membership."""
    run, membership = get_run_and_membership(request, pk)
    # Most runs have no lease, and need no query for it.
    is_leased = run.lease_until is not None and Run.objects.leased(clock.now()).filter(pk=pk).exists()
    run.is_being_asked = is_leased  # type: ignore[attr-defined]
    return run, membership


def _dub_state(run: Run, shown: ShownDub | None) -> dict[str, str | list[str]]:
    """Return the parameters by which the next poll tells which dub, `wave` and filter the page shows.

    `shown` holds all that the dub's part of the page depends on.
    """
    if shown is None:
        return {"shown": run.status}
    dub = shown.dub
    # The page says of a missing part whether the part may still come.
    is_awaited = bool(run.due_at and not (shown.kind and dub.cue_count))
    media = (shown.kind, shown.playing_kind, len(shown.kind_tabs), is_awaited)
    named = (dub.language, dub.language_source, len(dub.foreign_lines or ()))
    parts = (run.status, dub.pk, len(shown.dubs), dub.cues_hash[:16], *media, *named)
    return {
        **shown.transcript.wanted.values,
        "play": shown.kind or "",
        "shown": "-".join(map(str, parts)),
        "wave": str(shown.waveform_copy.pk) if shown.waveform_copy else "",
    }
