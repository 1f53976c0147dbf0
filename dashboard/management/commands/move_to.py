"""Moves Dubroom from SQLite to PostgreSQL: copies every row, verifies it, and rebuilds the search."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, connections, transaction

from dashboard.management.report import ReportCommand
from dashboard.settings.environment import env
from results import clock
from results.db import health, move
from results.models import WorkerHeartbeat
from results.search import postgres


class Command(ReportCommand):
    help = (
        "Copy everything into an empty PostgreSQL database while Dubroom is stopped. After an interruption, run it "
        "again to continue. The SQLite file stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("url", metavar="postgres://user:password@host/name")
        parser.add_argument("--restart", action="store_true", help="start again from the beginning")

    def handle(self, *, url: str, restart: bool, json: bool, **_: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("Dubroom is already on a database server; pg_dump and psql move it to another.")
        if not url.startswith(("postgres://", "postgresql://")):
            raise CommandError("The target must begin with postgres://.")
        if not health.is_migrated():
            raise CommandError("The database is not migrated. Run python manage.py migrate first.")
        if WorkerHeartbeat.objects.alive(clock.now()).exists():
            raise CommandError("Dubroom is running. Stop it first: what it writes meanwhile would be lost.")
        began = monotonic()
        try:
            tables = self._move(url, restart=restart)
        except (move.MoveError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The move was interrupted: {' '.join(str(error).split())}") from error
        rows, seconds = sum(table.rows for table in tables), round(monotonic() - began, 1)
        self.print_result(
            f"{rows:,} rows of {len(tables)} tables are copied and verified in {seconds} s. Set DATABASE_URL, and "
            f"SECRET_KEY and FIELD_KEYS as in {settings.DATA_DIR}/secret.key and field.key, then start Dubroom.",
            as_json=json,
            rows=rows,
            seconds=seconds,
            tables={table.name: {"rows": table.rows, "hash": table.hash} for table in tables},
        )

    def _move(self, url: str, *, restart: bool) -> list[move.Table]:
        move.connect(env.db_url_config(url))
        self._manage(url, "migrate", "--no-input", "--verbosity=0")
        # One transaction on SQLite from the first row to the last check: no other process can write meanwhile.
        with transaction.atomic():
            version = move.source_version()
            move.begin(restart=restart)
            move.copy_all(lambda table, rows: self.stderr.write(f"{table}: {rows:,} rows"))
            tables = move.compare_all()
        with postgres.words_indexed_last(connections[move.TARGET]):
            self._manage(url, "rebuild_search")
        move.check_source(version)
        # Until here, a move that is interrupted goes on.
        move.end()
        return tables

    def _manage(self, url: str, *arguments: str) -> None:
        """Run a management command on the target, with the secrets in use here."""
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
        secrets = {"SECRET_KEY": settings.SECRET_KEY, "FIELD_KEYS": ",".join(settings.FIELD_KEYS)}
        database = {"DATABASE_URL": url, "DATABASE_STATEMENT_SECONDS": "0", "DATABASE_POOLED": "False"}
        target = os.environ | database | secrets
        done = subprocess.run(command, env=target, capture_output=True, text=True, check=False)  # noqa: S603  our own
        if done.returncode:
            raise CommandError(f"The target cannot be prepared: {done.stderr.strip()}")
