"""Of several processes that prepare the same database at once, one works and the others wait."""

import subprocess
import sys
from threading import Event, Thread

import pytest
from django.conf import settings
from django.db import connection

from results.db.migration_lock import migration_lock
from tests.worker.installation import ROOT, Installation, new_database

DEADLINE_S = 300
# More than the pool of .ci/with-pgbouncer has connections: those that wait must not hold them.
PROCESSES = 8 if settings.IS_DATABASE_POOLED else 3


@pytest.mark.worker
def test_migrations_at_once_of_an_empty_database_all_succeed(tmp_path):
    with new_database(tmp_path) as database:
        env = Installation(tmp_path, database, "http://127.0.0.1:9").env
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        processes = [
            subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        ends = [(process.communicate(timeout=DEADLINE_S)[1], process.returncode) for process in processes]
        assert ends == [("", 0)] * PROCESSES
        assert len(set(database.column("SELECT app || name FROM django_migrations"))) == len(
            database.column("SELECT id FROM django_migrations")
        )


@pytest.mark.django_db(transaction=True)
def test_the_second_waits_until_the_first_is_done_and_the_lock_may_be_taken_within_itself():
    held, release, order = Event(), Event(), []

    def first() -> None:
        with migration_lock(), migration_lock():
            held.set()
            release.wait(DEADLINE_S)
            order.append("first")
        connection.close()

    thread = Thread(target=first)
    thread.start()
    assert held.wait(DEADLINE_S)
    command = [sys.executable, "-c", WAITER, str(connection.settings_dict["NAME"])]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout.readline() == "waiting\n"
    release.set()
    thread.join(DEADLINE_S)
    assert child.communicate(timeout=DEADLINE_S)[0] == "second\n"
    assert (order, child.returncode) == (["first"], 0)


WAITER = """
import os, sys, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from results.db.migration_lock import migration_lock
print("waiting", flush=True)
with migration_lock():
    print("second", flush=True)
"""
