from django.db import migrations, models


class Migration(migrations.Migration):
    """Renames the field. Its column keeps its name, so no table changes."""

    dependencies = [("teams", "0009_list_sessions")]

    operations = [
        migrations.AlterField("user", "has_keys", models.BooleanField(db_column="has_keys", default=True)),
        migrations.RenameField("user", "has_keys", "uses_shortcuts"),
    ]
