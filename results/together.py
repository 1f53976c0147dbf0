"""How do threads that want the same thing at the same moment have it done once for all?"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Want = TypeVar("Want")
Got = TypeVar("Got")


class Together(Generic[Want, Got]):
    """Does for all who wait at once what costs hardly more for many than for one, such as a transaction.

    Whoever comes first has it done at once. Those who come meanwhile wait, and the first of them then does it for
    all of them: the more there is to do, the less each costs. `do` gets what they want, and gives as much back in
    the same order; what it raises, all of them get.
    """

    def __init__(self, do: Callable[[Sequence[Want]], Sequence[Got]]) -> None:
        self._do = do
        self._turn, self._door = Lock(), Lock()
        self._waiting: list[tuple[Want, Future[Got]]] = []

    def __call__(self, want: Want) -> Got:
        return self.collect(self.leave(want))

    @property
    def is_busy(self) -> bool:
        return self._turn.locked()

    def leave(self, want: Want) -> Future[Got]:
        """Leave it with the others, to be done by whoever comes next, or at last by oneself in `collect`."""
        left: Future[Got] = Future()
        with self._door:
            self._waiting.append((want, left))
        return left

    def collect(self, left: Future[Got]) -> Got:
        """What came of it; done now, with all that others have left, unless somebody has done it."""
        with self._turn:
            if not left.done():
                self._serve()
        return left.result()

    def _serve(self) -> None:
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
