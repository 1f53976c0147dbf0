"""The lock at which the threads of one process queue to write to SQLite."""

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


def test_a_thread_holds_the_write_lock_until_its_outer_transaction_ends():
    with transaction.atomic():
        assert base._write_lock.locked()
        with transaction.atomic():
            pass
        assert base._write_lock.locked()
    assert not base._write_lock.locked()


def test_the_write_lock_is_released_however_the_transaction_ends():
    with pytest.raises(ValueError, match="rolled back"), transaction.atomic():
        raise ValueError("rolled back")
    assert not base._write_lock.locked()
    with transaction.atomic():
        connection.close()
    assert not base._write_lock.locked()
    with connection.execute_wrapper(_fail), pytest.raises(DatabaseError), transaction.atomic():
        pass
    assert not base._write_lock.locked()


def _fail(*args):
    raise DatabaseError("database is locked")


def test_concurrent_writers_all_commit():
    team = make_team()

    def bump_often(_):
        try:
            for _ in range(20):
                with transaction.atomic():
                    TeamVersion.bump(team.pk)
        finally:
            connections.close_all()

    before = TeamVersion.current(team.pk)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bump_often, range(8)))
    assert TeamVersion.current(team.pk) == before + 8 * 20
