"""Waits for other processes, which give a test no event to wait for."""

import time
from collections.abc import Callable
from typing import TypeVar

# Only a failing test waits this long. On a busy machine a process takes long to start.
DEADLINE_S = 120

T = TypeVar("T")


def until(condition: Callable[[], T]) -> T:
    """Call the condition until it returns something true, and return that; fail after DEADLINE_S."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"the condition was not met within {DEADLINE_S} s"
        time.sleep(0.01)
    return value
