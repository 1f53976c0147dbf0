"""Deletes what has ended and would otherwise stay forever: sessions, invitations, and emails kept as files."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from teams.models import Invitation

# People may still ask what became of an invitation or an email.
KEEP_FOR = timedelta(days=30)
_ROWS_PER_CHUNK = 500


def delete_expired() -> None:
    """Delete sessions that have ended, and invitations and mail files that are 30 days past their use."""
    now = timezone.now()
    sessions = apps.get_model("sessions", "Session").objects
    _delete_in_chunks(sessions.filter(expire_date__lt=now))
    # allauth deletes the devices of ended sessions only when their user looks at them. A device of today may belong
    # to a session that is about to be stored.
    devices = apps.get_model("usersessions", "UserSession").objects.filter(created_at__lt=now - timedelta(days=1))
    _delete_in_chunks(devices.filter(~Exists(sessions.filter(pk=OuterRef("session_key")))))
    old = now - KEEP_FOR
    _delete_in_chunks(Invitation.objects.filter(Q(expires_at__lt=old) | Q(accepted_at__lt=old)))
    delete_old_mail()


def _delete_in_chunks(rows: "QuerySet[Any]") -> None:
    """Delete the rows in chunks, so that no transaction holds the database for long."""
    while pks := list(rows.values_list("pk", flat=True)[:_ROWS_PER_CHUNK]):
        rows.model.objects.filter(pk__in=pks).delete()


def delete_old_mail() -> None:
    """Delete this machine's emails that are files, once they are 30 days old."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if folder is None or not Path(folder).is_dir():
        return
    oldest = (timezone.now() - KEEP_FOR).timestamp()
    for file in Path(folder).glob("*.log"):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
