from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0029_language_detection"),
    ]

    operations = [
        migrations.AddField(
            model_name="mediacopy",
            name="leased_by",
            field=models.UUIDField(help_text="The worker whose heartbeat keeps the lease.", null=True),
        ),
    ]
