"""Waits for other processes, which give a test no event to wait for, and for coroutines."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

# Only a failing test waits this long. On a busy machine a process takes long to start.
DEADLINE_S = 120

T = TypeVar("T")


def until(condition: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """Call the condition until it returns something true, and return that; fail after this time."""
    deadline = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"the condition was not met within {deadline_s} s"
        time.sleep(0.01)
    return value


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine in a thread of its own: in that of the tests, the loop of a browser may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
