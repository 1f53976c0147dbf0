"""The numbers of a team's runs, which one statement counts as the query sets do."""

import pytest
from django.utils import timezone

from dashboard.pages.run_list import status_counts
from dashboard.pages.run_query import ARCHIVED
from results.models import Run
from results.runs.request import request_refresh_many
from results.runs.source_suggestions import suggestion_counts
from results.runs.totals import RunTotals, count_runs
from results.runs.trash import remove_runs
from tests.factories import make_key, make_run, make_runs, make_team

pytestmark = pytest.mark.django_db


def test_the_totals_are_those_of_the_teams_own_runs_as_its_query_sets_have_them(enqueued):
    team, other = make_team(), make_team()
    for owner in (team, other):
        make_key(owner)
        make_runs(owner, 2, status="ready", suggestion=1)
        make_runs(owner, 2, status="failed", due_at=None, suggestion=2)
        make_run(owner, archived_at=timezone.now(), suggestion=3)
        remove_runs(owner, [make_run(owner, suggestion=4).pk], by="Ada")
    request_refresh_many(Run.objects.filter(status="ready"), team)
    runs, totals = Run.objects.filter(team=team), count_runs(team.pk)
    assert totals.by_status | {ARCHIVED: totals.archived} == status_counts(runs)
    assert totals[1:] == (1, 2, 4, 2)
    assert (totals.suggested, totals.sources) == suggestion_counts(runs)


def test_a_team_without_runs_has_none():
    assert count_runs(make_team().pk) == RunTotals(dict.fromkeys(Run.Status.values, 0), 0, 0, 0, 0)
