"""Ended sessions, old invitations and old mail files go; what may still be used stays."""

import os
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from results.db import expired
from teams.models import Invitation
from tests.factories import make_invitation, make_team, make_user

pytestmark = pytest.mark.django_db


def days_from_now(days: float):
    return timezone.now() + timedelta(days=days)


def test_only_ended_sessions_are_deleted(monkeypatch):
    monkeypatch.setattr(expired, "_ROWS_PER_CHUNK", 2)
    for number in range(5):
        Session.objects.create(session_key=f"ended{number}", session_data="x", expire_date=days_from_now(-0.1))
    Session.objects.create(session_key="open", session_data="x", expire_date=days_from_now(1))
    expired.delete_expired()
    assert [session.pk for session in Session.objects.all()] == ["open"]


def test_the_device_of_an_ended_session_is_deleted():
    user = make_user()
    for key, is_open, days in (("open", True, -40), ("ended", False, -40), ("beginning", False, 0)):
        device = UserSession.objects.create(user=user, session_key=key, ip="127.0.0.1", user_agent="x")
        UserSession.objects.filter(pk=device.pk).update(created_at=days_from_now(days))
        if is_open:
            Session.objects.create(session_key=key, session_data="x", expire_date=days_from_now(1))
    expired.delete_expired()
    assert set(UserSession.objects.values_list("session_key", flat=True)) == {"open", "beginning"}


def test_invitations_are_deleted_a_month_after_their_end(settings):
    team = make_team()
    ended, used, fresh = (make_invitation(team, f"{name}@example.org")[0] for name in ("a", "b", "c"))
    Invitation.objects.filter(pk=ended.pk).update(expires_at=days_from_now(-31))
    Invitation.objects.filter(pk=used.pk).update(accepted_at=days_from_now(-29))
    expired.delete_expired()
    assert set(Invitation.objects.all()) == {used, fresh}
    Invitation.objects.filter(pk=used.pk).update(accepted_at=days_from_now(-31))
    expired.delete_expired()
    assert list(Invitation.objects.all()) == [fresh]


def test_mail_files_are_deleted_after_a_month(settings, tmp_path):
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    expired.delete_expired()  # before the first email there is no folder
    settings.EMAIL_FILE_PATH.mkdir()
    for name, days in (("old.log", 31), ("young.log", 29), ("kept.txt", 99)):
        file = settings.EMAIL_FILE_PATH / name
        file.write_text("x")
        at = days_from_now(-days).timestamp()
        os.utime(file, (at, at))
    expired.delete_expired()
    assert sorted(file.name for file in settings.EMAIL_FILE_PATH.iterdir()) == ["kept.txt", "young.log"]
