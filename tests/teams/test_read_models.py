"""Instances that are read by plain SQL are those that the ORM gives."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Model

from results.models import Dub, MediaCopy, Run
from teams.models import User
from teams.read_models import read_models
from tests.factories import make_dub, make_ready_run, make_team, make_user

pytestmark = pytest.mark.django_db


def plain(instance: Model) -> dict[str, Any]:
    values = {name: value for name, value in vars(instance).items() if name != "_state"}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in values.items()}


@pytest.fixture
def stored() -> list[Model]:
    """One instance of each model that is read so, with a value in every kind of field."""
    team, at = make_team(), datetime(2026, 5, 31, 12, 30, 15, 123456, tzinfo=UTC)
    run = make_ready_run(team, notes=["One"], requested_at=at, lease=uuid4(), guessed_languages=["de-de"])
    dub = make_dub(run, ["Hello"], "de-de", foreign_lines=[[1, 1, "en"]])
    copy = MediaCopy.objects.create(
        team=team, dub=dub, kind="audio", name="a.m4a", waveform=b"\0\1\xff", lease_until=at
    )
    return [make_user(hidden_columns=["id"], last_login=at), run, dub, copy]


def test_every_field_has_the_value_that_the_orm_gives(stored):
    for one in stored:
        [found] = read_models(type(one), "where id = %s", [one.pk])
        expected = type(one)._base_manager.get(pk=one.pk)
        assert plain(found) == plain(expected)
        assert (found, found._state.db, found._state.adding) == (expected, "default", False)
        assert not found.get_deferred_fields()


def test_rows_come_in_the_order_that_is_asked_for(stored):
    run = Run.objects.get()
    others = [make_dub(run, ["Un"], tag).pk for tag in ("fr-fr", "es-es")]
    found = read_models(Dub, "where run_id = %s order by id desc", [run.pk])
    assert [dub.pk for dub in found][:2] == others[::-1]
    assert read_models(Dub, "where run_id = %s", [0]) == []


def test_a_user_by_id_costs_one_query_and_one_that_is_gone_does_not_exist(stored, django_assert_num_queries):
    user = User.objects.get(email=stored[0].email)
    with django_assert_num_queries(1):
        assert plain(User.objects.get(pk=user.pk)) == plain(user)
    with pytest.raises(User.DoesNotExist):
        User.objects.get(pk=0)
