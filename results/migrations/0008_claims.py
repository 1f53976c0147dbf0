"""Indexes by which a team's due and leased runs are found, however many other teams have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("results", "0007_copies")]

    operations = [
        migrations.RemoveIndex(model_name="run", name="run_due"),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["team", "due_at"], name="run_due"
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("lease_until__isnull", False)), fields=["team", "lease_until"], name="run_leased"
            ),
        ),
    ]
