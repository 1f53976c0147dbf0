from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0030_workers_of_copies"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="state",
            field=models.CharField(
                choices=[
                    ("untried", "Not tested yet"),
                    ("working", "Working"),
                    ("refused", "Refused"),
                    ("unpaid", "Out of credit"),
                    ("unavailable", "CAMB.AI does not answer"),
                ],
                default="untried",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="call",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("answered", "Answered"),
                    ("unavailable", "CAMB.AI failed"),
                    ("refused", "Refused"),
                    ("malformed", "Unreadable answer"),
                ],
                max_length=12,
            ),
        ),
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
                    ("found", "New dub for a saved search"),
                    ("key", "Key refused, out of credit, or working again"),
                    ("away", "CAMB.AI stops answering, or answers again"),
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
                    ("found", "New dub for a saved search"),
                    ("key", "Key refused, out of credit, or working again"),
                    ("away", "CAMB.AI stops answering, or answers again"),
                    ("copies", "Copies of media cannot be kept"),
                    ("channel", "Channel switched off"),
                    ("weekly", "Weekly summary"),
                ],
                max_length=10,
            ),
        ),
    ]
