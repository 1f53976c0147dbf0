"""Do two people who press Refresh at the same moment have CAMB.AI asked once, and both see what it says?"""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
import requests

from tests.worker.installation import DEADLINE_S, free_port, until

pytestmark = pytest.mark.worker

PRESSES = 50
PASSWORD = "correct horse battery"


class Tab:
    """A tab of somebody's browser."""

    def __init__(self, home: str, cookies: dict[str, str] | None = None) -> None:
        self._home, self._browser = home, requests.Session()
        self._browser.cookies.update(cookies or {})

    def another(self) -> "Tab":
        return Tab(self._home, self._browser.cookies.get_dict())

    def read(self, path: str) -> str:
        return self._browser.get(self._home + path, timeout=DEADLINE_S).text

    def token(self) -> str:
        return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.read("/"))[1]

    def send(self, path: str, **form: str) -> str:
        answer = self._browser.post(self._home + path, form, timeout=DEADLINE_S)
        assert answer.status_code == 200
        return answer.text


def signed_in(home: str, email: str) -> Tab:
    tab = Tab(home)
    tab.send("/accounts/login/", login=email, password=PASSWORD, csrfmiddlewaretoken=tab.token())
    return tab


@pytest.fixture
def people(installation):
    """Two members of the team, signed in at a web server, and one that runs."""
    port = str(free_port())
    installation.manage("collectstatic", "--no-input", "--verbosity=0")
    for email in ("anna@example.org", "ben@example.org"):
        name = (f"--owner={email}", f"--name={email}", "--password-stdin")
        installation.manage("create_team", *name, stdin=PASSWORD)
    installation.execute(
        "INSERT INTO teams_membership (team_id, user_id, role, created_at)"
        " SELECT teams_team.id, teams_user.id, 'member', CURRENT_TIMESTAMP FROM teams_team, teams_user"
        " WHERE slug = 'team' AND email IN ('anna@example.org', 'ben@example.org')"
    )
    home = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{home}/health/", timeout=DEADLINE_S).status_code == 200
        except requests.ConnectionError:
            return False

    with installation.process("web", HOST="127.0.0.1", PORT=port), installation.process("worker"):
        until(answers)
        yield [signed_in(home, "anna@example.org"), signed_in(home, "ben@example.org")]


def test_fifty_presses_of_two_people_at_once_are_one_call_and_both_see_what_it_says(installation, camb, people):
    [pk] = installation.column("SELECT id FROM results_run WHERE camb_run_id = 7")
    all_answered, together = Event(), Barrier(PRESSES)

    def wait(_: object) -> None:
        all_answered.wait(DEADLINE_S)

    def press(number: int) -> str:
        tab = people[number % 2].another()
        token = tab.token()
        together.wait(DEADLINE_S)
        return tab.send(f"/runs/{pk}/refresh/", csrfmiddlewaretoken=token)

    camb.rule = wait

    with ThreadPoolExecutor(PRESSES) as threads:
        said = list(threads.map(press, range(PRESSES)))
        # Once more while CAMB.AI is being asked.
        until(lambda: camb.calls)
        said += threads.map(press, range(PRESSES))
    all_answered.set()
    until(lambda: all("Hello" in person.read(f"/runs/{pk}/") for person in people))
    assert [text for text in said if "CAMB.AI is being asked" not in text] == []
    assert [call.run_ids for call in camb.calls] == [[7]]
    assert installation.column(f"SELECT count(*) FROM results_cue WHERE run_id = {pk}") == [1]
