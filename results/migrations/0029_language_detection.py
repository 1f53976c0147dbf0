from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Renames two fields. Their columns keep their names, so no table and no index changes."""

    dependencies = [("results", "0028_plainer_labels")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("dub", "dub_language_unchecked"),
                migrations.RemoveIndex("dub", "dub_checks_outdated"),
                migrations.AlterField(
                    "dub",
                    "is_language_checked",
                    models.BooleanField(
                        db_column="is_language_checked",
                        default=False,
                        db_default=False,
                        help_text="Whether a worker has read which language the newest text is in.",
                    ),
                ),
                migrations.AlterField(
                    "run",
                    "language_checks",
                    models.JSONField(
                        db_column="language_checks",
                        null=True,
                        help_text="Dubs whose text is in another language, each [its tag, the tag read, lines; 0: the whole].",
                    ),
                ),
            ]
        ),
        migrations.RenameField("dub", "is_language_checked", "is_language_detected"),
        migrations.RenameField("run", "language_checks", "language_mismatches"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddIndex(
                    "dub",
                    models.Index(
                        fields=["id"],
                        name="dub_language_unchecked",
                        condition=Q(is_language_detected=False),
                    ),
                ),
                migrations.AddIndex(
                    "dub",
                    models.Index(
                        fields=["id"],
                        name="dub_checks_outdated",
                        condition=Q(has_current_checks=False, is_language_detected=True),
                    ),
                ),
            ]
        ),
    ]
