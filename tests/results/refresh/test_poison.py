"""A task whose workers die is left alone after a few deaths, and tried again later."""

import io
import logging
import uuid

import pytest
from django.core.management import call_command

from dashboard.management import checks
from results import clock, tasks
from results.models import ApiKey, TaskAttempt, WorkerHeartbeat
from results.refresh import heartbeat, keys, poison
from results.search import titles

pytestmark = pytest.mark.django_db


class DeathError(BaseException):
    """Stands for the end of the process: nothing is cleaned up after it."""


@pytest.fixture
def attempted(monkeypatch):
    """Attempt a task in a new worker process, which dies of it or not; return whether its work was begun."""

    def attempt(task, *, dies: bool) -> bool:
        begun: list[bool] = []

        def work(*_: object) -> None:
            begun.append(True)
            if dies:
                raise DeathError

        monkeypatch.setattr(heartbeat, "worker_id", None)
        heartbeat.beat()
        monkeypatch.setattr(titles, "fill_search_forms", work)
        monkeypatch.setattr(keys, "_ask_for_proof", work)
        with monkeypatch.context() as patch:
            if dies:  # the next statement of a dead process never comes
                patch.setattr(poison, "_forget", lambda _: None)
            try:
                task()
            except DeathError:
                WorkerHeartbeat.objects.all().delete()
        return bool(begun)

    return attempt


def test_a_background_task_that_kills_workers_is_left_alone_and_tried_again_later(attempted, clock, caplog):
    task = tasks.fill_search_forms
    assert [attempted(task, dies=True) for _ in range(4)] == [True, True, True, False]
    assert not attempted(task, dies=False)  # beat sends it again and again
    [line] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "The task fill_search_forms is left alone for a while: 3 workers" in line.message
    clock(2 * 60)
    assert attempted(task, dies=True)
    clock(2 * 60)
    assert not attempted(task, dies=False)  # the pause has grown
    clock(4 * 60)
    assert attempted(task, dies=False)
    assert not TaskAttempt.objects.exists()


def test_the_operator_is_shown_which_task_is_left_alone(attempted):
    for _ in range(3):
        attempted(tasks.fill_search_forms, dies=True)
    out = io.StringIO()
    call_command("queue", stdout=out)
    assert "fill_search_forms" in out.getvalue()
    found = [result.found for result in checks.check_workers()]
    assert any("3 workers in a row died while they ran the task fill_search_forms" in one for one in found)


def test_a_key_whose_test_kills_workers_says_so_and_its_message_is_gone(camb, team, attempted, enqueued):
    def test() -> None:
        tasks.test_key(team.pk)

    assert [attempted(test, dies=True) for _ in range(3)] == [True] * 3
    assert not attempted(test, dies=True)
    assert ApiKey.objects.get().message == str(keys.FATAL)


def test_a_task_that_fails_or_ends_leaves_nothing_and_one_of_a_live_worker_is_no_death(attempted, monkeypatch):
    attempted(tasks.fill_search_forms, dies=False)
    monkeypatch.setattr(titles, "fill_search_forms", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.fill_search_forms()
    assert not TaskAttempt.objects.exists()
    other = WorkerHeartbeat.objects.create(id=uuid.uuid4(), name="other", seen_at=clock.now())
    for _ in range(5):
        TaskAttempt.objects.create(task="fill_search_forms", worker=other.pk, started_at=clock.now())
    assert attempted(tasks.fill_search_forms, dies=False)
    assert TaskAttempt.objects.count() == 5


def test_a_task_that_runs_out_of_memory_counts_as_a_death(attempted, monkeypatch):
    def take_all() -> None:
        raise MemoryError

    attempted(tasks.fill_search_forms, dies=False)
    monkeypatch.setattr(titles, "fill_search_forms", take_all)
    with pytest.raises(MemoryError):
        tasks.fill_search_forms()
    assert TaskAttempt.objects.count() == 1
