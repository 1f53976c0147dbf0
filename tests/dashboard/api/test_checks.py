"""The API's operations on review checks."""

import pytest

from results import tags
from results.dubs import checks
from results.runs import trash
from teams import access
from tests.dashboard.api.test_api import script_of
from tests.factories import make_dub, make_ready_run, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
FAST = "x" * 70


@pytest.fixture
def script(team):
    return script_of(team)


@pytest.fixture
def dub(team):
    dub = make_dub(make_ready_run(team, title="Pilot"), [FAST, "", FAST], "es-mx", is_language_detected=True)
    make_dub(make_ready_run(make_team()), [FAST], is_language_detected=True)
    checks.store_pending()
    return dub


def places(answer) -> list[tuple[str, int]]:
    return [(check["kind"], check["position"]) for check in answer.json()["checks"]]


def test_the_checks_are_listed_page_by_page(script, dub):
    first = script.get("/checks", limit=2)
    assert places(first) == [("empty", 2), ("fast", 3)]
    second = script.get("/checks", limit=2, cursor=first.json()["next"])
    assert script.get("/checks", limit=2, after=first.json()["next"]).json() == second.json()  # its former name
    assert (places(second), second.json()["next"]) == ([("fast", 1)], None)
    [check] = second.json()["checks"]
    assert check["page"] == f"http://testserver/runs/{dub.run_id}/?dub=es-mx&check=fast&t=0#cue-1"
    assert (check["words"], check["amount"], check["limit"]) == ("Fast: 35 characters/s, limit 20", 35, 20)
    assert (check["title"], check["dub"], check["text"], check["speaker"]) == ("Pilot", dub.pk, FAST, "Anna")


def test_the_checks_are_filtered_and_no_filter_is_ignored(script, team, dub):
    tags.add_tags(team, {dub.run_id: ["Launch"]})
    assert places(script.get("/checks", kind="empty", language="es", tag="launch")) == [("empty", 2)]
    assert places(script.get("/checks", language="de")) == []
    for query in (
        {"kind": "odd"},
        {"language": "?"},
        {"tag": " "},
        {"cursor": "x"},
        {"after": "x"},
        {"lang": "es"},
    ):
        assert script.get("/checks", **query).status_code == 422


def test_the_checks_take_the_right_to_export(script, dub, monkeypatch):
    monkeypatch.setattr(access, "can_export", lambda membership: False)
    assert script.get("/checks").status_code == 403


def test_checks_are_dismissed_and_brought_back(script, dub):
    path = f"/dubs/{dub.pk}/checks"
    answer = script.post(f"{path}/dismiss", {"kind": "fast", "reason": "Sung", "last": 2}).json()
    assert answer["count"] == 1
    assert places(script.get("/checks")) == [("empty", 2), ("fast", 3)]
    assert script.get(f"/runs/{dub.run_id}").json()["check_count"] == 2
    script.post(f"{path}/restore", {"kind": "fast", "dismissed_at": answer["dismissed_at"]})
    assert ("fast", 1) in places(script.get("/checks"))
    assert script.post(f"{path}/dismiss", {"kind": "fast", "reason": " "}).status_code == 422


def test_a_removed_run_has_no_checks_to_change(script, team, dub):
    trash.remove_runs(team, [dub.run_id], by="Ann")
    for action, body in (
        ("dismiss", {"kind": "fast", "reason": "Sung"}),
        ("restore", {"kind": "fast", "dismissed_at": "2026-01-01T00:00:00Z"}),
    ):
        assert script.post(f"/dubs/{dub.pk}/checks/{action}", body).status_code == 404


@pytest.mark.parametrize(
    ("at", "status"),
    [("0001-01-01T00:00:00+14:00", 422), ("9999-12-31T23:59:59-14:00", 422), ("2026-01-01T00:00:00", 204)],
)
def test_a_time_that_no_database_holds_is_refused(script, dub, at, status):
    answer = script.post(f"/dubs/{dub.pk}/checks/restore", {"kind": "fast", "dismissed_at": at})
    assert answer.status_code == status
