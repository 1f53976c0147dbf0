from queue import SimpleQueue
from threading import Event, Thread

import pytest

from results.together import Together

PATIENCE = 60


class Doing:
    """Doubles numbers; the first time only once it may."""

    def __init__(self) -> None:
        self.began, self.may_end = Event(), Event()
        self.served: list[list[int]] = []

    def __call__(self, numbers):
        self.served.append(list(numbers))
        if len(self.served) == 1:
            self.began.set()
            assert self.may_end.wait(PATIENCE)
        if 13 in numbers:
            raise ValueError("not thirteen")
        return [2 * number for number in numbers]


def waiting(together, doing, *numbers):
    """One thread is being served, and then come these; what they get, once the first has ended."""
    got: SimpleQueue[tuple[int, int | str]] = SimpleQueue()

    def want(number):
        try:
            got.put((number, together(number)))
        except ValueError as error:
            got.put((number, str(error)))

    threads = [Thread(target=want, args=[number], daemon=True) for number in (1, *numbers)]
    threads[0].start()
    assert doing.began.wait(PATIENCE)
    for thread in threads[1:]:
        thread.start()
    while len(together._waiting) < len(numbers):
        assert all(thread.is_alive() for thread in threads)
    doing.may_end.set()
    return dict(got.get(timeout=PATIENCE) for _ in threads)


def test_who_comes_alone_is_served_at_once():
    doing = Doing()
    doing.may_end.set()
    together = Together(doing)
    assert [together(1), together(2)] == [2, 4]
    assert doing.served == [[1], [2]]


def test_those_who_come_meanwhile_are_served_together_and_each_gets_its_own():
    doing = Doing()
    assert waiting(Together(doing), doing, 2, 3, 4) == {1: 2, 2: 4, 3: 6, 4: 8}
    assert [sorted(numbers) for numbers in doing.served] == [[1], [2, 3, 4]]


def test_an_error_reaches_all_whom_it_concerns_and_nobody_else():
    doing = Doing()
    together = Together(doing)
    assert waiting(together, doing, 7, 13) == {1: 2, 7: "not thirteen", 13: "not thirteen"}
    assert together(5) == 10
    with pytest.raises(ValueError, match="thirteen"):
        together(13)


def test_what_is_left_is_done_by_whoever_comes_next():
    doing = Doing()
    doing.may_end.set()
    together = Together(doing)
    left = together.leave(1)
    assert doing.served == []
    assert together(2) == 4
    assert together.collect(left) == 2
    assert doing.served == [[1, 2]]


def test_who_collects_what_nobody_has_done_does_it():
    doing = Doing()
    doing.may_end.set()
    together = Together(doing)
    assert together.collect(together.leave(1)) == 2
    assert doing.served == [[1]]
