"""`move_to`: everything of an SQLite database is in PostgreSQL afterwards, also after an interruption."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from django.conf import settings

from tests.waiting import DEADLINE_S
from tests.worker.installation import FIELD_KEY, ROOT, Database, new_database

pytestmark = [
    pytest.mark.worker,
    pytest.mark.skipif(settings.IS_EMBEDDED, reason="the target is a PostgreSQL server"),
    pytest.mark.skipif(settings.IS_DATABASE_POOLED, reason="a move needs the direct address of PostgreSQL"),
]

FILL = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from datetime import timedelta
from django.contrib.sessions.models import Session
from django.utils import timezone
from results.models import MediaCopy, RawAnswer, SharedStorage
from tests.factories import *
team = make_team("Küche", make_user("anna@example.org", hidden_columns=["length"]))
make_key(team, "a-secret-key")
for number in range(30):
    make_searchable_run(team, "The kettle is on.", "Ça va ☕ 猫", title=f"Run {number}", notes=["ä", {"n": 1}])
archived = make_run(team, archived_at=timezone.now(), camb_run_id=2**62)
MediaCopy.objects.create(team=team, kind="audio", name="1/a", waveform=bytes(range(256)), state="kept")
Session.objects.create(session_key="a" * 32, session_data="x", expire_date=timezone.now() + timedelta(days=1))
make_worker(timezone.now() - timedelta(hours=1))
"""

INTERRUPTED = """
import sys
import django
django.setup()
from results.db import move
move.BATCH = 7
write, done = move._write, []
def interrupted(model, rows):
    if model._meta.db_table == "results_cue" and len(done) == 3:
        sys.exit("interrupted")
    write(model, rows)
    done.extend([1] * (model._meta.db_table == "results_cue"))
move._write = interrupted
from django.core.management import call_command
call_command("move_to", sys.argv[1])
"""


INTERRUPTED_REBUILD = """
import sys
import django
django.setup()
from dashboard.management.commands.move_to import Command
manage = Command._manage
def interrupted(self, url, name, *arguments):
    if name == "rebuild_search":
        import os
        os._exit(3)
    manage(self, url, name, *arguments)
Command._manage = interrupted
from django.core.management import call_command
call_command("move_to", sys.argv[1])
"""


WRITTEN_MEANWHILE = """
import sqlite3, sys
import django
django.setup()
from django.conf import settings
from dashboard.management.commands.move_to import Command
manage = Command._manage
def meanwhile(self, url, name, *arguments):
    manage(self, url, name, *arguments)
    if name == "rebuild_search":
        with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as other:
            other.execute("UPDATE results_cue SET text = 'changed' WHERE id = 1")
Command._manage = meanwhile
from django.core.management import call_command
call_command("move_to", sys.argv[1])
"""


class Mover:
    def __init__(self, folder, target: Database) -> None:
        self.path, self.url = folder / "dubroom.sqlite3", target.url
        self.column, self.execute = target.column, target.execute
        self.env = os.environ | {
            "DUBROOM_DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{self.path}",
            "BROKER_URL": f"folder://{folder}/broker",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "FIELD_KEYS": FIELD_KEY,
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False, timeout=4 * DEADLINE_S
        )

    def move(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return self.run("manage.py", "move_to", self.url, "--json", *options)

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as source:
            source.execute(statement)


@pytest.fixture
def mover(tmp_path):
    with new_database(tmp_path) as target:
        mover = Mover(tmp_path, target)
        filled = mover.run("-c", FILL)
        assert filled.returncode == 0, filled.stderr
        yield mover


def test_an_interrupted_move_goes_on_and_everything_is_there(mover):
    assert mover.run("-c", INTERRUPTED, mover.url).stderr.endswith("interrupted\n")
    assert mover.column("SELECT count(*) FROM results_cue") == [21]
    moved = mover.move()
    assert moved.returncode == 0, moved.stderr
    report = json.loads(moved.stdout)
    assert (report["tables"]["results_cue"]["rows"], report["tables"]["results_run"]["rows"]) == (60, 31)
    assert re.findall(r"results_cue: (\d+) rows", moved.stderr) == ["39"]  # those that were missing
    assert mover.column("SELECT text FROM results_cue ORDER BY id LIMIT 2") == ["The kettle is on.", "Ça va ☕ 猫"]
    assert mover.column("SELECT max(camb_run_id) FROM results_run") == [2**62]
    assert mover.column("SELECT hidden_columns FROM teams_user") == [["length"]]
    assert mover.column("SELECT to_regclass('dubroom_move')::text") == [None]
    # The next row gets a new number, the key opens, and the search finds lines.
    mover.env |= {"DATABASE_URL": mover.url}
    used = mover.run("-c", "import django\ndjango.setup()\n" + USE)
    assert (used.stdout, used.stderr) == ("a-secret-key 30 True\n", "")


@pytest.mark.thorough
def test_a_move_that_is_interrupted_while_the_search_is_built_goes_on(mover):
    assert mover.run("-c", INTERRUPTED_REBUILD, mover.url).returncode == 3
    moved = mover.move()
    assert moved.returncode == 0, moved.stderr
    assert mover.column("SELECT count(*) FROM results_search") == [60]
    assert mover.column("SELECT to_regclass('results_search_terms')::text") == ["results_search_terms"]
    mover.env |= {"DATABASE_URL": mover.url}
    assert mover.run("-c", "import django\ndjango.setup()\n" + USE).stdout == "a-secret-key 30 True\n"


USE = """
from results.models import ApiKey, Run
from results.search.service import iter_hits
from teams.models import Team
team = Team.objects.get()
newest = Run.objects.order_by("-pk").first().pk
run = Run.objects.create(team=team, camb_run_id=10**6)
print(ApiKey.objects.get().secret, sum(1 for _ in iter_hits(team.pk, "猫")), run.pk == newest + 1)
"""


def test_a_change_between_two_attempts_is_found_and_a_restart_mends_it(mover):
    mover.run("-c", INTERRUPTED, mover.url)
    mover.change("UPDATE results_cue SET text = 'changed' WHERE id = 1")
    failed = mover.move()
    assert failed.returncode == 1
    assert "The table results_cue differs: 60 rows here, 60 there." in failed.stderr
    assert mover.move("--restart").returncode == 0
    assert mover.column("SELECT text FROM results_cue WHERE id = 1") == ["changed"]


def test_what_is_written_while_the_search_is_built_is_noticed(mover):
    moved = mover.run("-c", WRITTEN_MEANWHILE, mover.url)
    assert moved.returncode == 1
    assert "Dubroom has changed the SQLite file meanwhile. Stop it, and run" in moved.stderr
    assert mover.move("--restart").returncode == 0
    assert mover.column("SELECT text FROM results_cue WHERE id = 1") == ["changed"]


def test_a_limit_of_time_for_statements_and_a_pool_to_come_do_not_stop_a_move(mover):
    mover.execute(f"ALTER DATABASE {mover.url.rpartition('/')[2]} SET statement_timeout = '1ms'")
    mover.env |= {"DATABASE_POOLED": "True"}
    moved = mover.move()
    assert moved.returncode == 0, moved.stderr
    assert mover.column("SELECT count(*) FROM results_search") == [60]


def test_a_database_in_use_is_refused_and_stays_as_it_is(mover):
    assert mover.move().returncode == 0
    again = mover.move("--restart")
    assert (again.returncode, "The target database holds data already." in again.stderr) == (1, True)
    assert mover.column("SELECT count(*) FROM results_run") == [31]
