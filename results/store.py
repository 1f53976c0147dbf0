"""What is kept of an answer about a run? The better of what was there and what was said."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from results import camb, languages, search
from results.models import Answer, Cue, Dub, Language, Pulse, Run

# More than an hour of speech has never come near this; what lies beyond is cut off and marked so.
ANSWER_BYTES = 2 * 2**20

Status = Run.Status


def store_refusal(run: Run, refusal: camb.Refused) -> str:
    """Mark the run that CAMB.AI will not speak of; the caller saves it. Returns what changed, in words."""
    before = run.get_status_display()
    if run.status in (Status.READY, Status.PARTLY):
        run.notes = [f"{refusal} What was stored before is kept."]
    else:
        run.status, run.reason = Status.NOT_FOUND, str(refusal)
    return _step(before, run)


def _step(before: str, run: Run) -> str:
    after = run.get_status_display()
    return f"{before} → {after}" if after != before else ""


def store_task(run: Run, task: camb.Task) -> str:
    """Note how far the dubbing task is, and its run id once it has one; the caller saves the run.

    When the team tracks that run id already, the two are one: that row stays, this one goes, and has no pk then.
    """
    before = run.get_status_display()
    if task.run_id:
        known = Run.objects.select_for_update().filter(team=run.team_id, camb_run_id=task.run_id).first()
        if known:
            if run.title and not known.title:
                Run.objects.filter(pk=known.pk).update(title=run.title)
            run.delete()
            Pulse.beat(known.team_id)
            return f"It is run {task.run_id}, which the team had already."
        run.camb_run_id, run.asks = task.run_id, 0
        return f"CAMB.AI made it run {task.run_id}."
    if task.failure:
        run.status, run.reason = Status.FAILED, " ".join(filter(None, (camb.explain(task.failure), task.message)))
    else:
        run.status, run.asks = Status.WAITING, run.asks + 1
    return _step(before, run)


def store_answer(run: Run, answer: camb.Answer, asked_at: datetime) -> str:
    """Merge the answer into the run's dubs and set its status, reason, notes and sums; the caller saves the run.

    Returns what changed, in words.

    Nothing good is ever given up for something worse: what CAMB.AI no longer gives is kept, and a note says so.
    """
    notes = list(answer.hints)
    before, transcripts = run.get_status_display(), _transcripts(run)
    kept = {dub.language: dub for dub in run.dubs.all()}
    numbers = _camb_numbers() if any(heard.language.isdigit() for heard in answer.dubs) else {}
    for heard in answer.dubs:
        language = languages.tag_for(heard.language, numbers)
        dub = kept.pop(language, None) or Dub(team_id=run.team_id, run=run, language=language)
        notes += _store_dub(dub, heard, asked_at)
    if answer.dubs:
        notes += [f"CAMB.AI no longer gives {languages.name(key)}; what was stored is kept." for key in kept]
    dubs = list(run.dubs.order_by("pk"))
    if answer.failure and not dubs:
        run.status, run.reason = Status.FAILED, camb.explain(answer.failure)
    elif not dubs:
        run.status, run.reason = Status.WAITING, ""
    else:
        run.status = Status.READY if all(dub.cue_count and dub.audio_url for dub in dubs) else Status.PARTLY
        run.reason = ""
        if answer.failure:
            notes.append(f"{camb.explain(answer.failure)} What was stored before is kept.")
    run.asks = run.asks + 1 if run.status in (Status.WAITING, Status.PARTLY) else 0
    run.notes = notes
    run.languages = [dub.language for dub in dubs]
    run.cue_count = sum(dub.cue_count for dub in dubs)
    run.duration_ms = max((dub.duration_ms for dub in dubs), default=0)
    changes = [_step(before, run)]
    for language, digest in _transcripts(run).items():
        if digest != transcripts.get(language, ""):
            verb = "replaced" if transcripts.get(language) else "arrived"
            changes.append(f"transcript of {languages.name(language)} {verb}")
    change = ", ".join(filter(None, changes))
    if change:
        run.changed_at = asked_at
    if dubs and answer.is_empty:
        notes.append("CAMB.AI's newest answer about this run was empty; what was stored before is kept.")
    else:
        _store_raw(run, answer, asked_at)
    return change


def _transcripts(run: Run) -> dict[str, str]:
    return dict(run.dubs.values_list("language", "cues_hash"))


def _store_dub(dub: Dub, heard: camb.Dub, asked_at: datetime) -> list[str]:
    """Store what is better than before and return sentences on what CAMB.AI no longer gives."""
    notes = []
    for kind in ("video", "audio"):
        url = getattr(heard, f"{kind}_url")
        if url:
            setattr(dub, f"{kind}_url", url)
            dub.media_fetched_at = asked_at
        elif getattr(dub, f"{kind}_url"):
            notes.append(f"CAMB.AI no longer gives the {kind}; the earlier link is kept.")
    dub.media_fetched_at = dub.media_fetched_at or asked_at
    digest = sha256(repr(heard.cues).encode()).hexdigest() if heard.cues else ""
    if dub.cue_count and not heard.cues:
        notes.append("CAMB.AI no longer gives the transcript; the earlier one is kept.")
    elif digest != dub.cues_hash:
        dub.cues_hash = digest
        dub.duration_ms = max(cue.end_ms for cue in heard.cues)
        drop_cues(dub)
        dub.cue_count = len(heard.cues)
        dub.save()
        _add_cues(dub, heard.cues)
        return notes
    dub.save()
    return notes


def drop_cues(dub: Dub) -> None:
    if dub.cue_count:
        search.remove(dub.cues.all())
        # Nothing points at a cue, so the rows can go without being collected first.
        dub.cues.all()._raw_delete(dub.cues.db)


def _add_cues(dub: Dub, cues: Sequence[camb.Cue]) -> None:
    search.add(
        Cue.objects.bulk_create(
            Cue(
                team_id=dub.team_id,
                run_id=dub.run_id,
                dub=dub,
                position=position,
                start_ms=cue.start_ms,
                end_ms=cue.end_ms,
                speaker=cue.speaker,
                text=cue.text,
            )
            for position, cue in enumerate(cues, start=1)
        )
    )


def _store_raw(run: Run, answer: camb.Answer, asked_at: datetime) -> None:
    body = zlib.compress(answer.raw[:ANSWER_BYTES])
    if not Answer.objects.filter(run=run, body=body).exists():
        size = len(answer.raw)
        fields = {"body": body, "size": size, "is_cut": size > ANSWER_BYTES, "fetched_at": asked_at}
        Answer.objects.update_or_create(run=run, defaults=fields)


def _camb_numbers() -> dict[int, str]:
    return dict(Language.objects.values_list("camb_id", "tag"))


def name_numbered_dubs(tags: Mapping[int, str]) -> None:
    """Give the dubs that were stored under a number of CAMB.AI's the tag that has become known for it."""
    for dub in Dub.objects.filter(language__in=[str(number) for number in tags]).select_related("run"):
        tag = languages.tag_for(dub.language, tags)
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=dub.run_id)
            if Dub.objects.filter(run=run, language=tag).exists():
                continue
            Dub.objects.filter(pk=dub.pk).update(language=tag)
            run.languages = [tag if language == dub.language else language for language in run.languages]
            run.version = Pulse.beat(run.team_id)
            run.save(update_fields=["languages", "version"])
