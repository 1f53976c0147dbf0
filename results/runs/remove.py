"""Removes runs and teams with all their data."""

from django.db import transaction

from results import beat, queue
from results.models import ApiKey, Run, TeamVersion
from results.refresh import merge
from results.runs.source import delete_if_single
from teams.models import Team


def remove_run(run: Run) -> None:
    """Delete the run with its dubs, its cues and their search terms; do nothing if it is deleted already."""
    with transaction.atomic():
        locked = Run.objects.select_for_update().filter(pk=run.pk).first()
        if locked is None:
            return
        for dub in locked.dubs.all():
            merge.delete_cues(dub)
        source_id = locked.source_id
        locked.delete()
        version = TeamVersion.bump(run.team_id)
        if source_id:
            Run.objects.filter(source=source_id).update(version=version)
            delete_if_single(source_id)


def remove_team(team: Team) -> None:
    """Take the team from all its members at once; a worker deletes its data, however much there is."""
    with transaction.atomic():
        ApiKey.objects.filter(team=team).delete()
        team.invitations.all().delete()
        team.memberships.all().delete()
        beat.run_soon("finish-removals")
        queue.enqueue("finish_removals")


def finish_removals() -> None:
    """Delete all teams without members, with their data. After a killed worker, the next one goes on from there."""
    for team in Team.objects.filter(memberships=None):
        while runs := list(Run.objects.filter(team=team)[:100]):
            for run in runs:
                remove_run(run)
        with transaction.atomic():
            # A worker may be storing the last call about this team: the lock lets it finish, or find the team gone.
            Team.objects.select_for_update().filter(pk=team.pk).first()
            team.delete()
