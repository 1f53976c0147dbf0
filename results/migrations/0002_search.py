"""The search index: an FTS5 table on SQLite, a table of tsvectors under GIN on PostgreSQL."""

from django.db import migrations

TABLES = {
    "sqlite": [
        "CREATE VIRTUAL TABLE results_search USING fts5(words, extras, content='', tokenize=\"ascii tokenchars '_'\")",
    ],
    "postgresql": [
        # No index by cue_id alone: the planner would walk all teams' lines backwards by it.
        "CREATE TABLE results_search "
        "(team_id bigint, cue_id bigint, terms tsvector NOT NULL, PRIMARY KEY (team_id, cue_id))",
        # A pending list would be merged by whoever commits next, stalling him for seconds.
        "CREATE INDEX results_search_terms ON results_search USING gin (terms) WITH (fastupdate = off)",
    ],
}


def create(apps, schema_editor):
    for statement in TABLES[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE results_search")


class Migration(migrations.Migration):

    dependencies = [("results", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
