from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('results', '0014_review_policy'),
        ('teams', '0004_hidden_columns'),
    ]

    operations = [
        migrations.AddField(
            model_name='mediacopy',
            name='still_bytes',
            field=models.PositiveIntegerField(help_text="Bytes of the still's files; 0: the video gives none; None: no worker has tried yet.", null=True),
        ),
        migrations.AddIndex(
            model_name='mediacopy',
            index=models.Index(condition=models.Q(('kind', 'video'), ('state', 'kept'), ('still_bytes__isnull', True)), fields=['id'], name='copy_without_still'),
        ),
    ]
