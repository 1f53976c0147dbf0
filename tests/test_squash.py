"""A new database, created by the squashed migrations, is as one that went through every migration."""

import re
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

from tests.worker.installation import ROOT, Database, Installation, new_database

ONE_BY_ONE = """
import django; django.setup()
from tests.each_migration import each_migration
executor = each_migration()
executor.migrate(executor.loader.graph.leaf_nodes())
"""

# The names of these indexes contain the name that their table had when they were created.
NAMED_BY_DJANGO = r'INDEX "?\w+?(_pkey|_key|_uniq|_[0-9a-f]{8}(_\w+)?)"? ON'

POSTGRES = (
    "SELECT table_name, column_name, udt_name, character_maximum_length, is_nullable, is_identity, collation_name,"
    " CASE is_identity WHEN 'NO' THEN column_default END"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'",
)


def definitions(database: Database) -> Any:
    """Return everything that defines the tables, whatever the order of their columns."""
    if settings.IS_EMBEDDED:
        rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        unnamed = (re.sub(NAMED_BY_DJANGO, "INDEX ON", sql) for (sql,) in rows)
        return {tuple(sorted(re.findall(r"\w+|[^\w\s\"]", sql))) for sql in unnamed}
    rows = [row for query in POSTGRES for row in database.execute(query).fetchall()]
    return {tuple(re.sub(NAMED_BY_DJANGO, "INDEX ON", str(value)) for value in row) for row in rows}


@pytest.mark.worker
def test_both_ways_define_the_same_tables(tmp_path):
    with new_database(tmp_path, name="squashed") as squashed, new_database(tmp_path, name="one_by_one") as stepped:
        for database, command in ((squashed, ["manage.py", "migrate", "-v0"]), (stepped, ["-c", ONE_BY_ONE])):
            env = Installation(tmp_path, database, "http://127.0.0.1:9").env | {
                "DJANGO_SETTINGS_MODULE": "dashboard.settings"
            }
            subprocess.run([sys.executable, *command], cwd=ROOT, env=env, check=True)
        assert definitions(squashed) == definitions(stepped)
        applied = "SELECT app || name FROM django_migrations"
        assert {*stepped.column(applied)} < {*squashed.column(applied)}
