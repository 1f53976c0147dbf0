from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0026_plain_labels"),
    ]

    operations = [
        migrations.AddField(
            model_name="receiver",
            name="time_zone",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="A channel's own; a person has one for all.",
                max_length=64,
            ),
        ),
    ]
