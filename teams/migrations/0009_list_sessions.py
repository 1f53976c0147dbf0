from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations
from django.utils import timezone

BATCH = 500


def list_sessions(apps, schema_editor):
    """List the log-ins from before the page Devices there, so that they can be ended too."""
    UserSession = apps.get_model("usersessions", "UserSession")
    users = set(apps.get_model("teams", "User").objects.values_list("pk", flat=True))
    store, rows = SessionStore(), []
    sessions = apps.get_model("sessions", "Session").objects.filter(expire_date__gt=timezone.now())
    for session in sessions.iterator(chunk_size=BATCH):
        pk = str(store.decode(session.session_data).get("_auth_user_id", ""))
        if pk.isdecimal() and int(pk) in users:
            since = session.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE)
            rows.append(
                UserSession(
                    user_id=int(pk), session_key=session.session_key, ip="0.0.0.0", created_at=since, last_seen_at=since
                )
            )
    UserSession.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("teams", "0008_second_step"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunPython(list_sessions, migrations.RunPython.noop)]
