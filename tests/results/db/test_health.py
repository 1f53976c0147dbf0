"""Database health: a failed write is logged in one line and reported until writes succeed again."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from results.db import health
from results.models import Run
from tests.factories import LINE, make_run, ready


@contextmanager
def no_room() -> Iterator[None]:
    """Make the database refuse writes, as on a full disk, and answer reads."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("VACUUM")  # rows that earlier tests removed would leave room
            cursor.execute("PRAGMA max_page_count")
            [most] = cursor.fetchone()
            cursor.execute("PRAGMA max_page_count = 1")  # SQLite keeps the present size when that is more
            yield
            cursor.execute(f"PRAGMA max_page_count = {most}")
        else:
            # Without a full disk, a trigger can raise the error code of one.
            cursor.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
                "CREATE TRIGGER refuse BEFORE INSERT ON django_session EXECUTE FUNCTION refuse();"
                "CREATE TRIGGER refuse BEFORE INSERT ON results_cue EXECUTE FUNCTION refuse()"
            )
            yield
            cursor.execute("DROP FUNCTION refuse CASCADE")


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_reported_until_there_is_room_again(camb, team, sweep, caplog):
    make_run(team, camb_run_id=1)
    camb.runs[1] = ready(transcript=[LINE | {"text": f"Line {number} " + "x" * 400} for number in range(3000)])
    with no_room():
        assert Client().get("/health/").status_code == 200
        sweep()
        assert Run.objects.get().status == "new"
        for _ in range(2):
            response = Client().get("/health/")
            assert (response.status_code, response.json()["reason"]) == (
                503,
                "The database takes no changes: its disk may be full or read-only.",
            )
    errors = [
        record for record in caplog.records if record.name.startswith("results") and record.levelno >= logging.ERROR
    ]
    assert [(record.message.partition(":")[0], record.exc_info) for record in errors] == [
        ("A database query failed", None)
    ]
    assert Client().get("/health/").status_code == 200
    Run.objects.update(due_at=timezone.now())
    sweep()
    assert Run.objects.get().status == "ready"


@pytest.mark.django_db(transaction=True)
def test_a_healthy_database_gets_no_probe_writes(django_assert_num_queries):
    Client().get("/health/")
    with django_assert_num_queries(4):
        Client().get("/health/")
    health.record_failure(OperationalError("disk full"))
    assert Client().get("/health/").status_code == 200
    with django_assert_num_queries(4):
        Client().get("/health/")
    assert not Session.objects.exists()


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the disk of a database server cannot be checked")
def test_a_full_disk_is_reported_before_any_write_fails(monkeypatch):
    monkeypatch.setattr(health, "FREE_BYTES_NEEDED", 2**60)
    assert Client().get("/health/").status_code == 503


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the disk of a database server cannot be checked")
def test_a_disk_that_has_become_read_only_is_reported(monkeypatch):
    monkeypatch.setattr(health, "TemporaryFile", Mock(side_effect=OSError(errno.EROFS, "Read-only file system")))
    response = Client().get("/health/")
    assert (response.status_code, response.json()["reason"]) == (
        503,
        "The database takes no changes: its disk may be full or read-only.",
    )
