"""Turns of the threads of one process at writing to SQLite."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, connections, transaction

from dashboard.embedded.sqlite import base
from results.models import TeamVersion
from tests.factories import make_team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite lets one write at a time"),
]


def test_a_thread_has_the_turn_from_the_start_of_its_transaction_to_the_end():
    with transaction.atomic():
        assert base._turn.locked()
        with transaction.atomic():
            pass
        assert base._turn.locked()
    assert not base._turn.locked()


def test_the_turn_ends_however_the_transaction_does():
    with pytest.raises(ValueError, match="rolled back"), transaction.atomic():
        raise ValueError("rolled back")
    assert not base._turn.locked()
    with transaction.atomic():
        connection.close()
    assert not base._turn.locked()
    with connection.execute_wrapper(_fail), pytest.raises(DatabaseError), transaction.atomic():
        pass
    assert not base._turn.locked()


def _fail(*args):
    raise DatabaseError("database is locked")


def test_threads_that_write_at_once_all_get_their_turn():
    team = make_team()

    def beat(_):
        try:
            for _ in range(20):
                with transaction.atomic():
                    TeamVersion.bump(team.pk)
        finally:
            connections.close_all()

    before = TeamVersion.current(team.pk)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(beat, range(8)))
    assert TeamVersion.current(team.pk) == before + 8 * 20
