"""A backlog is worked off by one thread of a process at a time."""

from threading import Event, Thread

import pytest

from results import tasks
from results.dubs import checks
from results.queue.backlogs import single_instance
from tests.factories import make_dub, make_ready_run, make_team

WAIT_S = 20


class Backlog:
    """A task that goes on until it is released."""

    def __init__(self) -> None:
        self.begun, self.released, self.times = Event(), Event(), 0

    def work_off(self) -> None:
        self.times += 1
        self.begun.set()
        assert self.released.wait(WAIT_S)


def test_what_asks_for_a_running_task_ends_at_once_and_has_it_run_once_more(enqueued):
    backlog = Backlog()
    task = single_instance(backlog.work_off)
    first = Thread(target=task)
    first.start()
    assert backlog.begun.wait(WAIT_S)
    for _ in range(3):
        task()
    assert (backlog.times, enqueued) == (1, [])
    backlog.released.set()
    first.join(WAIT_S)
    assert enqueued == [("work_off",)]
    task()
    assert (backlog.times, enqueued) == (2, [("work_off",)])


def test_a_task_that_fails_can_be_run_again(enqueued):
    def fail() -> None:
        raise ZeroDivisionError

    task = single_instance(fail)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            task()
    assert enqueued == []


@pytest.mark.django_db
def test_a_dub_that_another_worker_has_checked_meanwhile_is_not_checked_again(enqueued, monkeypatch):
    run = make_ready_run(make_team())
    for language in ("en-us", "de-de"):
        make_dub(run, language=language, is_language_detected=True, has_current_checks=False)
    stored = []

    def store(dub):
        stored.append(dub.pk)
        run.dubs.update(has_current_checks=True)  # of the other dubs, as another worker would

    monkeypatch.setattr(checks, "store_checks", store)
    tasks.store_checks()
    assert (run.dubs.count() > 1, len(stored)) == (True, 1)
