"""What a move copies, and in which order; tests/worker/test_move.py moves a whole database."""

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from results.db import health, move
from tests.factories import make_worker


def test_every_table_of_ours_is_copied_after_those_it_points_to():
    models = move.copied_models()
    ours = {
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ("teams", "results", "account", "sessions")
        and model._meta.db_table not in move.NOT_COPIED_TABLES
    }
    assert ours <= set(models)
    for position, model in enumerate(models):
        assert not move._targets(model) & set(models[position:])


@pytest.mark.django_db
@pytest.mark.skipif(not settings.IS_EMBEDDED, reason="only SQLite can be moved")
def test_a_wrong_target_and_a_running_dubroom_are_refused_in_one_sentence(monkeypatch):
    with pytest.raises(CommandError, match="must begin with postgres://"):
        call_command("move_to", "mysql://me@db/dub")
    with pytest.raises(CommandError, match="Name the direct address of PostgreSQL, without pgbouncer="):
        call_command("move_to", "postgres://me@127.0.0.1:9/dub?pgbouncer=true")
    make_worker()
    with pytest.raises(CommandError, match="Dubroom is running"):
        call_command("move_to", "postgres://me@127.0.0.1:9/dub")
    monkeypatch.setattr(health, "is_migrated", lambda: False)
    with pytest.raises(CommandError, match=r"is not migrated\. Run python manage\.py migrate first\."):
        call_command("move_to", "postgres://me@127.0.0.1:9/dub")
