"""Saved searches with what they found, and the words that the teams' dubs say."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# Words are looked up by their beginning, for which they have to be sorted byte by byte, whatever the database's
# own order is; on SQLite a table that is all key needs no rows beside it.
WORDS = {
    "sqlite": [
        "CREATE TABLE results_word "
        "(team_id bigint NOT NULL REFERENCES teams_team (id) DEFERRABLE INITIALLY DEFERRED, "
        "word varchar(32) NOT NULL, backwards varchar(32) NOT NULL, PRIMARY KEY (team_id, word)) WITHOUT ROWID",
    ],
    "postgresql": [
        "CREATE TABLE results_word "
        "(team_id bigint NOT NULL REFERENCES teams_team (id) DEFERRABLE INITIALLY DEFERRED, "
        'word varchar(32) COLLATE "C" NOT NULL, backwards varchar(32) COLLATE "C" NOT NULL, '
        "PRIMARY KEY (team_id, word))",
    ],
}


def create_words(apps, schema_editor):
    for statement in WORDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop_words(apps, schema_editor):
    schema_editor.execute("DROP TABLE results_word")


class Migration(migrations.Migration):

    dependencies = [
        ("results", "0004_tasks_and_sweeps"),
        ("teams", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create_words, drop_words)],
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
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("q", models.CharField(max_length=1000, verbose_name="search")),
                ("is_shared", models.BooleanField(default=False, verbose_name="shared with the team")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("owner", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="saved_searches", to=settings.AUTH_USER_MODEL)),
                ("team", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="saved_searches", to="teams.team")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "owner", "q"), name="saved_once")],
            },
        ),
        migrations.AddField(
            model_name="dub",
            name="is_told",
            field=models.BooleanField(default=True, help_text="False: saved searches have yet to be told of its lines."),
        ),
        migrations.AddIndex(
            model_name="dub",
            index=models.Index(condition=models.Q(("is_told", False)), fields=["id"], name="dub_untold"),
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("count", models.PositiveIntegerField(help_text="How many of its lines were hits.")),
                ("is_new", models.BooleanField(default=True, help_text="The search's owner has not seen it yet.")),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("dub", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="results.dub")),
                ("saved_search", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="findings", to="results.savedsearch")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("saved_search", "dub"), name="found_once")],
            },
        ),
    ]
