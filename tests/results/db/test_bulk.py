"""Bulk writes store the same rows as the ORM would."""

from datetime import timedelta

import pytest
from django.db import DataError, connection
from django.utils import timezone

from results.db import bulk
from results.models import Language, RawAnswer, Run
from tests.factories import make_run, make_team

pytestmark = pytest.mark.django_db


def answer(run: Run, body: bytes) -> RawAnswer:
    return RawAnswer(run=run, body=body, size=len(body), fetched_at=timezone.now())


def test_rows_are_inserted_and_rows_with_the_same_key_replaced():
    one, two = make_run(), make_run()
    bulk.insert([answer(one, b"\x00old")])
    newest = [answer(one, b"new"), answer(two, b"")]
    bulk.insert(newest, replace=True)
    for row in newest:
        assert RawAnswer.objects.filter(
            **{field.name: getattr(row, field.name) for field in row._meta.fields}
        ).exists()


def test_rows_without_a_key_get_one():
    team = make_team()
    bulk.insert([Run(team=team, camb_run_id=number) for number in (1, 2)])
    assert list(Run.objects.order_by("pk").values_list("camb_run_id", flat=True)) == [1, 2]


def test_an_update_saves_the_named_fields_with_each_rows_values():
    now = timezone.now()
    one, two, three = runs = [make_run(title="Before") for _ in range(3)]
    one.languages, two.languages, three.languages = ["de"], [], []
    one.due_at, two.due_at, three.due_at = None, now, now + timedelta(days=1)
    for run in runs:
        run.title, run.attempts = "After", run.pk
    bulk.update(Run, runs, ["languages", "due_at", "attempts"])
    stored = Run.objects.order_by("pk").values_list("languages", "due_at", "attempts", "title")
    assert list(stored) == [
        (["de"], None, one.pk, "Before"),
        ([], now, two.pk, "Before"),
        ([], now + timedelta(days=1), three.pk, "Before"),
    ]


def test_values_are_inserted_unchanged():
    one, two = make_run(), make_run()
    now = timezone.now()
    bulk.insert_values(RawAnswer, ["run", "size", "body", "fetched_at", "is_cut"], [(one.pk, 1, b"a", now, True)])
    bulk.insert_values(RawAnswer, ["run", "size", "body", "fetched_at", "is_cut"], [(two.pk, 2, b"b", now, False)])
    stored = RawAnswer.objects.order_by("pk").values_list("run", "size", "is_cut")
    assert list(stored) == [(one.pk, 1, True), (two.pk, 2, False)]


@pytest.mark.parametrize("count", [49, 50, 103])
def test_every_row_of_a_large_batch_is_inserted_and_replaced(count):
    team = make_team()
    bulk.insert_values(Language, ["camb_id", "tag"], [(number, f"tag-{number}") for number in range(count)])
    assert list(Language.objects.order_by("pk").values_list("pk", "tag")) == [(n, f"tag-{n}") for n in range(count)]
    bulk.insert([Run(team=team, camb_run_id=number) for number in range(1, count + 1)])
    runs = Run.objects.order_by("pk")
    assert list(runs.values_list("camb_run_id", flat=True)) == list(range(1, count + 1))
    for body in (b"old", b"new"):
        bulk.insert([answer(run, body + bytes([run.camb_run_id])) for run in runs], replace=True)
    stored = RawAnswer.objects.order_by("run").values_list("run__camb_run_id", "body")
    assert [(number, bytes(body)) for number, body in stored] == [
        (number, b"new" + bytes([number])) for number in range(1, count + 1)
    ]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no limits of length")
def test_a_value_that_is_too_long_is_refused_and_not_cut():
    with pytest.raises(DataError, match="too long"):
        bulk.insert_values(Language, ["camb_id", "tag"], [(1, "x" * 36)])


def test_no_rows_cost_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        bulk.insert([])
        bulk.insert_values(Run, ["title"], [])
        bulk.update(Run, [], ["title"])
