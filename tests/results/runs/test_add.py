"""Adding runs to a team."""

import pytest

from results.models import Run, TeamVersion
from results.runs.add import add_pasted, add_runs
from results.runs.paste.pasted_ids import parse
from tests.factories import make_dub, make_run

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
    with django_assert_max_num_queries(450):
        assert add_runs(team, pairs, None).new == 10_000
    assert add_runs(team, pairs, None).new == 0


TASK = "b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f"


def given(team) -> dict[int | str, str]:
    return {run.camb_run_id or run.camb_task_id: run.given_language for run in team.runs.all()}


def test_new_runs_and_tasks_get_the_languages_of_their_lines(team, enqueued):
    add_pasted(team, parse(f"run_id,language\n11,es\n12,\n{TASK},Deutsch"), None)
    assert given(team) == {11: "es", 12: "", TASK: "de"}
    assert not team.runs.filter(is_language_of_person=True).exists()


def test_a_known_run_gets_a_language_only_if_it_has_none(team, enqueued):
    without, listed, persons, unset = (
        make_run(team),
        make_run(team, given_language="fr"),
        make_run(team, given_language="it", is_language_of_person=True),
        make_run(team, is_language_of_person=True),
    )
    make_dub(without, ["Hola"], language="")
    runs = (without, listed, persons, unset)
    add_pasted(team, parse("run_id,language\n" + "\n".join(f"{run.camb_run_id},es" for run in runs)), None)
    for run in runs:
        run.refresh_from_db()
    assert [run.given_language for run in runs] == ["es", "fr", "it", ""]
    assert without.version > listed.version == persons.version
    assert without.dubs.get().is_language_detected is False
    assert ("detect_languages",) in enqueued
