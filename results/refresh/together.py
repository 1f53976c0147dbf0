"""How is what many threads want at the same moment done once for all, while they go on?"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from time import sleep
from typing import Any, Generic, TypeVar

from django.db import close_old_connections

Want = TypeVar("Want")
Got = TypeVar("Got")


class Clerk:
    """A thread of this process that does what others leave with it, after so many seconds in which more may come.

    There is no thread before something is left.
    """

    def __init__(self, name: str, patience: float = 0) -> None:
        self._patience = patience
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._door = Lock()
        self._called: list[Together[Any, Any]] = []

    def call(self, to: "Together[Any, Any]") -> None:
        """Have it served soon."""
        with self._door:
            if not self._called:
                self._thread.submit(self._go_round)
            self._called.append(to)

    def _go_round(self) -> None:
        sleep(self._patience)
        with self._door:
            called, self._called = self._called, []
        try:
            close_old_connections()  # one that broke since, or is old
        finally:
            for each in dict.fromkeys(called):
                each.serve()


class Together(Generic[Want, Got]):
    """Has a clerk do for all who wait at once what costs hardly more for many than for one, such as a transaction.

    `do` gets what they want, and gives as much back in the same order; what it raises, all of them get.
    """

    def __init__(self, clerk: Clerk, do: Callable[[Sequence[Want]], Sequence[Got]]) -> None:
        self._clerk, self._do = clerk, do
        self._door = Lock()
        self._waiting: list[tuple[Want, Future[Got]]] = []

    def __call__(self, want: Want) -> Got:
        return self.leave(want).result()

    def leave(self, want: Want) -> Future[Got]:
        """Have it done soon; the future says what came of it."""
        left: Future[Got] = Future()
        with self._door:
            self._waiting.append((want, left))
        self._clerk.call(self)
        return left

    def serve(self) -> None:
        """Do what was left, on the clerk's thread."""
        with self._door:
            served, self._waiting = self._waiting, []
        try:
            given = self._do([want for want, _ in served])
        except BaseException as error:
            for _, left in served:
                left.set_exception(error)
        else:
            for (_, left), got in zip(served, given, strict=True):
                left.set_result(got)
