"""The code of the release before works on the tables of this one: machines are upgraded one after the other."""

import io
import re
import subprocess
import tarfile

import pytest
import requests

from tests.waiting import DEADLINE_S, until
from tests.worker import installation as installations
from tests.worker.installation import PASSWORD, PEOPLE, ROOT

pytestmark = pytest.mark.worker

# The last commit of the release before, 0.1. A release sets this to the last commit of its forerunner.
PREVIOUS = "0300666a361d9bbadbe5ef8cd46f79cf6d02c7f3"


@pytest.fixture
def previous(installation, tmp_path, monkeypatch):
    """The installation, migrated by this release, whose processes run the code of the release before."""
    command = ["git", "-c", "safe.directory=*", "archive", PREVIOUS]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"this checkout has no commit {PREVIOUS[:7]}, the release before")
    code = tmp_path / "previous"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(code, filter="data")
    monkeypatch.setattr(installations, "ROOT", code)
    installation.env |= {"STATIC_ROOT": str(tmp_path / "static")}
    installation.manage("collectstatic", "--no-input", "--verbosity=0")
    return installation


def test_the_release_before_serves_checks_adds_and_removes_on_the_new_tables(previous, tmp_path):
    log = tmp_path / "log"
    previous.make_due(12)
    # Copies are noted, and none is fetched, as there is no room for any.
    previous.execute(
        "INSERT INTO results_copypolicy (team_id, is_enabled, quota_bytes) "
        "SELECT id, true, 0 FROM teams_team WHERE slug = 'team'"
    )
    with previous.process("worker", log), previous.process("beat", log), previous.web(log) as home:
        until(lambda: previous.statuses() == ["ready"] * 12)
        assert requests.get(f"{home}/health/", timeout=DEADLINE_S).json()["status"] == "ok"
        browser = requests.Session()
        login = browser.get(f"{home}/accounts/login/", timeout=DEADLINE_S)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', login.text)[1]
        form = {"login": PEOPLE[0], "password": PASSWORD, "csrfmiddlewaretoken": token}
        listed = browser.post(login.url, form, headers={"Referer": login.url}, timeout=DEADLINE_S)
        assert (listed.status_code, listed.url) == (200, f"{home}/t/team/runs/")
        found = browser.get(f"{home}/t/team/search/?q=hello", timeout=DEADLINE_S)
        assert (found.status_code, "Hello" in found.text) == (200, True)
        # It writes to a table that has a new column.
        until(lambda: previous.column("SELECT count(*) FROM results_mediacopy") == [12])
    previous.manage("add_runs", "--team=team", "-", stdin="777001")
    assert previous.column("SELECT count(*) FROM results_run WHERE camb_run_id = 777001") == [1]
    assert "Traceback" not in log.read_text()
