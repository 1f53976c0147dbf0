"""Tests that a backup made by the commands of README.md restores everything, and needs the same FIELD_KEYS."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from tests.waiting import until
from tests.worker.installation import PEOPLE, ROOT, Database, Installation, new_database
from tests.worker.tab import open_signed_in_tab

BACKUP = "sqlite3" if settings.IS_EMBEDDED else "pg_dump"

pytestmark = [
    pytest.mark.worker,
    pytest.mark.skipif(not shutil.which(BACKUP), reason=f"needs {BACKUP}"),
    pytest.mark.skipif(settings.IS_DATABASE_POOLED, reason="a dump sets its session, which a pool gives to others"),
]

SECTION = (ROOT / "README.md").read_text().partition("**Backup**")[2].partition("**Health**")[0]
TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table'"
    if settings.IS_EMBEDDED
    else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
)


def do(program: str, folder: Path, database: Database) -> None:
    """Run the command of README.md that begins with this program."""
    [command] = re.findall(rf"(?m)^{program} .*", SECTION)
    env = os.environ | {"DATABASE_URL": database.url}
    subprocess.run(command, shell=True, cwd=folder, env=env, check=True)


def rows(database: Database) -> dict[str, int]:
    return {table: database.column(f'SELECT count(*) FROM "{table}"')[0] for table in database.column(TABLES)}


def test_a_backup_made_during_work_restores_everything_and_needs_the_same_field_keys(tmp_path, template_url, camb):
    data, restored_data = tmp_path / "data", tmp_path / "restored"
    data.mkdir()
    restored_data.mkdir()
    with new_database(data, template_url) as database:
        installation = Installation(data, database, camb.base_url)
        installation.make_due(5)
        with installation.process("worker"):
            installation.enqueue("refresh_due")
            until(lambda: installation.statuses() == ["ready"] * 5)
            do(BACKUP, tmp_path, database)
        before = rows(database)
        assert before["results_cue"] == 5
        if settings.IS_EMBEDDED:
            do("cp", tmp_path, database)
            with new_database(tmp_path / "copy") as copied:
                assert rows(copied) == before

    template = f"sqlite:///{tmp_path}/copy.sqlite3" if settings.IS_EMBEDDED else ""
    with new_database(restored_data, template) as database:
        if not settings.IS_EMBEDDED:
            do("psql", tmp_path, database)
        assert rows(database) == before
        installation = Installation(restored_data, database, camb.base_url)
        installation.make_due(10)
        installation.manage("refresh", "--team=team")
        assert installation.statuses() == ["ready"] * 10

        others = {"FIELD_KEYS": Fernet.generate_key().decode(), "SECRET_KEY": "another-one-and-long-enough"}
        installation.make_due(15)
        with installation.web(**others) as home, installation.process("worker", **others):
            installation.enqueue("refresh_due")
            tab = open_signed_in_tab(home, PEOPLE[0])
            # The message says what happened, why, and what to do.
            why = "The stored key can no longer be decrypted on this server. Paste the key again."
            until(lambda: why in tab.read("/t/team/runs/"))
            assert why in tab.read("/t/team/team/key/")
        assert installation.column("SELECT count(*) FROM results_cue") == [10]
