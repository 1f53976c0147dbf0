"""Adding runs to a team."""

import pytest

from results.models import Run, TeamVersion
from results.runs.add import add_runs

pytestmark = pytest.mark.django_db


def test_adding_runs_returns_the_new_and_the_known_and_enqueues_a_refresh(team, enqueued):
    first = add_runs(team, [(11, "Eleven"), (12, "")], team.memberships.get().user)
    second = add_runs(team, [(12, "Twelve"), (13, "")], None)
    assert (first.new, first.known, second.new, second.known) == (2, [], 1, [12])
    assert list(Run.objects.order_by("camb_run_id").values_list("camb_run_id", "title")) == [
        (11, "Eleven"),
        (12, "Twelve"),
        (13, ""),
    ]
    assert enqueued == [("refresh_due",), ("refresh_due",)]
    assert TeamVersion.current(team.pk) == 2


def test_ten_thousand_runs_are_added_at_once(team, enqueued, django_assert_max_num_queries):
    pairs = [(number, "") for number in range(1, 10_001)]
    with django_assert_max_num_queries(400):
        assert add_runs(team, pairs, None).new == 10_000
    assert add_runs(team, pairs, None).new == 0
