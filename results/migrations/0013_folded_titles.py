from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('results', '0012_dismissed_checks'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='title_folded',
            field=models.TextField(help_text='The title as it is searched, by results/search/titles.py; None: a worker fills it in.', null=True),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('archived_at', None)), fields=['team', 'archived_at', 'id', 'title_folded', 'camb_run_id'], name='run_titles'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('title_folded', None)), fields=['id'], name='run_unfolded'),
        ),
    ]
