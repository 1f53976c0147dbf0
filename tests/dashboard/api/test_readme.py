"""The script of README.md does what it says, for runs and tasks, new ones and others."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from results.models import Run
from results.runs.archive import archive_runs
from results.runs.trash import remove_runs
from tests.dashboard.api.test_api import TASK, token_of
from tests.factories import make_dub, make_member, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
README = Path(__file__).parents[3] / "README.md"
SCRIPT = README.read_text().partition("```python\n")[2].partition("```")[0]


class Session:
    """Takes the place of the session of requests: asks this process, and calls the hook that the script has set."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.hooks: dict[str, Callable[[requests.Response], object]] = {}

    def get(self, url: str) -> requests.Response:
        return self._answer(Client(headers=self.headers).get(urlsplit(url).path))

    def post(self, url: str, *, json: object) -> requests.Response:
        client = Client(headers=self.headers)
        return self._answer(client.post(urlsplit(url).path, json, content_type="application/json"))

    def _answer(self, got) -> requests.Response:
        answer = requests.Response()
        answer.status_code, vars(answer)["_content"] = got.status_code, got.content
        self.hooks["response"](answer)
        return answer


@pytest.fixture
def run_script(team, monkeypatch):
    type(team).objects.filter(pk=team.pk).update(slug="my-team")
    monkeypatch.setenv("DUBROOM_TOKEN", token_of(make_member(team)))
    monkeypatch.setattr(requests, "Session", Session)

    def run(*ids: str) -> None:
        exec(SCRIPT.replace("[1344, 1345]", str(list(ids))), {})

    return run


def test_the_script_waits_for_its_runs_and_prints_their_lines_alone(team, run_script, monkeypatch, capsys):
    _known, archived, removed = (make_run(team, camb_run_id=number) for number in (2, 3, 4))
    archive_runs(team, [archived.pk])
    remove_runs(team, [removed.pk], by="Ann")
    make_dub(make_run(team, camb_run_id=9), ["Of no one's concern"])
    waits = []

    def answer_all(seconds: float) -> None:
        waits.append(seconds)
        for run in Run.objects.present().exclude(camb_run_id=9):
            make_dub(run, [f"Line of {run.camb_run_id or 'a task'}"])
        Run.objects.update(due_at=None)

    monkeypatch.setattr(time, "sleep", answer_all)
    run_script("1", "2", "3", "4", TASK)
    printed = capsys.readouterr().out
    assert (len(waits), "concern" in printed) == (1, False)
    assert all(f"Line of {each}" in printed for each in (1, 2, 3, 4, "a task"))


def test_the_script_stops_where_nothing_is_added(run_script):
    with pytest.raises(requests.HTTPError, match="422"):
        run_script("nothing")
