"""What are the speakers called? People may give names, for one run or for all of a team, and take them back."""

from collections import defaultdict
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q, QuerySet

from results import queue
from results.models import Cue, Run, SpeakerName
from results.search import index, indexing

_RUNS_AT_ONCE = 200


def names_by_run(teams: Mapping[int, int]) -> dict[int, dict[str, str]]:
    """Return for each of these runs, given with its team's id, the names that hold there, by CAMB.AI's own.

    A run's names come before its team's.
    """
    given = SpeakerName.objects.filter(Q(run__in=teams) | Q(run=None, team__in=set(teams.values())))
    by_place = defaultdict[tuple[int, int | None], dict[str, str]](dict)
    for team_id, run_id, original, name in given.values_list("team_id", "run_id", "original", "name"):
        by_place[team_id, run_id][original] = name
    return {run_id: by_place[team_id, None] | by_place[team_id, run_id] for run_id, team_id in teams.items()}


def cue_fields(names: Mapping[str, str], original: str) -> dict[str, str]:
    """Return a cue's fields for whom CAMB.AI calls so: the name to show, and the original if it differs."""
    name = names.get(original, original)
    return {"speaker": name, "original_speaker": original if name != original else ""}


def original_names(run: Run, speaker: str) -> list[str]:
    """Return CAMB.AI's own names of those whom the run shows under this one."""
    return sorted(original for name, original in _heard(run) if name == speaker)


def rename_speaker(run: Run, speaker: str, name: str, *, everywhere: bool) -> None:
    """Call those whom the run shows as `speaker` by this name, or by their own again when it is empty.

    In this run at once. `everywhere` is for every run of the team, those with a name of their own included; a
    worker brings it to the others.
    """
    with transaction.atomic():
        of_team = dict(SpeakerName.objects.filter(team_id=run.team_id, run=None).values_list("original", "name"))
        for original in original_names(run, speaker):
            given = SpeakerName.objects.filter(team_id=run.team_id, original=original)
            fields = {"team_id": run.team_id, "original": original, "name": name or original}
            if everywhere:
                given.delete()
                SpeakerName.objects.create(**fields, applied_through=0)
                queue.enqueue("apply_speaker_names")
            else:
                given.filter(run=run).delete()
                if fields["name"] != of_team.get(original, original):
                    SpeakerName.objects.create(**fields, run=run)
        apply_names(run)


def apply_names(run: Run) -> None:
    """Have the run's cues, and their search terms, carry the names that hold now."""
    with transaction.atomic():
        # As when an answer is stored: of the two, one waits for the other.
        if Run.objects.select_for_update().filter(pk=run.pk).first() is None:
            return
        names = names_by_run({run.pk: run.team_id})[run.pk]
        for speaker, original in _heard(run):
            fields = cue_fields(names, original)
            if fields["speaker"] != speaker:
                said = Cue.objects.filter(dub__run=run, speaker=speaker)
                _call(said.filter(original_speaker=original if original != speaker else ""), fields)


def apply_pending() -> None:
    """Bring each name of a team to its next runs, and ring for those after them.

    A lost bell, or a worker that stops, costs a while: where each name has come to stands in the database.
    """
    unsettled = SpeakerName.objects.filter(applied_through__isnull=False).order_by("pk")
    for given in unsettled:
        ahead = Run.objects.filter(team_id=given.team_id, pk__gt=given.applied_through)
        pks = ahead.order_by("pk")[:_RUNS_AT_ONCE].pks()
        same = Q(speaker=given.original) | Q(original_speaker=given.original)
        with_speaker = Cue.objects.filter(same, dub__run__in=pks).order_by().values("run").distinct()
        for run in Run.objects.filter(pk__in=list(with_speaker.values_list("run", flat=True))).order_by("pk"):
            apply_names(run)
        reached = SpeakerName.objects.filter(pk=given.pk)
        if pks:
            reached.update(applied_through=pks[-1])
        elif given.name == given.original:
            reached.delete()
        else:
            reached.update(applied_through=None)
    if unsettled.exists():
        queue.enqueue("apply_speaker_names")


def _heard(run: Run) -> set[tuple[str, str]]:
    """Every speaker of the run, as shown and as CAMB.AI calls them."""
    pairs = Cue.objects.filter(dub__run=run).exclude(speaker="").order_by().distinct()
    return {(name, original or name) for name, original in pairs.values_list("speaker", "original_speaker")}


def _call(said: QuerySet[Cue], fields: Mapping[str, str]) -> None:
    lines = list(index.read_lines(said))
    indexing.remove_cues(said)
    Cue.objects.filter(pk__in=said.values("pk")).update(**fields)
    speaker, original = fields["speaker"], fields["original_speaker"]
    indexing.add_lines(line._replace(speaker=speaker, original_speaker=original) for line in lines)
