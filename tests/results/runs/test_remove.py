"""Removing runs and teams with all their data."""

import pytest

from results import tasks
from results.models import ApiKey, Cue, Run
from results.runs.remove import remove_run, remove_team
from teams.models import Team
from tests.factories import make_dub, make_run, make_team

pytestmark = pytest.mark.django_db


def test_a_removed_run_takes_its_lines_along(team):
    run, other = make_dub(make_run(team), ["one"]).run, make_dub(make_run(team), ["two"])
    remove_run(run)
    remove_run(run)
    assert [cue.text for cue in Cue.objects.all()] == ["two"]
    assert Run.objects.get() == other.run


def test_a_removed_team_is_hidden_at_once_and_a_worker_deletes_its_data(team, enqueued):
    make_dub(make_run(team), ["one"])
    other = make_dub(make_run(make_team()), ["two"])
    owner = team.memberships.get().user
    remove_team(team)
    assert not Run.objects.visible_to(owner).exists()
    assert (ApiKey.objects.count(), enqueued) == (0, [("finish_removals",)])
    tasks.finish_removals()
    tasks.finish_removals()
    assert list(Team.objects.all()) == [other.team]
    assert [cue.text for cue in Cue.objects.all()] == ["two"]
