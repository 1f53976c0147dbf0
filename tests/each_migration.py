"""Migrates step by step through every migration ever released, as an installation of an early release did."""

from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader


class EachMigration(MigrationLoader):
    """Loads the migrations without the squashed ones, by which a new database is created."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection, replace_migrations=False)

    def load_disk(self) -> None:
        super().load_disk()
        self.disk_migrations = {node: one for node, one in self.disk_migrations.items() if not one.replaces}


def each_migration() -> MigrationExecutor:
    executor = MigrationExecutor(connection)
    executor.loader = EachMigration(connection)
    return executor
