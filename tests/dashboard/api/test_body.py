"""Bodies that the API cannot read are refused with the place of the fault, and select nothing by chance."""

import pytest

from results import tags
from results.models import Run
from tests.dashboard.api.test_api import script_of
from tests.factories import make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def send(team):
    script = script_of(team, "owner")

    def post(path: str, body: str | bytes):
        answer = script.client.post(f"/api/v1/t/{team.slug}{path}", body, content_type="application/json")
        return answer.status_code, answer.json()["detail"]

    return post


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("ids=1344", "line 1, column 1"),
        ('{"ids": [1344],\n "tags": }', "line 2, column 10"),
        ('{"ids": [1344]} {}', "line 1, column 17"),
        ('{"text": "Größe"}'.encode("cp1252"), "at byte 13"),
        ('{"ids": [' + "1" * 5000 + "]}", "too many digits"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_not_json_is_refused_with_its_place(send, body, place):
    status, detail = send("/runs", body)
    assert (status, place in detail) == (400, True)


def test_a_name_that_comes_twice_selects_nothing(send, team):
    tags.add_tags(team, {make_run(team).pk: ["x"]})
    make_run(team)
    status, detail = send("/runs/remove", '{"where": {"tag": ["x"]}, "where": {}}')
    assert (status, "“where” comes twice" in detail) == (400, True)
    assert Run.objects.current().count() == 2
