"""A transaction that another one beat is repeated once, and no other."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError
from psycopg.errors import DeadlockDetected

from results import camb, clock
from results.db.retry import retry_lost_race
from results.models import Run
from results.refresh import merge, save
from results.refresh.call_log import CallLog
from tests.factories import make_run


def failing_first(*errors: Exception) -> Callable[..., tuple[object, ...]]:
    """Return a function that raises these errors one after the other, and then returns its arguments."""
    left = list(errors)

    def act(*args: object) -> tuple[object, ...]:
        if left:
            raise left.pop(0)
        return args

    return act


def deadlock() -> OperationalError:
    error = OperationalError("deadlock detected")
    error.__cause__ = DeadlockDetected()
    return error


def test_a_transaction_that_ended_in_a_deadlock_is_repeated_once():
    assert retry_lost_race(failing_first(deadlock()))(1, 2) == (1, 2)
    with pytest.raises(OperationalError):
        retry_lost_race(failing_first(deadlock(), deadlock()))()


def test_other_errors_are_raised_at_once():
    with pytest.raises(OperationalError):
        retry_lost_race(failing_first(OperationalError("disk full")))()


@pytest.mark.django_db
def test_an_answer_is_stored_although_the_first_try_ends_in_a_deadlock(monkeypatch):
    lease, write, fails = uuid.uuid4(), merge.Merge.write, failing_first(deadlock())
    run = make_run(lease=lease, lease_until=clock.now() + timedelta(minutes=1))

    def write_after_a_deadlock(merging):
        fails()
        write(merging)

    monkeypatch.setattr(merge.Merge, "write", write_after_a_deadlock)
    answer = camb.RunAnswer(run.camb_run_id or 0, (), "Failed", (), b"{}")
    save.save_outcomes([save.Outcome(run.pk, lease, clock.now(), answer)], CallLog(run.team_id))
    assert Run.objects.get(pk=run.pk).checked_at
