"""Help texts of fields get plainer English; the database sees no change."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('results', '0004_plain_names'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='is_demo',
            field=models.BooleanField(default=False, help_text="Calls go to the demo's stand-in for CAMB.AI."),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='last_call_at',
            field=models.DateTimeField(help_text='When a call last ended; updated once a minute while calls succeed.', null=True),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='message',
            field=models.TextField(blank=True, help_text='A sentence on what went wrong, and the next step.'),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='rate_used_until',
            field=models.DateTimeField(help_text='Up to when the calls so far use up the rate limit.', null=True),
        ),
        migrations.AlterField(
            model_name='call',
            name='http_status',
            field=models.PositiveSmallIntegerField(help_text='None: no answer was received.', null=True),
        ),
        migrations.AlterField(
            model_name='copypolicy',
            name='synced_at',
            field=models.DateTimeField(help_text='Answers up to this time were searched for media; None: none yet.', null=True),
        ),
        migrations.AlterField(
            model_name='cue',
            name='original_speaker',
            field=models.CharField(blank=True, help_text="CAMB.AI's name of the speaker if people gave another name.", max_length=200),
        ),
        migrations.AlterField(
            model_name='dub',
            name='is_alert_checked',
            field=models.BooleanField(default=True, help_text='False: saved searches have not been matched with its lines yet.'),
        ),
        migrations.AlterField(
            model_name='dub',
            name='language',
            field=models.CharField(blank=True, help_text='A tag such as es-es, an unknown number of CAMB.AI, or empty.', max_length=35),
        ),
        migrations.AlterField(
            model_name='dub',
            name='media_fetched_at',
            field=models.DateTimeField(help_text='When CAMB.AI gave the links, which expire later.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='due_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='None: not fetched automatically.', null=True),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='failures',
            field=models.PositiveIntegerField(default=0, help_text='Failed attempts in a row.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='lease',
            field=models.UUIDField(help_text='The lease of the worker that fetches the copy.', null=True),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='length_ms',
            field=models.PositiveIntegerField(default=0, help_text='The length of the sound, if there is a waveform.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='message',
            field=models.TextField(blank=True, help_text='A sentence on why the copy is not complete yet.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='name',
            field=models.CharField(help_text="The file's name in the storage.", max_length=100, unique=True),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='received_bytes',
            field=models.BigIntegerField(default=0, help_text='Bytes received so far.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='size',
            field=models.BigIntegerField(default=0, help_text='Bytes in total; 0 until the host has named them.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='source',
            field=models.TextField(blank=True, help_text='The media link without its signature.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='state_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='When the copy entered this state.'),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='validator',
            field=models.TextField(blank=True, help_text="The host's validator of this content, such as an ETag, to resume by."),
        ),
        migrations.AlterField(
            model_name='mediacopy',
            name='waveform',
            field=models.BinaryField(default=b'', help_text='The loudness of each part; empty if unknown.'),
        ),
        migrations.AlterField(
            model_name='rawanswer',
            name='size',
            field=models.PositiveIntegerField(help_text='Bytes before compression and before the cut.'),
        ),
        migrations.AlterField(
            model_name='run',
            name='archived_at',
            field=models.DateTimeField(help_text='When the run was archived; None: it is not archived.', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='attempts',
            field=models.PositiveIntegerField(default=0, help_text='Attempts in a row without a final result.'),
        ),
        migrations.AlterField(
            model_name='run',
            name='changed_at',
            field=models.DateTimeField(help_text='When an answer last changed the visible data.', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='checked_at',
            field=models.DateTimeField(help_text='When the newest stored answer was requested.', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='due_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='None: not refreshed automatically.', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='is_indexed',
            field=models.BooleanField(default=True, help_text="Whether the search index has the run's lines; written only by the search."),
        ),
        migrations.AlterField(
            model_name='run',
            name='lease',
            field=models.UUIDField(help_text='The current lease; only its holder may save an answer.', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='notes',
            field=models.JSONField(blank=True, default=list, help_text='Sentences about irregularities in the answer.'),
        ),
        migrations.AlterField(
            model_name='run',
            name='reason',
            field=models.TextField(blank=True, help_text='Why the run failed or was not found, and the next step.'),
        ),
        migrations.AlterField(
            model_name='run',
            name='requested_at',
            field=models.DateTimeField(help_text='When the run was requested with others; None: answered since.', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='version',
            field=models.BigIntegerField(default=0, help_text="The team's version at the last change of this row."),
        ),
        migrations.AlterField(
            model_name='searchalert',
            name='count',
            field=models.PositiveIntegerField(help_text="The number of the dub's lines that were hits."),
        ),
        migrations.AlterField(
            model_name='searchalert',
            name='is_new',
            field=models.BooleanField(default=True, help_text='The owner of the search has not seen the alert yet.'),
        ),
        migrations.AlterField(
            model_name='speakername',
            name='applied_through',
            field=models.BigIntegerField(help_text='The last run of the team whose cues carry the name; None: all do.', null=True),
        ),
        migrations.AlterField(
            model_name='teamversion',
            name='requested',
            field=models.PositiveIntegerField(default=0, help_text='Runs requested since the last time no request was open.'),
        ),
    ]
