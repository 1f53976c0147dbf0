"""Does the health page say the truth, to everybody, without a word too much?"""

import pytest
from django.db import OperationalError, connection
from django.test import Client


@pytest.mark.django_db
def test_a_healthy_server_says_ok():
    response = Client().get("/health/")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "worker": "heard"})


@pytest.mark.django_db
def test_a_silent_database_is_told_without_its_own_words(monkeypatch):
    def refuse():
        raise OperationalError("connection to server at db.internal failed for user dubroom")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = Client().get("/health/")
    assert (response.status_code, response.json()) == (
        503,
        {"status": "unavailable", "reason": "The database does not answer."},
    )
