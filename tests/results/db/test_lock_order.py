"""Transactions at one moment: they lock the team, its runs by pk and then the version, so none deadlocks."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from results import camb, clock
from results.models import Run, Source, TeamVersion
from results.refresh import save
from results.refresh.call_log import CallLog
from results.runs import source, trash
from results.runs.add import add_runs
from teams.models import Team
from tests.factories import make_run, make_runs, make_source, make_team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time"),
    pytest.mark.usefixtures("enqueued"),
]
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


@contextmanager
def waiting_for(hold: Callable[[], object], action: Callable[[], object]) -> Iterator[None]:
    """Run this block in the transaction of `hold` once the action, in another thread, waits for it."""
    errors = list[Exception]()

    def act() -> None:
        try:
            action()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=act)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            hold()
            thread.start()
            while not cursor.execute(_WAITING).fetchone()[0]:
                assert thread.is_alive(), errors
            yield
    finally:
        thread.join()
    assert errors == []


def lock(run: Run) -> Callable[[], object]:
    return lambda: Run.objects.select_for_update().get(pk=run.pk)


def make_task(team: Team) -> Run:
    """Make a dubbing task that is being asked about."""
    until = clock.now() + timedelta(minutes=1)
    return make_run(team, camb_run_id=None, camb_task_id="task", lease=uuid.uuid4(), lease_until=until)


def save_task(task: Run, run_id: int) -> None:
    """Store the answer that this task has become the run of this id."""
    answer = camb.TaskAnswer("SUCCESS", run_id, "", "")
    assert task.lease
    save.save_outcomes([save.Outcome(task.pk, task.lease, clock.now(), answer)], CallLog(task.team_id))


def test_joining_two_groups_locks_the_runs_of_both_first():
    team = make_team()
    first, second, third, fourth = make_runs(team, 4)
    groups = [[first.pk, second.pk], [third.pk, fourth.pk]]
    with waiting_for(lock(third), lambda: source.join_groups(team, groups)):
        TeamVersion.bump(team.pk)
    assert Source.objects.count() == 2


def test_deleting_a_run_locks_the_runs_of_its_source_first():
    team = make_team()
    removed, left = make_source(team, "fr-fr", "de-de")
    with waiting_for(lock(left), lambda: trash.delete_run(removed)):
        TeamVersion.bump(team.pk)
    assert Run.objects.get().source is None


def test_a_task_that_became_a_known_run_is_locked_with_it_by_pk():
    team = make_team()
    known = make_run(team, title="known")
    task = make_task(team)
    with waiting_for(lock(known), lambda: save_task(task, known.camb_run_id or 0)):
        Run.objects.select_for_update().get(pk=task.pk)
    assert Run.objects.get() == known


def test_a_task_that_becomes_a_run_while_a_person_adds_it_is_joined_with_it():
    team = make_team()
    task = make_task(team)
    with waiting_for(lambda: add_runs(team, [(77, "added")], None), lambda: save_task(task, 77)):
        pass
    assert Run.objects.get().title == "added"


def test_a_run_that_is_added_while_a_task_becomes_it_is_known():
    team = make_team()
    task = make_task(team)
    with waiting_for(lambda: save_task(task, 77), lambda: add_runs(team, [(77, "added"), (78, "")], None)):
        pass
    assert set(Run.objects.values_list("camb_run_id", "title")) == {(77, "added"), (78, "")}
    assert Run.objects.get(camb_run_id=77) == task
