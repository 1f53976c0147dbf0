from threading import Event

import pytest

from results.refresh import ask, claims
from results.refresh.together import Clerk, Together

PATIENCE = 60


@pytest.fixture(autouse=True)
def _no_clerk():
    """Here the clerk is what is tested."""


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


@pytest.fixture
def doing():
    return Doing()


@pytest.fixture
def together(doing):
    return Together(Clerk("test"), doing)


def left_meanwhile(together, doing, *numbers):
    """What is left while the first is being served."""
    first = together.leave(1)
    assert doing.began.wait(PATIENCE)
    left = [together.leave(number) for number in numbers]
    doing.may_end.set()
    assert first.result(PATIENCE) == 2
    return left


def test_who_comes_alone_is_served_at_once(together, doing):
    doing.may_end.set()
    assert [together(1), together(2)] == [2, 4]
    assert doing.served == [[1], [2]]


def test_what_is_left_meanwhile_is_done_together_and_each_gets_its_own(together, doing):
    left = left_meanwhile(together, doing, 2, 3, 4)
    assert [each.result(PATIENCE) for each in left] == [4, 6, 8]
    assert doing.served == [[1], [2, 3, 4]]


def test_an_error_reaches_all_whom_it_concerns_and_nobody_else(together, doing):
    for each in left_meanwhile(together, doing, 7, 13):
        with pytest.raises(ValueError, match="thirteen"):
            each.result(PATIENCE)
    assert together(5) == 10


def test_a_patient_clerk_waits_for_more(doing):
    doing.may_end.set()
    together = Together(Clerk("test", patience=0.5), doing)
    assert [each.result(PATIENCE) for each in [together.leave(1), together.leave(2)]] == [2, 4]
    assert doing.served == [[1, 2]]


def test_a_clerk_serves_all_who_call_one_after_another(doing):
    clerk, doing_more = Clerk("test"), Doing()
    doing_more.may_end.set()
    one, other = Together(clerk, doing), Together(clerk, doing_more)
    first = one.leave(1)
    assert doing.began.wait(PATIENCE)
    left = other.leave(2)
    assert not left.done()
    doing.may_end.set()
    assert (first.result(PATIENCE), left.result(PATIENCE)) == (2, 4)


def test_what_one_team_has_stored_keeps_no_other_team_from_getting_more_to_ask(monkeypatch):
    storing, may_end = Event(), Event()

    def keep(asked) -> None:
        storing.set()
        assert may_end.wait(PATIENCE)

    monkeypatch.setattr(ask, "_keep", keep)
    monkeypatch.setattr(claims, "claim_more", lambda key_id, holders: [])
    one, other = ask._Desk(1), ask._Desk(2)
    stored = one.storing.leave(None)
    assert storing.wait(PATIENCE)
    assert other.claiming.leave(None).result(PATIENCE) is None
    assert not stored.done()
    may_end.set()
    stored.result(PATIENCE)
