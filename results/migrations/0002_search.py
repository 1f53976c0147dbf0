"""The search index and the words that the teams' dubs say: tables that each database wants in its own way."""

import django.db.models.deletion
from django.db import migrations, models

TABLES = {
    "sqlite": [
        "CREATE VIRTUAL TABLE results_search USING fts5(words, extras, content='', tokenize=\"ascii tokenchars '_'\")",
        # A table that is all key needs no rows beside it.
        "CREATE TABLE results_word "
        "(team_id bigint NOT NULL REFERENCES teams_team (id) DEFERRABLE INITIALLY DEFERRED, "
        "word varchar(32) NOT NULL, backwards varchar(32) NOT NULL, PRIMARY KEY (team_id, word)) WITHOUT ROWID",
    ],
    "postgresql": [
        # No index by cue_id alone: the planner would walk all teams' lines backwards by it. The run is here, so that
        # looking at runs needs no look at cues.
        "CREATE TABLE results_search "
        "(team_id bigint, cue_id bigint, run_id bigint NOT NULL, terms tsvector NOT NULL, "
        "PRIMARY KEY (team_id, cue_id))",
        # A pending list would be merged by whoever commits next, stalling him for seconds.
        "CREATE INDEX results_search_terms ON results_search USING gin (terms) WITH (fastupdate = off)",
        # Words are looked up by their beginning, for which they are sorted byte by byte, whatever the database's order.
        "CREATE TABLE results_word "
        "(team_id bigint NOT NULL REFERENCES teams_team (id) DEFERRABLE INITIALLY DEFERRED, "
        'word varchar(32) COLLATE "C" NOT NULL, backwards varchar(32) COLLATE "C" NOT NULL, '
        "PRIMARY KEY (team_id, word))",
    ],
}


def create(apps, schema_editor):
    for statement in TABLES[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE results_search")
    schema_editor.execute("DROP TABLE results_word")


class Migration(migrations.Migration):

    dependencies = [("results", "0001_initial"), ("teams", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop)],
            state_operations=[
                migrations.CreateModel(
                    name="Word",
                    fields=[
                        ("pk", models.CompositePrimaryKey("team", "word", blank=True, editable=False, primary_key=True, serialize=False)),
                        ("team", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team")),
                        ("word", models.CharField(max_length=32)),
                        ("backwards", models.CharField(max_length=32)),
                    ],
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="word",
            index=models.Index(fields=["team", "backwards"], name="word_backwards"),
        ),
    ]
