"""Tests that a worker ends when one of its threads fails as no task may, and of nothing else, such as a message."""

import os
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any
from unittest.mock import Mock

import pytest
from celery.worker.consumer import Consumer

from dashboard.worker import BrokerConsumer, WorkerPool

ROOT = Path(__file__).parents[2]
PATIENCE = 60


@pytest.fixture
def ended(monkeypatch) -> "SimpleQueue[int]":
    codes: SimpleQueue[int] = SimpleQueue()
    monkeypatch.setattr(os, "_exit", codes.put)
    return codes


def fail(error: BaseException):
    raise error


STANDSTILL = """
import ctypes
from threading import Thread
import django
django.setup()
from dashboard import worker
worker.WATCHDOG_SECONDS = 0.5
Thread(target=worker._watch, daemon=True).start()
ctypes.PyDLL(None).sleep(60)  # unlike other functions of C, with the interpreter's lock
"""


def test_a_worker_none_of_whose_threads_gets_on_ends():
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", STANDSTILL], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr.partition(" ")[0]) == (1, "Timeout")


def test_what_celery_itself_cannot_bear_ends_the_worker(ended, caplog):
    pool = WorkerPool(1)
    # As Celery does for a task that ran out of memory, once the task is over.
    pool.on_apply(str, (), callback=lambda _: fail(MemoryError("Process got: 20 MB")))
    assert ended.get(timeout=PATIENCE) == 1
    assert caplog.messages == ["The worker ends, to be started anew: Process got: 20 MB"]
    pool.on_stop()


def test_the_worker_ends_even_if_there_is_no_memory_to_say_so(ended, monkeypatch):
    monkeypatch.setattr("dashboard.worker.logger.critical", lambda *_: fail(MemoryError()))
    pool = WorkerPool(1)
    pool.on_apply(fail, (MemoryError(),))
    assert ended.get(timeout=PATIENCE) == 1
    pool.on_stop()


def test_tasks_that_end_and_those_that_are_given_up_leave_the_worker_alone(ended):
    pool: Any = WorkerPool(1)
    all_wait = Event()

    def stop() -> None:
        all_wait.wait(PATIENCE)
        pool.executor.shutdown(wait=False, cancel_futures=True)

    results = [pool.on_apply(stop, (), callback=lambda _: None) for _ in range(3)]
    all_wait.set()
    pool.on_stop()
    assert [result.f.cancelled() for result in results] == [False, True, True]
    assert ended.empty()


@pytest.mark.parametrize("error", [TypeError("argument of type 'int' is not iterable"), KeyError("task")])
def test_a_malformed_message_is_rejected_and_the_worker_goes_on(monkeypatch, caplog, error):
    monkeypatch.setattr(Consumer, "create_task_handler", lambda self: Mock(side_effect=error))
    message = Mock()
    BrokerConsumer.create_task_handler(BrokerConsumer.__new__(BrokerConsumer))(message)
    message.reject.assert_called_once_with()
    assert "A malformed message is rejected" in caplog.text


def test_a_broker_that_breaks_while_a_message_is_handled_is_connected_to_anew(monkeypatch):
    monkeypatch.setattr(Consumer, "create_task_handler", lambda self: Mock(side_effect=ConnectionError))
    with pytest.raises(ConnectionError):
        BrokerConsumer.create_task_handler(BrokerConsumer.__new__(BrokerConsumer))(Mock())
