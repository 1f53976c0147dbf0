"""Renames speakers, in one run or in all runs of a team, and restores CAMB.AI's names."""

from collections import defaultdict
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q, QuerySet

from results import queue
from results.db import chunks
from results.models import Cue, Run, SpeakerName
from results.queue.backlogs import Quarantine
from results.search import index, indexing
from teams import audit

_RUNS_PER_CHUNK = 200

_quarantine = Quarantine("The speakers of run %s could not be renamed")


def names_by_run(teams: Mapping[int, int]) -> dict[int, dict[str, str]]:
    """Return the given names in each run, by CAMB.AI's names; `teams` holds each run's team, both by id.

    A run's own names take precedence over its team's.
    """
    given = SpeakerName.objects.filter(Q(run__in=teams) | Q(run=None, team__in=set(teams.values())))
    by_place = defaultdict[tuple[int, int | None], dict[str, str]](dict)
    for team_id, run_id, original, name in given.values_list("team_id", "run_id", "original", "name"):
        by_place[team_id, run_id][original] = name
    return {run_id: by_place[team_id, None] | by_place[team_id, run_id] for run_id, team_id in teams.items()}


def cue_fields(names: Mapping[str, str], original: str) -> dict[str, str]:
    """Return a cue's fields for CAMB.AI's name `original`: the name to show, and the original if it differs."""
    name = names.get(original, original)
    return {"speaker": name, "original_speaker": original if name != original else ""}


def original_names(run: Run, speaker: str) -> list[str]:
    """Return CAMB.AI's names of the speakers that the run shows under this name, sorted."""
    return sorted(original for name, original in _speakers_of(run) if name == speaker)


def rename_speaker(run: Run, speaker: str, name: str, *, everywhere: bool) -> None:
    """Rename the speakers that the run shows as `speaker`; an empty name restores CAMB.AI's names.

    This run changes at once. `everywhere` renames in all runs of the team, even where a run has its own name for
    the speaker; a worker changes the other runs.
    """
    with transaction.atomic():
        of_team = dict(SpeakerName.objects.filter(team_id=run.team_id, run=None).values_list("original", "name"))
        for original in original_names(run, speaker):
            given = SpeakerName.objects.filter(team_id=run.team_id, original=original)
            shown, of_run = name or original, None if everywhere else run
            if everywhere:
                given.exclude(run=None).delete()
                queue.enqueue("apply_speaker_names")
            elif shown == of_team.get(original, original):
                given.filter(run=run).delete()
                continue
            # Another member may give the same speaker a name at this moment: the later one stays.
            named = {"name": shown, "applied_through": 0 if everywhere else None}
            given.update_or_create(team_id=run.team_id, original=original, run=of_run, defaults=named)
        # The name itself is the team's material and is not told.
        detail = "speaker renamed in all runs" if everywhere else "speaker renamed"
        chunks.record_runs(run.team_id, audit.Action.RUNS_EDITED, [run.pk], detail)
        apply_names(run)


def apply_names(run: Run) -> None:
    """Update the run's cues and their search terms to the current names; do nothing if the run is deleted."""
    with transaction.atomic():
        # Storing an answer takes the same lock, so one waits for the other.
        if Run.objects.select_for_update().filter(pk=run.pk).first() is None:
            return
        names = names_by_run({run.pk: run.team_id})[run.pk]
        for speaker, original in _speakers_of(run):
            fields = cue_fields(names, original)
            if fields["speaker"] != speaker:
                cues = Cue.objects.filter(dub__run=run, speaker=speaker)
                _rename_cues(cues.filter(original_speaker=original if original != speaker else ""), fields)


def apply_pending() -> None:
    """Apply each team-wide name to its next runs, and enqueue a task for the runs after them.

    `SpeakerName.applied_through` stores the last run that a name was applied to, so a lost task or a worker that
    stops costs some time and nothing else.
    """
    for given in _pending().select_related("run"):
        if given.run:
            _apply_again(given, given.run)
        else:
            _apply_to_next(given)
    if _pending().exists():
        queue.enqueue("apply_speaker_names")


def _pending() -> QuerySet[SpeakerName]:
    pending = SpeakerName.objects.filter(applied_through__isnull=False)
    return pending.exclude(run__in=_quarantine.pks()).order_by("pk")


def _apply_to_next(given: SpeakerName) -> None:
    ahead = Run.objects.filter(team_id=given.team_id, pk__gt=given.applied_through)
    pks = ahead.order_by("pk")[:_RUNS_PER_CHUNK].pks()
    same = Q(speaker=given.original) | Q(original_speaker=given.original)
    with_speaker = Cue.objects.filter(same, dub__run__in=pks).order_by().values("run").distinct()
    runs = Run.objects.filter(pk__in=list(with_speaker.values_list("run", flat=True))).order_by("pk")
    for run in runs.exclude(pk__in=_quarantine.pks()):
        with _quarantine.isolated(run.pk):
            apply_names(run)
    for run in runs.filter(pk__in=_quarantine.pks()):
        # A row of the run's own remembers that the name is still to be applied to it.
        named = {"team_id": given.team_id, "name": given.name, "applied_through": 0}
        SpeakerName.objects.get_or_create(run=run, original=given.original, defaults=named)
    reached = SpeakerName.objects.filter(pk=given.pk)
    if pks:
        reached.update(applied_through=pks[-1])
    elif given.name == given.original:
        reached.delete()
    else:
        reached.update(applied_through=None)


def _apply_again(given: SpeakerName, run: Run) -> None:
    """Apply a team-wide name to a run on which it failed, and drop the run's row of it."""
    with _quarantine.isolated(run.pk):
        apply_names(run)
        SpeakerName.objects.filter(pk=given.pk, applied_through__isnull=False).delete()


def _speakers_of(run: Run) -> set[tuple[str, str]]:
    """Return every speaker of the run as (name shown, CAMB.AI's name)."""
    pairs = Cue.objects.filter(dub__run=run).exclude(speaker="").order_by().distinct()
    return {(name, original or name) for name, original in pairs.values_list("speaker", "original_speaker")}


def _rename_cues(cues: QuerySet[Cue], fields: Mapping[str, str]) -> None:
    """Set these fields, the cue's speaker and original speaker, and put the cues under new search terms."""
    lines = list(index.read_lines(cues))
    indexing.remove_cues(cues)
    Cue.objects.filter(pk__in=cues.values("pk")).update(**fields)
    speaker, original = fields["speaker"], fields["original_speaker"]
    indexing.add_lines(line._replace(speaker=speaker, original_speaker=original) for line in lines)
