from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0033_analyzer_4"),
    ]

    operations = [
        migrations.CreateModel(
            name="TaskAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("task", models.CharField(max_length=100)),
                ("worker", models.UUIDField()),
                ("started_at", models.DateTimeField()),
            ],
        ),
    ]
