"""Merges an answer about a run into what is stored: the better of the two is kept."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from results import camb, clock
from results.db import bulk
from results.db.replica import fetch_rows
from results.dubs import languages as dub_languages
from results.dubs import speakers
from results.models import Cue, Dub, MediaCopy, RawAnswer, Run
from results.refresh import answer_notes, dub_keys, run_events
from results.search import indexing
from results.search.index import IndexLine
from results.transcripts import languages
from teams.read_models import read_models

# As much as the client takes, so that the transcripts can be read anew in another unit. An hour of speech comes
# nowhere near this; what is beyond it is cut off, and the row says so.
ANSWER_BYTES = 20 * 2**20
# CAMB.AI dubs into about 150 languages. An answer with ever new keys must not add dubs without end.
MAX_DUBS = 200
# After this many answers in a row that left a run out, a note says so.
NOTE_ABSENCE_AFTER = 3
# They are counted up to here. A smallint would hold no more than 32,767.
MAX_ABSENCES = 1000

CUE_FIELDS = ("team", "run", "dub", "position", "start_ms", "end_ms", "speaker", "original_speaker", "text")
DUB_FIELDS = (
    "language",
    "language_source",
    "camb_language",
    "is_language_detected",
    "foreign_lines",
    "has_current_checks",
    "video_url",
    "audio_url",
    "media_fetched_at",
    "cues_hash",
    "cue_count",
    "duration_ms",
    "is_alert_checked",
)

_BODIES = "select run_id, body from results_rawanswer where run_id in ({})"
_DUB_IDS = "select run_id, camb_language, id from results_dub where run_id in ({})"

Status = Run.Status
# Not by `Status(…).label`, which looks the label up among all of them each time.
_LABELS = dict(Status.choices)


def merge_refusal(run: Run, refusal: camb.Refused) -> str:
    """Mark the run that CAMB.AI refuses to show; the caller saves it. Return what changed, in words."""
    before = run.status
    if run.status in (Status.READY, Status.PARTLY):
        run.notes = [f"{refusal} {answer_notes.KEPT}"]
    else:
        run.status, run.reason = Status.NOT_FOUND, str(refusal)
    return _status_change(before, run)


def _status_change(before: str, run: Run) -> str:
    return f"{_LABELS[before]} → {_LABELS[run.status]}" if run.status != before else ""


def merge_task(run: Run, task: camb.TaskAnswer) -> str:
    """Record the state of the dubbing task, and its run id once there is one; the caller saves the run.

    If the team already has the run of that id, the two are one: this row is deleted, and has no pk any more.
    """
    before, run.notes = run.status, list(task.notes)
    if task.run_id:
        of_id = Run.objects.filter(team=run.team_id, camb_run_id=task.run_id)
        of_id.free_camb_ids(clock.now())
        known = of_id.select_for_update().first()
        if known:
            if run.title and not known.title:
                same = {"title": run.title, "title_folded": run.title_folded}
                Run.objects.filter(pk=known.pk).update(**same, is_compared=False)
            if run.source_id and not known.source_id:
                Run.objects.filter(pk=known.pk).update(source=run.source_id)
            known.tags.add(*run.tags.all())
            if known.removed_at:
                # The task is tracked, and so its run is wanted again.
                Run.objects.filter(pk=known.pk).update(
                    removed_at=None, removed_by="", archived_at=None, due_at=clock.now()
                )
            run.delete()
            return _("This task is run %(id)s, which the team already has.") % {"id": task.run_id}
        run.camb_run_id, run.attempts = task.run_id, 0
        return _("This task is now run %(id)s.") % {"id": task.run_id}
    if task.failure:
        run.status, run.reason = Status.FAILED, camb.explain(task.failure, task.message)
    else:
        run.status, run.attempts = Status.WAITING, run.attempts + 1
    return _status_change(before, run)


class Merge:
    """Merges answers into what is stored of a few runs, with few queries: reads all at once and writes all at once.

    A query costs more than the work it does, so a batch takes hardly more of them than one run. The caller holds
    the runs locked, and saves them.
    """

    def __init__(self, runs: Collection[Run]) -> None:
        self._dubs: dict[int, dict[str, Dub]] = {run.pk: {} for run in runs}
        pks, marks = list(self._dubs), ", ".join(["%s"] * len(self._dubs))
        for dub in read_models(Dub, f"where run_id in ({marks}) order by id", pks) if pks else ():
            self._dubs[dub.run_id][dub.camb_key] = dub
        self._bodies: dict[int, bytes] = dict(fetch_rows(_BODIES.format(marks), pks)) if pks else {}
        self._changed: dict[tuple[int, str], Dub] = {}
        self._cues: dict[tuple[int, str], Sequence[camb.CueAnswer]] = {}
        self._renamed: list[Dub] = []
        self._raw_answers: list[RawAnswer] = []
        self._ready = {run.pk for run in runs if run.status == Status.READY}
        self.changes: dict[int, list[run_events.DubChange]] = {}
        """What changed in the dubs of runs that were ready, by the run's pk; known once it is written."""
        self.missing: dict[int, dict[str, list[str]]] = {}
        """The parts that the dubs of partly ready runs have not yet, by the run's pk and the language."""

    def merge(self, run: Run, answer: camb.RunAnswer, asked_at: datetime) -> str:
        """Merge the answer into the run's dubs, and set its status, reason, notes and sums; return what changed.

        Nothing good is given up for something worse: what CAMB.AI no longer provides is kept, and a note says so.
        """
        answer = self._with_known_times(run, answer)
        before, dubs = run.status, self._dubs[run.pk]
        given_dubs, united = dub_keys.match(dubs, answer.dubs)
        notes = [*answer.notes, *united]
        missing, arrived, left_out = dict(dubs), dict[str, bool](), 0
        for key, given in given_dubs:
            if key not in dubs and len(dubs) >= MAX_DUBS:
                left_out += 1
                continue
            missing.pop(key, None)
            if (dub := dubs.get(key)) is None:
                dub = dubs[key] = Dub(team_id=run.team_id, run=run, language=key, camb_language=key)
            dub.camb_language = key
            is_replaced = dub.cue_count > 0
            notes += _merge_links(dub, given, asked_at)
            notes += self._merge_cues(dub, given)
            self._changed[run.pk, key] = dub
            if (run.pk, key) in self._cues:
                arrived.setdefault(key, is_replaced)
        self._name_languages(run, dubs)
        if left_out:
            notes.append(answer_notes.left_out(left_out, MAX_DUBS))
        if answer.dubs and missing:
            notes.append(answer_notes.no_longer_given([dub.language for dub in missing.values()]))
        notes += _set_status(run, list(dubs.values()), answer)
        self._note_missing(run, dubs)
        run.absences, run.is_absence_verified = (
            (min(run.absences + 1, MAX_ABSENCES), run.is_absence_verified) if answer.is_absent else (0, False)
        )
        if run.absences >= NOTE_ABSENCE_AFTER and not dubs:
            notes.append(str(answer_notes.ABSENT))
        run.notes = answer_notes.counted(notes)
        changes = [
            answer_notes.transcript_change(dubs[key].language, is_replaced=is_replaced)
            for key, is_replaced in arrived.items()
        ]
        change = ", ".join(filter(None, (_status_change(before, run), *changes)))
        if change:
            run.changed_at = asked_at
        if arrived:
            run.is_compared = False
        if not (dubs and answer.is_empty):
            self.keep_raw(run, answer.raw, asked_at)
        return change

    def _note_missing(self, run: Run, dubs: Mapping[str, Dub]) -> None:
        if run.status == Status.PARTLY:
            self.missing[run.pk] = {dub.language: parts for dub in dubs.values() if (parts := _missing_parts(dub))}

    def reread(self, run: Run, unit: str) -> bool:
        """Set the unit of the run's times and read its transcripts anew; the caller saves the run.

        Returns False if the stored answer cannot be read, as it was cut off; then only a refresh changes the times.
        """
        known = self._known_times(run)
        run.time_unit = unit
        try:
            raw = zlib.decompress(self._bodies[run.pk])
            earlier, answer = (
                camb.read_stored(run.camb_run_id or 0, raw, given) for given in (known, known._replace(unit=unit))
            )
        except (KeyError, ValueError):
            return False
        dubs = self._dubs[run.pk]
        for key, given in dub_keys.match(dubs, answer.dubs)[0]:
            if given.cues and key in dubs:
                self._merge_cues(dubs[key], given)
                self._changed[run.pk, key] = dubs[key]
        outdated = {*earlier.notes, *camb.UNIT_NOTES}
        run.notes = answer_notes.counted([*answer.notes, *(note for note in run.notes if note not in outdated)])
        run.duration_ms = max((dub.duration_ms for dub in dubs.values()), default=0)
        run.is_compared = False
        return True

    def _with_known_times(self, run: Run, answer: camb.RunAnswer) -> camb.RunAnswer:
        """Return the answer with the unit of time that a person chose, or that fits the kept media."""
        is_uncertain = not answer.is_unit_certain and self._dubs[run.pk]
        known = self._known_times(run) if run.time_unit or is_uncertain else None
        return camb.reread_run(answer, known) if known and any(known) else answer

    def _known_times(self, run: Run) -> camb.KnownTimes:
        copies = MediaCopy.objects.filter(dub__in=[dub.pk for dub in self._dubs[run.pk].values()])
        return camb.KnownTimes(run.time_unit, copies.aggregate(Max("length_ms"))["length_ms__max"] or 0)

    def _merge_cues(self, dub: Dub, given: camb.DubAnswer) -> list[str]:
        if not given.cues:
            return [str(answer_notes.TRANSCRIPT_KEPT)] if dub.cue_count else []
        digest = dub_keys.digest(given)
        if digest != dub.cues_hash:
            dub.cues_hash, dub.cue_count = digest, len(given.cues)
            dub.is_alert_checked = dub.is_language_detected = dub.has_current_checks = False
            dub.duration_ms = max(cue.end_ms for cue in given.cues)
            self._cues[dub.run_id, dub.camb_key] = given.cues
        return []

    def _name_languages(self, run: Run, dubs: Mapping[str, Dub]) -> None:
        """Decide the language of each dub; lines that stay get the new one in the search too."""
        for key, dub in dubs.items():
            named = dub_languages.decide(dub, run, is_only=len(dubs) == 1)
            if named == (dub.language, dub.language_source):
                continue
            if dub.pk and dub.language != named[0] and (run.pk, key) not in self._cues:
                self._renamed.append(dub)
            dub.camb_language = key
            (dub.language, dub.language_source) = named
            dub.is_language_detected, dub.foreign_lines, dub.has_current_checks = False, None, False
            self._changed[run.pk, key] = dub

    def keep_raw(self, run: Run, raw: bytes, asked_at: datetime) -> None:
        size = len(raw)
        # Level 1: for a fifth less room zlib would take twice as long, a tenth of all that storing takes.
        body = zlib.compress(raw[:ANSWER_BYTES], 1)
        if body != self._bodies.get(run.pk):
            self._raw_answers.append(
                RawAnswer(run=run, body=body, size=size, is_cut=size > ANSWER_BYTES, fetched_at=asked_at)
            )

    def write(self) -> None:
        """Write what changed; transcripts that did not change are not touched."""
        for key, cues in self._cues.items():
            if key[0] in self._ready:
                self._note_change(self._changed[key], cues)
            if self._changed[key].pk:
                delete_cues(self._changed[key])
        renamed_cues = Cue.objects.filter(dub__in=self._renamed)
        if self._renamed:
            indexing.remove_cues(renamed_cues)
        dubs = self._changed.values()
        new = [dub for dub in dubs if not dub.pk]
        bulk.update(Dub, [dub for dub in dubs if dub.pk], DUB_FIELDS)
        _insert_dubs(new)
        if self._renamed:
            indexing.add_cues(renamed_cues)
        _add_cues([(self._changed[key], cues) for key, cues in self._cues.items()])
        bulk.insert(self._raw_answers, replace=True)

    def _note_change(self, dub: Dub, cues: Sequence[camb.CueAnswer]) -> None:
        """Note what changes in a dub whose run was ready already; this reads the lines that are about to go."""
        old = dub.cues.values_list("start_ms", "text") if dub.pk else ()
        stored = [run_events.Line(*line) for line in old]
        change = (
            run_events.compare_lines(
                dub.language, stored, [run_events.Line(cue.start_ms, cue.text) for cue in cues]
            )
            if stored
            else run_events.new_dub(dub.language, len(cues))
        )
        self.changes.setdefault(dub.run_id, []).append(change)


def _merge_links(dub: Dub, given: camb.DubAnswer, asked_at: datetime) -> list[str]:
    notes = []
    for kind in ("video", "audio"):
        url = getattr(given, f"{kind}_url")
        if url:
            setattr(dub, f"{kind}_url", url)
            dub.media_fetched_at = asked_at
        elif getattr(dub, f"{kind}_url"):
            notes.append(str(answer_notes.LINK_KEPT[kind]))
    dub.media_fetched_at = dub.media_fetched_at or asked_at
    return notes


def _set_status(run: Run, dubs: Sequence[Dub], answer: camb.RunAnswer) -> list[str]:
    """Set the run's status, reason and sums from its dubs; return notes on what the answer says without effect."""
    notes = []
    run.reason = ""
    if dubs:
        run.status = Status.PARTLY if any(map(_missing_parts, dubs)) else Status.READY
        if answer.failure:
            notes.append(f"{camb.explain(answer.failure, answer.message)} {answer_notes.KEPT}")
        if answer.is_empty:
            notes.append(str(answer_notes.EMPTY))
    elif answer.failure:
        run.status, run.reason = Status.FAILED, camb.explain(answer.failure, answer.message)
    else:
        run.status = Status.WAITING
    run.attempts = run.attempts + 1 if run.status in (Status.WAITING, Status.PARTLY) else 0
    dub_languages.summarise(run, dubs)
    run.cue_count = max((dub.cue_count for dub in dubs), default=0)
    run.duration_ms = max((dub.duration_ms for dub in dubs), default=0)
    return notes


def _missing_parts(dub: Dub) -> list[str]:
    """Return which of the parts that make a dub ready are not there yet."""
    return [part for part, is_there in (("audio", dub.audio_url), ("transcript", dub.cue_count)) if not is_there]


def _insert_dubs(dubs: Sequence[Dub]) -> None:
    """Insert these dubs and set their keys; `bulk_create` takes five times as long for rows of many fields."""
    if not dubs:
        return
    bulk.insert(dubs)
    pks = list({dub.run_id for dub in dubs})
    stored = fetch_rows(_DUB_IDS.format(", ".join(["%s"] * len(pks))), pks)
    ids = {(run_id, key): pk for run_id, key, pk in stored}
    for dub in dubs:
        dub.pk, dub._state.adding = ids[dub.run_id, dub.camb_language], False


def _add_cues(transcripts: Sequence[tuple[Dub, Sequence[camb.CueAnswer]]]) -> None:
    """Insert cues and their search terms, past the ORM, which takes several times as long as the database."""
    if not transcripts:
        return
    names = speakers.names_by_run({dub.run_id: dub.team_id for dub, _ in transcripts})
    tags: dict[int, str] = {}
    rows: list[tuple[Any, ...]] = []
    for dub, cues in sorted(transcripts, key=lambda transcript: transcript[0].pk):
        tags[dub.pk] = dub.language
        named = {who: speakers.cue_fields(names[dub.run_id], who).values() for who in {cue.speaker for cue in cues}}
        rows += [
            (dub.team_id, dub.run_id, dub.pk, position, cue.start_ms, cue.end_ms, *named[cue.speaker], cue.text)
            for position, cue in enumerate(cues, start=1)
        ]
    bulk.insert_values(Cue, CUE_FIELDS, rows)
    ids = Cue.objects.filter(dub__in=tags).order_by("dub", "position").values_list("pk", flat=True)
    indexing.add_lines(
        IndexLine(cue_id, team_id, run_id, tags[dub_id], speaker, original, text)
        for cue_id, (team_id, run_id, dub_id, _, _, _, speaker, original, text) in zip(ids, rows, strict=True)
    )


def delete_cues(dub: Dub) -> None:
    indexing.remove_cues(dub.cues.all())
    # Nothing points at a cue, so the rows can go without being collected first.
    dub.cues.all()._raw_delete(dub.cues.db)


def tag_numbered_dubs(tags: Mapping[int, str]) -> None:
    """Give dubs that are stored under one of CAMB.AI's numbers the language tag that has become known for it."""
    numbers = [str(number) for number in tags]
    is_numbered = Q(camb_language__in=numbers) | Q(camb_language=None, language__in=numbers)
    for dub in Dub.objects.filter(is_numbered):
        tag = languages.tag_for(dub.camb_key, tags)
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=dub.run_id)
            is_tag = Q(camb_language=tag) | Q(camb_language=None, language=tag)
            if not Dub.objects.filter(is_tag, run=dub.run_id).exists():
                Dub.objects.filter(pk=dub.pk).update(camb_language=tag)
                dub_languages.decide_anew([dub.run_id])
