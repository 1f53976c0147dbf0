"""Django's `migrate`, of which only one runs at a time on one database: the others wait, and find nothing to do."""

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand

from results.db.migration_lock import migration_lock


class Command(MigrateCommand):
    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command, and before it the checks: on SQLite they fail while another process migrates."""
        with migration_lock():
            return super().execute(*args, **options)
