"""Whatever locks several rows locks the team, its runs by pk and then the version, so that nothing deadlocks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from results.models import Run, Source, TeamVersion
from results.runs import source, trash
from tests.factories import make_runs, make_source, make_team

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
