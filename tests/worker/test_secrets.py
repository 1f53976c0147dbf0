"""What a whole installation logs and sends to its broker, from the log-in to the dub: no secret is in it."""

import pytest
from django.urls import reverse

from demo.server import Reply
from tests.factories import LINE
from tests.waiting import until
from tests.worker.installation import PASSWORD, PEOPLE
from tests.worker.tab import Tab, open_signed_in_tab

pytestmark = pytest.mark.worker

SECRET, TYPO = "sk-live-0123456789-abcdef", "correct house battery"
SIGNED = "Signature=c2lnbmVk"
VIDEO = f"https://media.example.org/v.mp4?Expires=9999999999&{SIGNED}"


def messages_in(installation) -> str:
    """Return all that the broker holds, as text."""
    if installation._redis is None:
        files = (path for path in installation._broker_folder.rglob("*") if path.is_file())
        return "".join(path.read_bytes().decode(errors="replace") for path in files)
    broker = installation._redis
    return "".join(str(broker.lrange(name, 0, -1)) for name in broker.scan_iter(_type="list"))


def test_no_log_and_no_message_of_the_broker_holds_a_secret(installation, camb, tmp_path):
    logs = {name: tmp_path / f"{name}.log" for name in ("web", "worker", "beat")}
    [run] = installation.column("SELECT id FROM results_run WHERE camb_run_id = 7")
    installation.execute("UPDATE teams_membership SET role = 'owner' WHERE team_id = 1")
    camb.keys = {SECRET}
    camb.runs[7] = {"video_url": VIDEO, "transcript": [LINE | {"text": f"My key is {SECRET}"}], "key": SECRET}
    with installation.web(logs["web"], LOG_LEVEL="DEBUG") as home:
        assert Tab(home).post("/accounts/login/", login=PEOPLE[0], password=TYPO).status_code == 422
        tab = open_signed_in_tab(home, PEOPLE[0])
        assert tab.post(reverse("account_reauthenticate"), password=PASSWORD).status_code == 200
        assert tab.post(reverse("keys", args=["team"]), key=SECRET).status_code == 200
        assert tab.post(reverse("runs-edit-refresh", args=[run])).status_code == 200
        # No worker has taken them.
        messages = messages_in(installation)
        assert ("results.tasks.test_key" in messages, "results.tasks.refresh_requested" in messages) == (True, True)
        worker = installation.process("worker", logs["worker"], LOG_LEVEL="DEBUG")
        with worker, installation.process("beat", logs["beat"], LOG_LEVEL="DEBUG"):
            until(lambda: "[key hidden]" in tab.read(reverse("runs-detail", args=[run])))
            [dub] = installation.column("SELECT id FROM results_dub")
            moved = tab.another()
            assert moved.redirect_of(reverse("media-video", args=[dub])) == VIDEO
            camb.rule = lambda call: Reply(
                401, {"error": f"{SECRET} is unknown", "status": 401}, {"x-api-key": SECRET}
            )
            tab.post(reverse("keys-test", args=["team"]))
            until(lambda: installation.column("SELECT state FROM results_apikey ORDER BY team_id")[0] == "refused")
            installation.execute("DROP TABLE teams_auditentry")
            assert tab.post(reverse("keys", args=["team"]), key=SECRET).status_code >= 500
            sessions = installation.column("SELECT session_key FROM django_session")
            messages += messages_in(installation)
    written = {name: path.read_text() for name, path in logs.items()} | {"broker": messages}
    assert "failed" in written["worker"]  # the refused key
    assert "auditentry" in written["web"]
    secrets = [SECRET, SECRET[3:], PASSWORD, TYPO, SIGNED, *sessions]
    assert len(secrets) > 5
    assert [(name, secret) for name, text in written.items() for secret in secrets if secret in text] == []
