
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('results', '0023_partly_and_bounces'),
        ('teams', '0009_list_sessions'),
    ]

    operations = [
        migrations.CreateModel(
            name='LargeChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=10)),
                ('at', models.DateTimeField(help_text='When the change was asked for, which its runs are given.')),
                ('by', models.CharField(blank=True, help_text='The name of the person who asked for it.', max_length=254)),
                ('pks', models.JSONField(help_text='The runs, in the order in which they are changed.')),
                ('done', models.PositiveIntegerField(default=0, help_text='How many of them are changed already.')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='teams.team')),
            ],
        ),
    ]
