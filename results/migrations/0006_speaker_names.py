"""Names that people give to speakers, and the source that several runs have in common."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("results", "0005_saved_searches"),
        ("teams", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="cue",
            name="original_speaker",
            field=models.CharField(blank=True, help_text="CAMB.AI's name of the speaker, when people gave another one.", max_length=200),
        ),
        migrations.CreateModel(
            name="SpeakerName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("original", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("settled_to", models.BigIntegerField(help_text="The last of the team's runs whose cues carry it; None: all do.", null=True)),
                ("run", models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="results.run")),
                ("team", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team")),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("settled_to__isnull", False)), fields=["id"], name="name_unsettled")],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "original"), name="one_name_in_a_run"),
                    models.UniqueConstraint(condition=models.Q(("run", None)), fields=("team", "original"), name="one_name_in_a_team"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("team", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team")),
            ],
        ),
        migrations.AddField(
            model_name="run",
            name="source",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="runs", to="results.source"),
        ),
    ]
