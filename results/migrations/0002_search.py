"""The search index: an FTS5 table on SQLite, a table of tsvectors under GIN on PostgreSQL."""

from django.db import migrations

TABLES = {
    "sqlite": [
        "CREATE VIRTUAL TABLE results_search USING fts5(words, extras, content='', tokenize=\"ascii tokenchars '_'\")",
    ],
    "postgresql": [
        "CREATE TABLE results_search (cue_id bigint PRIMARY KEY, team_id bigint NOT NULL, terms tsvector NOT NULL)",
        "CREATE INDEX results_search_newest ON results_search (team_id, cue_id)",
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
