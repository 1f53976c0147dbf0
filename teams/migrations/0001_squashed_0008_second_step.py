"""What a new database gets instead of the first eight migrations; `tests/test_squash.py` compares the two."""

from importlib import import_module

import django.db.models.deletion
import django.utils.timezone
import teams.models
from django.conf import settings
from django.db import migrations, models


audit = import_module("teams.migrations.0007_audit")


class Migration(migrations.Migration):

    replaces = [('teams', '0001_initial'), ('teams', '0002_access_tokens'), ('teams', '0003_user_time_zone'), ('teams', '0004_hidden_columns'), ('teams', '0005_roles'), ('teams', '0006_trash'), ('teams', '0007_audit'), ('teams', '0008_second_step')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('slug', models.SlugField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('only_owners_remove', models.BooleanField(db_default=False, default=False, help_text='Whether removing runs is left to the owners.')),
                ('removed_at', models.DateTimeField(help_text='When the team was removed; None: it is in use. It can be restored for a while.', null=True)),
                ('removed_by', models.CharField(blank=True, db_default='', default='', max_length=254)),
                ('requires_second_step', models.BooleanField(db_default=False, default=False)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('name', models.CharField(blank=True, max_length=150, verbose_name='name')),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('speed', models.CharField(choices=[('0.5', '0.5×'), ('0.75', '0.75×'), ('1', '1×'), ('1.25', '1.25×'), ('1.5', '1.5×'), ('1.75', '1.75×'), ('2', '2×')], default='1', max_length=4)),
                ('has_captions', models.BooleanField(default=True)),
                ('has_keys', models.BooleanField(default=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                ('time_zone', models.CharField(blank=True, db_default='', default='', help_text='Empty until a browser has named one.', max_length=64)),
                ('hidden_columns', models.JSONField(help_text='The columns of the list of runs that the person does not want to see.', null=True)),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('manager', 'Manager'), ('member', 'Member'), ('viewer', 'Viewer')], max_length=10, verbose_name='role')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='teams.team')),
                ('may_export', models.BooleanField(db_default=True, default=True, help_text='Whether the person may take transcripts and media out; owners always may.')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('team', 'user'), name='one_membership_a_person')],
            },
        ),
        migrations.CreateModel(
            name='AccessToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('can_write', models.BooleanField(default=False)),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('last_four', models.CharField(max_length=4)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(help_text='None: never.', null=True)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='teams.membership')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('membership', 'name'), name='one_token_a_name')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('manager', 'Manager'), ('member', 'Member'), ('viewer', 'Viewer')], max_length=10, verbose_name='role')),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(default=teams.models._invitation_end)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='teams.team')),
                ('may_export', models.BooleanField(db_default=True, default=True)),
            ],
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('kind', models.CharField(choices=[('logged-in', 'Logged in'), ('login-failed', 'Log-in failed'), ('key-changed', 'Key changed'), ('key-tested', 'Key tested'), ('key-removed', 'Key removed'), ('invited', 'Person invited'), ('invitation-revoked', 'Invitation revoked'), ('joined', 'Joined the team'), ('left', 'Left the team'), ('member-changed', 'Role or export changed'), ('member-removed', 'Person removed'), ('token-created', 'Access token created'), ('token-revoked', 'Access token revoked'), ('runs-added', 'Runs added'), ('runs-edited', 'Runs edited'), ('runs-archived', 'Runs archived'), ('runs-unarchived', 'Runs restored from the archive'), ('runs-removed', 'Runs removed'), ('runs-restored', 'Runs restored from the trash'), ('runs-deleted', 'Runs deleted'), ('exported', 'Exported'), ('media-downloaded', 'Media downloaded'), ('settings-changed', 'Settings changed'), ('team-removed', 'Team removed'), ('team-restored', 'Team restored')], max_length=20)),
                ('person', models.CharField(blank=True, help_text='The name and email address.', max_length=410)),
                ('way', models.CharField(choices=[('web', 'Web'), ('token', 'Access token'), ('server', 'On the server')], max_length=6)),
                ('token', models.CharField(blank=True, help_text="The access token's name and its last four characters.", max_length=110)),
                ('address', models.GenericIPAddressField(help_text='None: it happened on the server, or is unknown.', null=True)),
                ('detail', models.CharField(blank=True, help_text='What it was done to.', max_length=500)),
                ('count', models.PositiveIntegerField(default=1, help_text='How many runs or dubs it was done to at once.')),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='audit_entries', to='teams.team')),
            ],
            options={
                'indexes': [models.Index(fields=['team', 'id'], name='audit_newest'), models.Index(fields=['team', 'kind', 'id'], name='audit_by_kind'), models.Index(fields=['at'], name='audit_by_age')],
            },
        ),
        migrations.RunPython(audit.refuse_updates, audit.allow_updates),
    ]
