"""What a script sends: a text that a database cannot hold, and true in place of a number, are refused."""

import json

import pytest

from results.models import Run
from tests.dashboard.api.test_api import script_of
from tests.factories import make_dub, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def sender(team):
    return script_of(team, "owner")


@pytest.mark.parametrize("character", ["\0", "\x0b", "\n", "\x7f", "\x85"])
@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("patch", "/runs/{run}", {"title": "a{}"}),
        ("patch", "/dubs/{dub}", {"language": "es{}"}),
        ("post", "/dubs/{dub}/checks/dismiss", {"kind": "fast", "reason": "Sung{}"}),
        ("post", "/runs/tag", {"runs": [1], "tags": ["a{}"]}),
        ("post", "/runs/tag", {"where": {"q": "a{}"}, "tags": ["a"]}),
        ("post", "/runs/language", {"runs": [1], "language": "es{}"}),
        ("post", "/sources", {"runs": [1, 2], "title": "a{}"}),
        ("get", "/sources", {"missing": "{}"}),
        ("get", "/runs", {"q": "a{}"}),
        ("get", "/search", {"q": "a{}"}),
        ("get", "/checks", {"tag": "a{}"}),
        ("get", "/checks", {"language": "es{}"}),
    ],
)
def test_a_text_with_a_control_character_is_refused(team, sender, method, path, given, character):
    dub = make_dub(make_run(team), ["Hello"])
    filled = json.loads(json.dumps(given).replace("{}", json.dumps(character)[1:-1]))
    address = path.format(run=dub.run_id, dub=dub.pk)
    answer = sender.get(address, **filled) if method == "get" else sender.post(address, filled, method=method)
    assert (answer.status_code, "control characters" in answer.json()["detail"]) == (422, True)


def test_half_a_surrogate_pair_is_refused(sender, team):
    run = make_run(team, title="Pilot")
    address, body = f"/api/v1/t/{team.slug}/runs/{run.pk}", json.dumps({"title": "\ud800"})
    answer = sender.client.patch(address, body, content_type="application/json")
    run.refresh_from_db()
    assert (answer.status_code, run.title) == (422, "Pilot")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/runs", {"ids": [True, 7]}),
        ("/runs/remove", {"runs": [True]}),
        ("/runs/restore-removed", {"runs": [True]}),
        ("/runs/tag", {"where": {"who": True}, "tags": ["a"]}),
        ("/sources", {"runs": [True, 2]}),
    ],
)
def test_true_is_no_number(sender, team, path, body):
    answer = sender.post(path, body)
    assert (answer.status_code, "true or false" in answer.json()["detail"]) == (422, True)
    assert not Run.objects.exists()
