"""Tests that concurrent presses of Refresh cause a single call, whose result every user sees."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from tests.waiting import DEADLINE_S, until
from tests.worker.installation import PEOPLE
from tests.worker.tab import open_signed_in_tab

pytestmark = pytest.mark.worker

PRESSES = 50


@pytest.fixture
def people(installation):
    """Two members of the team, signed in at a web server, and a worker."""
    with installation.web() as home, installation.process("worker"):
        yield [open_signed_in_tab(home, email) for email in PEOPLE]


def test_fifty_concurrent_presses_of_two_users_cause_one_call_and_both_see_its_result(installation, camb, people):
    [pk] = installation.column("SELECT id FROM results_run WHERE camb_run_id = 7")
    all_answered, barrier = Event(), Barrier(PRESSES)

    def wait(_: object) -> None:
        all_answered.wait(DEADLINE_S)

    def press(number: int) -> str:
        tab = people[number % 2].another()
        token = tab.token()
        barrier.wait(DEADLINE_S)
        answer = tab.post(f"/runs/{pk}/refresh/", token)
        assert answer.status_code == 200
        return answer.text

    camb.rule = wait

    with ThreadPoolExecutor(PRESSES) as threads:
        pages = list(threads.map(press, range(PRESSES)))
        # Press again during the call.
        until(lambda: camb.calls)
        pages += threads.map(press, range(PRESSES))
    all_answered.set()
    until(lambda: all("Hello" in person.read(f"/runs/{pk}/") for person in people))
    assert [text for text in pages if "checking now" not in text] == []
    assert [call.run_ids for call in camb.calls] == [[7]]
    assert installation.column(f"SELECT count(*) FROM results_cue WHERE run_id = {pk}") == [1]
