from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0027_channel_time_zone"),
    ]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ready", "Ready"),
                    ("partly", "Partly ready"),
                    ("failed", "Failed"),
                    ("not_found", "Not found"),
                    ("changed", "Changed after it was ready"),
                    ("found", "New result for a saved search"),
                    ("key", "Key refused, out of credit, or working again"),
                    ("away", "CAMB.AI unavailable or back"),
                    ("copies", "Copies of media cannot be kept"),
                    ("channel", "Channel switched off"),
                    ("weekly", "Weekly summary"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="inboxitem",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ready", "Ready"),
                    ("partly", "Partly ready"),
                    ("failed", "Failed"),
                    ("not_found", "Not found"),
                    ("changed", "Changed after it was ready"),
                    ("found", "New result for a saved search"),
                    ("key", "Key refused, out of credit, or working again"),
                    ("away", "CAMB.AI unavailable or back"),
                    ("copies", "Copies of media cannot be kept"),
                    ("channel", "Channel switched off"),
                    ("weekly", "Weekly summary"),
                ],
                max_length=10,
            ),
        ),
    ]
