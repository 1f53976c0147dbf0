from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0031_words_of_choices"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="lost_leases",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="Leases in a row whose worker died before it had stored an answer.",
            ),
        ),
    ]
