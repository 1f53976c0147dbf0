"""The API: rights by token, error answers, reading, searching, and changing runs by the pages' own rules."""

import json
import zlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.api import problems, run_filter
from dashboard.http import ranges
from dashboard.pages.run_query import RunListQuery
from results import clock, tags
from results.dubs import languages as dub_languages
from results.exports.formats import FORMATS
from results.media import copies
from results.models import Dub, RawAnswer, Run, Source, TeamVersion
from results.refresh import keys
from results.runs.archive import archive_runs
from results.runs.request import request_refresh
from results.runs.source import join_runs
from results.runs.trash import remove_team
from results.transcripts import dismissals, review_limits
from results.transcripts.review import Kind
from teams.models import AccessToken, Membership, Team, User
from tests.factories import (
    make_dub,
    make_key,
    make_member,
    make_pictured_copy,
    make_run,
    make_searchable_dub,
    make_team,
)

# No worker runs here: tasks are only recorded.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role
TASK = "b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f"


class Script:
    """A client of the API that sends this secret as its token, or no header without a secret."""

    def __init__(self, team: Team, secret: str = "") -> None:
        self.team, self.client = team, Client(headers={"Authorization": f"Bearer {secret}"} if secret else {})

    def get(self, path: str = "", headers=None, **query):
        return self.client.get(f"/api/v1/t/{self.team.slug}{path}", query, headers=headers)

    def head(self, path: str, query: dict):
        return self.client.head(f"/api/v1/t/{self.team.slug}{path}", query)

    def delete(self, path: str):
        return self.client.delete(f"/api/v1/t/{self.team.slug}{path}")

    def post(self, path: str, body: object = None, *, method: str = "post"):
        address, send = f"/api/v1/t/{self.team.slug}{path}", getattr(self.client, method)
        return send(address, json.dumps(body, ensure_ascii=False), content_type="application/json")


def token_of(user: User, *, can_write: bool = True, **fields) -> str:
    return AccessToken.objects.issue(user.memberships.get(), "Nightly", can_write=can_write, **fields)[1]


def script_of(team: Team, role: str = Role.MEMBER, **fields) -> Script:
    return Script(team, token_of(make_member(team, role), **fields))


@pytest.fixture
def script(team) -> Script:
    return script_of(team)


def ids_of(response) -> list[int]:
    return [run["id"] for run in response.json()["runs"]]


# --- Rights ------------------------------------------------------------------------------------------

# The status of each operation for a token that reads, and for one that writes.
NO_RUNS: dict[str, object] = {"runs": []}
TABLE = {
    ("get", ""): (200, 200),
    ("get", "/runs"): (200, 200),
    ("get", "/runs/{run}"): (200, 200),
    ("get", "/runs/{run}/answer"): (200, 200),
    ("get", "/dubs/{dub}/transcript.{format}"): (200, 200),
    ("get", "/dubs/{dub}/checks"): (200, 200),
    ("get", "/dubs/{dub}/video"): (302, 302),
    ("get", "/dubs/{dub}/audio"): (302, 302),
    ("get", "/search"): (200, 200),
    ("get", "/checks"): (200, 200),
    ("post", "/dubs/{dub}/checks/dismiss"): (403, 200),
    ("post", "/dubs/{dub}/checks/restore"): (403, 204),
    ("get", "/events"): (200, 200),
    ("get", "/sources"): (200, 200),
    ("get", "/sources/{source}"): (200, 200),
    ("post", "/sources"): (403, 200),
    ("delete", "/sources/{source}/runs/{run}"): (403, 204),
    ("post", "/runs"): (403, 200),
    ("patch", "/runs/{run}"): (403, 200),
    ("post", "/runs/{run}/refresh"): (403, 202),
    ("post", "/runs/refresh"): (403, 202),
    ("patch", "/dubs/{dub}"): (403, 200),
    ("post", "/runs/language"): (403, 200),
    ("post", "/runs/language/confirm"): (403, 200),
    ("post", "/runs/archive"): (403, 200),
    ("post", "/runs/restore"): (403, 200),
    ("post", "/runs/remove"): (403, 200),
    ("post", "/runs/restore-removed"): (403, 200),
    ("get", "/removed-runs"): (200, 200),
    ("get", "/audit"): (200, 200),
    ("post", "/runs/tag"): (403, 200),
    ("post", "/runs/untag"): (403, 200),
}
# As on the pages, the raw answer and the trash are not for viewers.
NOT_FOR_VIEWERS = [("get", "/runs/{run}/answer"), ("get", "/removed-runs")]
FOR_OWNERS = [("get", "/audit")]
BODIES: dict[str, object] = {
    "/runs/{run}": {"title": "Harbour lights"},
    "/runs": {"ids": [1344]},
    "/dubs/{dub}": {"language": "Spanish"},
    "/dubs/{dub}/checks/dismiss": {"kind": "fast", "reason": "Sung"},
    "/dubs/{dub}/checks/restore": {"kind": "fast", "dismissed_at": "2026-05-31T12:00:00Z"},
    "/runs/language": {"runs": [], "language": "Spanish"},
    "/runs/restore-removed": {"runs": [1]},
    "/runs/tag": {"runs": [], "tags": ["launch"]},
    "/runs/untag": {"runs": [], "tags": ["launch"]},
}
OPEN = {"openapi-json": 200, "api-root": 404}  # without a token


class World:
    """A team with a dub, another team, and a token of every kind."""

    def __init__(self) -> None:
        self.team, self.other = make_team("Dub"), make_team("Other")
        keys.save_key(self.team, "camb-0123456789-wxyz")
        self.dub, self.foreign = (
            make_dub(make_run(team), ["Hello"], video_url="https://x.example/v", audio_url="https://x.example/a")
            for team in (self.team, self.other)
        )
        self.companions = {dub.run_id: make_run(dub.team) for dub in (self.dub, self.foreign)}
        for dub in (self.dub, self.foreign):
            RawAnswer.objects.create(
                run=dub.run, body=zlib.compress(b'{"es": null}'), size=12, fetched_at=timezone.now()
            )
        removed, disabled = make_member(self.team), make_member(self.team)
        self.secrets = {
            "missing": "",
            "mistyped": "dubroom_0",
            "expired": token_of(make_member(self.team), expires_at=timezone.now()),
            "removed": token_of(removed),
            "disabled": token_of(disabled),
            "outsider": token_of(self.other.memberships.get().user),
            "reader": token_of(make_member(self.team), can_write=False),
            "viewer": token_of(make_member(self.team, Role.VIEWER)),
            "member": token_of(make_member(self.team)),
            "owner": token_of(self.team.memberships.get(role=Role.OWNER).user),
        }
        removed.memberships.get().remove()
        User.objects.filter(pk=disabled.pk).update(is_active=False)

    def ask(self, token: str, method: str, path: str, *, team: Team | None = None, dub: Dub | None = None):
        dub = dub or self.dub
        source = self._source_of(dub)
        address = path.format(run=dub.run_id, dub=dub.pk, format="srt", source=source.pk if source else 9**9)
        script = Script(team or self.team, self.secrets[token])
        if method == "delete":
            return script.delete(address)
        if method in ("get", "head"):
            query = {"q": "hello"} if path == "/search" else {}
            return script.get(address, **query) if method == "get" else script.head(address, query)
        together = {"runs": [dub.run_id, self.companions[self.dub.run_id].pk]}
        body = together if path == "/sources" else BODIES.get(path, NO_RUNS)
        return script.post(address, body, method=method)

    def _source_of(self, dub: Dub) -> Source | None:
        """Return the source of the dub's run and another, anew if they were taken apart."""
        other = self.companions.get(dub.run_id)
        return join_runs(other.team, [dub.run_id, other.pk]) if other else None


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_each_token_gets_what_the_table_says(world, method, path):
    reads, writes = TABLE[method, path]
    refused = dict.fromkeys(("missing", "mistyped", "expired", "removed", "disabled"), 401)
    viewed = 403 if (method, path) in NOT_FOR_VIEWERS else reads
    wanted = refused | {"outsider": 404, "reader": reads, "viewer": viewed, "member": writes, "owner": writes}
    if (method, path) in FOR_OWNERS:
        wanted |= dict.fromkeys(("reader", "viewer", "member"), 403)
    answers = {token: world.ask(token, method, path) for token in world.secrets}
    assert {token: answer.status_code for token, answer in answers.items()} == wanted
    assert not any(answer.cookies for answer in answers.values())
    assert {answer.headers["Cache-Control"] for answer in answers.values()} == {"no-store"}


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_another_teams_data_answers_as_if_it_did_not_exist(world, method, path):
    theirs, nowhere = world.ask("member", method, path, team=world.other), Team(slug="nowhere")
    assert theirs.status_code == 404
    assert theirs.content == world.ask("member", method, path, team=nowhere).content
    if "{" in path:
        foreign, missing = (
            world.ask("member", method, path, dub=dub) for dub in (world.foreign, Dub(pk=9**9, run_id=9**9))
        )
        assert (foreign.status_code, foreign.content) == (404, missing.content)


def test_the_description_is_public_and_lists_every_operation(world):
    answers = {name: Client().get(reverse(f"api:{name}")) for name in OPEN}
    assert {name: answer.status_code for name, answer in answers.items()} == OPEN
    described = answers["openapi-json"].json()
    paths = {
        (method, path.removeprefix("/api/v1/t/{team}"))
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert paths == set(TABLE)
    assert described["components"]["securitySchemes"] == {"TokenAuth": {"type": "http", "scheme": "bearer"}}


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_answer_405(script, method):
    answer = getattr(script.client, method)(f"/api/v1/t/{script.team.slug}/runs")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("path", [path for method, path in TABLE if method == "get"])
def test_head_answers_as_get_without_a_body(world, path):
    got, head = (world.ask("owner", method, path) for method in ("get", "head"))
    assert (head.status_code, head.headers["Content-Type"], head.content) == (
        got.status_code,
        got.headers["Content-Type"],
        b"",
    )


def test_a_session_is_no_authentication(team):
    client = Client()
    client.force_login(team.memberships.get().user)
    assert Script(team).client.get(f"/api/v1/t/{team.slug}").status_code == 401
    assert client.get(f"/api/v1/t/{team.slug}").status_code == 401


def test_the_token_of_a_demoted_person_only_reads(team):
    user = make_member(team)
    script = Script(team, token_of(user))
    user.memberships.get().change_role(Role.VIEWER)
    assert script.get().json()["can_write"] is False
    assert script.post("/runs", {"ids": [1]}).status_code == 403
    remove_team(team, by="Ann")
    assert script.get().status_code == 401


# --- Errors ------------------------------------------------------------------------------------------


def test_a_refusal_says_what_is_wrong_and_how_to_fix_it(team):
    missing = Script(team).get()
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="Dubroom"'
    assert missing.json() == {
        "title": "Unauthorized",
        "status": 401,
        "detail": "Send an access token of the team in the header “Authorization: Bearer dubroom_…”.",
    }
    mistyped = Script(team, "dubroom_0").get()
    assert mistyped.headers["WWW-Authenticate"] == 'Bearer realm="Dubroom", error="invalid_token"'
    assert "mistyped or revoked" in mistyped.json()["detail"]
    expired = script_of(team, expires_at=timezone.now() - timedelta(days=1)).get()
    assert "expired on" in expired.json()["detail"]
    reading = script_of(team, can_write=False).post("/runs", {"ids": [1]})
    assert reading.json()["detail"] == "This token is read-only. Create one that can write."


@pytest.mark.parametrize(
    ("query", "at", "message"),
    [
        ({"limit": 101}, "query.limit", "Input should be less than or equal to 100"),
        ({"cursor": "x"}, "query.cursor", "Input should be a valid integer, unable to parse string as an integer"),
        (
            {"status": "late"},
            "query.status",
            "Input should be 'new', 'waiting', 'ready', 'partly', 'failed', 'not_found', 'archived' or ''",
        ),
        ({"statuss": "ready"}, "query", "there is no parameter statuss"),
        ({"status": ["ready", "failed"]}, "query", "status takes one value, and is given 2 times"),
        ({"tag": "“”"}, "query", "q and tag must contain text to look for"),
        ({"camb_run_id": 10**25}, "query.camb_run_id.0", "Input should be less than 9223372036854775808"),
    ],
)
def test_an_invalid_query_names_the_invalid_parameter(script, query, at, message):
    answer = script.get("/runs", **query)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"at": at, "message": message}]
    assert answer.json()["detail"] == f"{at}: {message}"


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        ("/runs", {}, "body"),
        ("/runs", {"ids": [1], "text": "2"}, "body"),
        ("/runs", {"text": "3", "team": 1}, "body.team"),
        ("/runs", {"ids": [1, []]}, "body.ids.1"),
        ("/runs/archive", {"where": {"status": "late"}}, "body.where.status"),
        ("/runs/archive", {}, "body"),
        ("/runs/archive", {"runs": ["x"]}, "body.runs.0"),
        ("/runs/archive", {"where": {"statuss": "ready"}}, "body.where.statuss"),
        ("/runs/archive", {"where": {"q": " "}}, "body.where"),
        ("/runs/tag", {"runs": [1]}, "body.tags"),
        ("/runs/tag", [], "body"),
    ],
)
def test_an_invalid_body_names_the_invalid_field_and_changes_nothing(script, team, path, body, at):
    make_run(team)
    answer = script.post(path, body)
    assert (answer.status_code, [fault["at"] for fault in answer.json()["errors"]]) == (422, [at])
    assert Run.objects.current().filter(tags=None).count() == 1


def test_errors_outside_the_operations_are_json_too(script, monkeypatch):
    unknown = script.get("/nothing")
    assert unknown.headers["Content-Type"] == script.get("/runs/9").headers["Content-Type"] == problems.CONTENT_TYPE
    assert (unknown.status_code, unknown.json()["status"]) == (404, 404)
    method = script.client.delete(f"/api/v1/t/{script.team.slug}/runs")
    assert (method.status_code, method.json()["title"]) == (405, "Method Not Allowed")
    assert Client(headers={"Host": "elsewhere.example"}).get("/api/v1/openapi.json").json()["status"] == 400
    monkeypatch.setattr(TeamVersion, "current", lambda team_id: 1 // 0)
    script.client.raise_request_exception = False
    broken = script.get()
    assert (broken.status_code, broken.json()["title"]) == (500, "Internal Server Error")
    assert "division" not in broken.text


def test_the_rate_limit_counts_each_token_alone(team, settings, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_800_000_030.5)
    settings.API_CALLS_PER_MINUTE = 2
    one, other = script_of(team), script_of(team)
    assert [one.get().status_code for _ in range(3)] == [200, 200, 429]
    late = one.get()
    assert late.headers["Retry-After"] == "30"
    assert late.json()["detail"] == "Too many requests with this token. Try again in 30 s."
    assert other.get().status_code == 200
    monkeypatch.setattr("time.time", lambda: 1_800_000_060.0)
    assert one.get().status_code == 200


# --- Reading -----------------------------------------------------------------------------------------


def test_the_team_is_answered_with_the_rights_of_the_token(team):
    make_run(team, status="ready")
    answer = script_of(team, can_write=False).get().json()
    assert (answer["slug"], answer["name"], answer["role"], answer["can_write"]) == ("dub", "Dub", "member", False)
    assert answer["runs"] == {
        "new": 0,
        "waiting": 0,
        "ready": 1,
        "partly": 0,
        "failed": 0,
        "not_found": 0,
        "archived": 0,
    }
    assert answer["trouble"] == "This team has no CAMB.AI key yet, so nothing can be refreshed."


def test_a_run_is_answered_with_its_dubs_and_their_addresses(team, script):
    run = make_run(team, camb_run_id=1344, title="Lights", status="ready", due_at=None, languages=["es-es"])
    dub = make_dub(run, ["Hola"], "es-es", video_url="https://x.example/v", duration_ms=2000)
    bare = make_dub(run, [], "fr-fr")
    tags.add_tags(team, {run.pk: ["Launch"]})
    run.refresh_from_db()
    answer = script.get(f"/runs/{run.pk}").json()
    address = f"http://testserver/api/v1/t/dub/dubs/{dub.pk}"
    assert answer == {
        "id": run.pk,
        "camb_run_id": 1344,
        "camb_task_id": None,
        "title": "Lights",
        "source": None,
        "tags": ["Launch"],
        "status": "ready",
        "reason": "",
        "notes": [],
        "is_finished": True,
        "languages": ["es-es"],
        "duration_ms": 0,
        "cue_count": 0,
        "check_count": 0,
        "dubs": [
            {
                "id": dub.pk,
                "language": "es-es",
                "language_name": "Spanish (Spain)",
                "language_source": "camb",
                "text_language": "",
                "foreign_lines": [],
                "duration_ms": 2000,
                "cue_count": 1,
                "transcript": f"{address}/transcript.json",
                "video": f"{address}/video",
                "audio": None,
            },
            {
                "id": bare.pk,
                "language": "fr-fr",
                "language_name": "French (France)",
                "language_source": "camb",
                "text_language": "",
                "foreign_lines": [],
                "duration_ms": 0,
                "cue_count": 0,
                "transcript": None,
                "video": None,
                "audio": None,
            },
        ],
        "added_by": None,
        "added_by_id": None,
        "added_at": run.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "changed_at": None,
        "checked_at": None,
        "next_check_at": None,
        "time_unit": "",
        "archived_at": None,
        "version": run.version,
        "page": f"http://testserver/runs/{run.pk}/",
    }
    assert script.get("/runs").json()["runs"] == [answer]
    assert script.get(f"/dubs/{dub.pk}/transcript.json").json()["cues"][0]["text"] == "Hola"


def test_the_list_has_the_filters_of_its_page(team, script):
    tide = make_run(team, title="Tide", status="failed", camb_run_id=500)
    island = make_run(team, title="Island", camb_run_id=712, added_by=make_member(team))
    gone = make_run(team, title="Gone")
    tags.add_tags(team, {tide.pk: ["Launch"]})
    archive_runs(team, [gone.pk])
    for query, found in (
        ({}, [island, tide]),
        ({"order": "oldest"}, [tide, island]),
        ({"status": "failed"}, [tide]),
        ({"status": "archived"}, [gone]),
        ({"who": script.get(f"/runs/{island.pk}").json()["added_by_id"]}, [island]),
        ({"q": "71"}, [island]),
        ({"tag": ["launch"]}, [tide]),
        ({"camb_run_id": [712, 99]}, [island]),
        ({"changed_since": Run.objects.get(pk=tide.pk).version - 1, "status": "failed"}, [tide]),
        ({"changed_since": TeamVersion.current(team.pk)}, []),
    ):
        assert ids_of(script.get("/runs", **query)) == [run.pk for run in found], query


def test_the_ends_of_the_calendar_are_days_like_any_other(team, script):
    run = make_run(team)
    for days in ({"since": "0001-01-01"}, {"until": "9999-12-31"}):
        assert ids_of(script.get("/runs", **days)) == [run.pk]
        selected = script.post("/runs/tag", {"where": days, "tags": ["a"]})
        assert (selected.status_code, selected.json()["count"]) == (200, 1)


def test_the_page_and_the_api_have_the_same_filters():
    assert set(run_filter.RunFilter.model_fields) == set(vars(RunListQuery())) - {
        "order",
        "by",
        "view",
        "cols",
        "after",
        "before",
    }


# --- Languages ---------------------------------------------------------------------------------------


def test_the_language_of_a_dub_is_set_and_left_to_camb_again(team, script):
    dub = make_dub(make_run(team), ["Buenas tardes."], "fr-fr")
    answer = script.post(f"/dubs/{dub.pk}", {"language": "español"}, method="patch").json()
    assert (answer["language"], answer["language_name"], answer["language_source"]) == ("es", "Spanish", "person")
    assert script.get(f"/runs/{dub.run_id}").json()["languages"] == ["es"]
    answer = script.post(f"/dubs/{dub.pk}", {"language": ""}, method="patch").json()
    assert (answer["language"], answer["language_source"]) == ("fr-fr", "camb")


def test_an_unknown_language_is_refused_by_name(team, script):
    dub = make_dub(make_run(team), ["Buenas tardes."], "fr-fr")
    for answer in (
        script.post(f"/dubs/{dub.pk}", {"language": "Klingonish"}, method="patch"),
        script.post("/runs/language", {"where": {}, "language": "Klingonish"}),
    ):
        assert answer.status_code == 422
        assert "Dubroom knows no language “Klingonish”" in answer.json()["detail"]


def test_the_language_of_many_runs_is_set_and_guesses_are_confirmed(team, script):
    run, several = make_run(team, languages=["es"], guessed_languages=["es"]), make_run(team)
    make_dub(run, ["Buenas tardes."], "es", language_source="guess", camb_language="", text_language="es")
    make_dub(several, ["Eau."], "fr-fr"), make_dub(several, ["Wasser."], "de-de")
    assert ids_of(script.get("/runs", lang="-guessed")) == [run.pk]
    assert script.post("/runs/language/confirm", {"where": {"lang": "es"}}).json() == {"count": 1}
    assert ids_of(script.get("/runs", lang="-guessed")) == []
    assert script.post("/runs/language", {"where": {}, "language": "pt-br"}).json() == {"count": 1}
    dub_languages.detect_languages()
    assert ids_of(script.get("/runs", lang="pt")) == [run.pk]
    assert script.get("/runs", lang="one, two").status_code == 422


def test_what_changes_between_pages_is_in_the_next_list_of_changes(team, script):
    one, two = make_run(team), make_run(team)
    TeamVersion.bump(team.pk)
    first = script.get("/runs", limit=1).json()
    tags.add_tags(team, {two.pk: ["late"]})
    last = script.get("/runs", limit=1, cursor=first["next"]).json()
    assert ([run["id"] for run in last["runs"]], last["next"], last["version"]) == ([one.pk], None, None)
    assert ids_of(script.get("/runs", changed_since=first["version"])) == [two.pk]


def test_a_version_that_the_team_has_not_reached_counts_as_none(team, script):
    run = make_run(team)
    assert ids_of(script.get("/runs", changed_since=TeamVersion.current(team.pk) + 1)) == [run.pk]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_cursors_lead_through_every_run(team, script, order):
    made = [make_run(team).pk for _ in range(5)]
    seen, cursor, requests = [], 0, 0
    while cursor is not None:
        answer = script.get("/runs", limit=2, order=order, cursor=cursor)
        seen += ids_of(answer)
        cursor, requests = answer.json()["next"], requests + 1
    assert (seen, requests) == (made if order == "oldest" else made[::-1], 3)


def test_an_unchanged_answer_answers_304(team, script):
    run = make_run(team)
    for path in ("/runs", f"/runs/{run.pk}"):
        first = script.get(path)
        same = script.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
    first = script.get("/runs")
    tags.add_tags(team, {run.pk: ["new"]})
    changed = script.get("/runs", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.json()["runs"][0]["tags"] == ["new"]
    assert ids_of(script.get("/runs", changed_since=first.json()["version"])) == [run.pk]


def test_a_requested_refresh_changes_the_answer(team, script):
    make_key(team)
    run = make_run(team, due_at=None)
    first = {path: script.get(path) for path in ("/runs", f"/runs/{run.pk}")}
    request_refresh(run)
    for path, answer in first.items():
        assert script.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


def test_a_kept_copy_changes_the_list_of_copies(team, script):
    dub = make_dub(make_run(team), ["Hello"])
    first = script.get("/runs", copies="kept")
    make_pictured_copy(dub)
    later = script.get("/runs", copies="kept", headers={"If-None-Match": first.headers["ETag"]})
    assert (ids_of(first), ids_of(later)) == ([], [dub.run_id])


def test_a_run_that_is_not_there_is_never_unchanged(team, script):
    run = make_run(team)
    etag = script.get(f"/runs/{run.pk}").headers["ETag"]
    for known in ("*", etag):
        assert script.get("/runs/999999", headers={"If-None-Match": known}).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_rows(team, script):
    def make(count):
        for _ in range(count):
            dub = make_searchable_dub(make_run(team, added_by=team.memberships.first().user), ["The kettle is on"])
            tags.add_tags(team, {dub.run_id: ["a", "b"]})

    def queries(path):
        with CaptureQueriesContext(connection) as made:
            answer = script.get(path, **({"q": "kettle"} if path == "/search" else {}))
        assert answer.status_code == 200
        return len(made)

    paths = ["/runs", "/search", ""]
    make(1)
    script.get("/runs")  # notes the token's use
    of_one = {path: queries(path) for path in paths}
    make(29)
    # PostgreSQL may search once more, depending on the number of hits.
    spare = {"/search": 1}
    assert all(queries(path) <= of_one[path] + spare.get(path, 0) for path in paths)


@pytest.mark.parametrize(
    ("query", "is_marked"),
    [("", True), ("?direction_marks=true", True), ("?direction_marks=false", False), ("?direction_marks=0", False)],
)
def test_direction_marks_can_be_switched_off(script, team, query, is_marked):
    dub = make_dub(make_run(team), ["OK نعم"], "ar-eg")
    for key in ("srt", "vtt", "txt", "lines", "words"):
        answer = script.get(f"/dubs/{dub.pk}/transcript.{key}{query}")
        assert ("\u200f\u202b" in answer.content.decode()) == is_marked
        assert answer.headers["Content-Language"] == "ar-eg"


@pytest.mark.parametrize("query", ["?direction_marks=maybe", "?marks=false"])
def test_a_mistyped_parameter_of_a_transcript_is_refused(script, team, query):
    dub = make_dub(make_run(team), ["OK نعم"], "ar-eg")
    assert script.get(f"/dubs/{dub.pk}/transcript.srt{query}").status_code == 422


def test_review_checks_are_answered_by_the_limits_of_the_team(script, team):
    dub = make_dub(make_run(team), ["x" * 30, ""], "de-de")
    assert [check["kind"] for check in script.get(f"/dubs/{dub.pk}/checks").json()["checks"]] == ["empty"]
    review_limits.set_policy(team, speeds={"de": 14}, gap_ms=5000)
    dismissals.dismiss(dub.cues.get(position=2), Kind.EMPTY, "Music", make_member(team))
    assert script.get(f"/dubs/{dub.pk}/checks").json() == {
        "speed": 14,
        "is_speed_of_team": True,
        "overlap_ms": 40,
        "gap_ms": 5000,
        "checks": [
            {
                "position": 1,
                "kind": "fast",
                "words": "Fast: 15 characters/s, limit 14",
                "is_dismissed": False,
                "reason": "",
            },
            {"position": 2, "kind": "empty", "words": "No text", "is_dismissed": True, "reason": "Music"},
        ],
    }
    table = script.get(f"/dubs/{dub.pk}/transcript.checks").content.decode()
    assert table == (
        "\ufeffposition,start,end,speaker,text,kind,details,dismissed\r\n"
        f'1,00:00:00.000,00:00:02.000,Anna,{"x" * 30},fast,"Fast: 15 characters/s, limit 14",\r\n'
        "2,00:00:02.000,00:00:04.000,Ben,,empty,No text,Music\r\n"
    )


def test_a_transcript_is_available_in_every_format(script, team):
    dub = make_dub(make_run(team, camb_run_id=7), ["Hello"])
    for key, format in FORMATS.items():
        answer = script.get(f"/dubs/{dub.pk}/transcript.{key}")
        assert answer.headers["Content-Type"] == format.content_type
        assert f'filename="Run 7.en-us.{format.extension}"' in answer.headers["Content-Disposition"]
        assert key == "docx" or answer.content == format.file(dub)
    unknown = script.get(f"/dubs/{dub.pk}/transcript.exe")
    assert (unknown.status_code, unknown.json()["errors"][0]["at"]) == (422, "path.format")


def test_media_redirects_to_its_present_address_or_says_why_not(script, team):
    dub = make_dub(make_run(team), video_url="https://media.example/v.mp4?sig=1")
    found = script.get(f"/dubs/{dub.pk}/video")
    assert (found.status_code, found.headers["Location"]) == (302, dub.video_url)
    none = script.get(f"/dubs/{dub.pk}/audio")
    assert (none.status_code, none.json()["detail"]) == (502, "This dub has no audio.")


def test_a_script_that_resumes_gets_all_the_rest_of_a_kept_file(script, team, monkeypatch):
    monkeypatch.setattr(ranges, "MAX_BYTES", 2)
    link = "https://media.example/v.mp4"
    copy = make_pictured_copy(make_dub(make_run(team), video_url=link), source=link)
    copies.local_path(copy).parent.mkdir(parents=True, exist_ok=True)
    copies.local_path(copy).write_bytes(b"123456789")
    found = script.get(f"/dubs/{copy.dub_id}/video", headers={"Range": "bytes=3-"})
    assert (found.status_code, found.headers["Content-Range"], found.getvalue()) == (
        206,
        "bytes 3-8/9",
        b"456789",
    )


def test_a_search_answers_lines_with_marks(team, script):
    dub = make_searchable_dub(make_run(team, camb_run_id=1344, title="Lights"), ["Nothing", "The kettle is on"])
    make_searchable_dub(make_run(make_team()), ["Their kettle"])
    answer = script.get("/search", q="kettle").json()
    assert answer == {
        "hits": [
            {
                "run": dub.run_id,
                "camb_run_id": 1344,
                "title": "Lights",
                "dub": dub.pk,
                "language": "en-us",
                "position": 2,
                "start_ms": 2000,
                "end_ms": 4000,
                "speaker": "Ben",
                "text": "The kettle is on",
                "marks": [[4, 10]],
                "page": f"http://testserver/runs/{dub.run_id}/?dub=en-us&t=2#cue-2",
                "said": None,
            }
        ],
        "next": None,
        "count": 1,
        "is_exact": True,
        "hint": "",
        "suggestion": "",
    }


def test_a_search_finds_nothing_of_another_team(script):
    make_searchable_dub(make_run(make_team()), ["Their kettle"])
    answer = script.get("/search", q="kettle").json()
    assert answer == {"hits": [], "next": None, "count": 0, "is_exact": True, "hint": "", "suggestion": ""}


@pytest.mark.parametrize("order", ["newest", "best"])
def test_cursors_lead_through_every_hit(team, script, order):
    make_searchable_dub(make_run(team), [f"kettle {number}" for number in range(5)])
    seen: list[int] = []
    counts: list[int | None] = []
    cursor = ""
    while cursor is not None:
        answer = script.get("/search", q="kettle", order=order, limit=2, cursor=cursor).json()
        seen += [hit["position"] for hit in answer["hits"]]
        cursor, counts = answer["next"], [*counts, answer["count"]]
    assert (sorted(seen), counts) == ([1, 2, 3, 4, 5], [5, None, None])


# --- Changing ----------------------------------------------------------------------------------------


def test_runs_are_added_and_every_id_has_a_result(team, script):
    known, archived = make_run(team, camb_run_id=1345), make_run(team, camb_run_id=1346)
    make_run(make_team(), camb_run_id=1344)  # another team's run does not make the id known
    archive_runs(team, [archived.pk])
    answer = script.post("/runs", {"ids": [1344, "1345", 1346, TASK, 1344, "1.5"], "tags": ["Launch"]}).json()
    new, task = team.runs.get(camb_run_id=1344), team.runs.get(camb_task_id=TASK)
    assert {name: [line["id"] for line in answer[name]] for name in ("added", "known", "archived")} == {
        "added": [new.pk, task.pk],
        "known": [known.pk],
        "archived": [archived.pk],
    }
    assert answer["added"][0] == {
        "written": "1344",
        "id": new.pk,
        "camb_run_id": 1344,
        "camb_task_id": None,
        "note": "",
    }
    assert answer["refused"] == [{"written": "1.5", "reason": "a run id is a whole number"}]
    assert [line["written"] for line in answer["repeated"]] == ["1344"]
    assert {run.pk for run in Run.objects.filter(tags__name="Launch")} == {new.pk, task.pk, known.pk, archived.pk}
    assert new.added_by == team.memberships.get(role=Role.MEMBER).user
    assert [line["id"] for line in script.post("/runs", {"ids": [TASK]}).json()["known"]] == [task.pk]


def test_a_text_is_parsed_as_on_the_page(team, script):
    answer = script.post("/runs", {"text": "run_id,title,tags\n7,Lights,night\n8,Tides,"}).json()
    assert [line["camb_run_id"] for line in answer["added"]] == [7, 8]
    assert list(team.runs.order_by("pk").values_list("title", "tags__name")) == [
        ("Lights", "night"),
        ("Tides", None),
    ]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"text": "nothing here"}, "This contains no run id, so nothing was added."),
        ({"ids": []}, "This contains no run id, so nothing was added."),
        ({"text": "x" * 2**20, "tags": []}, "This contains no run id, so nothing was added."),
        ({"text": "ä" * 600_000}, "This is more than 1 MB of text. Add it in parts."),
        ({"ids": [1], "tags": ["“"]}, "Type a tag first."),
        (
            {"text": "run_id,title\n1344,Kitchen\n\nReference,Folder,title\n1345,24,Garden\n1346,12,Cellar"},
            "Several columns could hold the run ids: “Reference”, “Folder”. Choose one. Nothing was added.",
        ),
        (
            {"ids": [1], "language": "Klingonish"},
            "Dubroom knows no language “Klingonish”. Type its name or its tag, such as Japanese or pt-BR.",
        ),
    ],
)
def test_a_request_that_adds_nothing_says_why(script, body, detail):
    answer = script.post("/runs", body)
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)
    assert not Run.objects.exists()


def test_runs_are_added_with_a_language(script, team):
    script.post("/runs", {"ids": [1344, TASK], "language": "Brazilian Portuguese"})
    answer = script.post("/runs", {"text": "run_id,language\n7,de\n8,\n9,Klingonish", "language": "54"}).json()
    given = {run.camb_run_id: run.given_language for run in team.runs.all()}
    assert given == {1344: "pt-br", None: "pt-br", 7: "de", 8: "es-es", 9: ""}
    assert answer["added"][2]["note"].startswith("Dubroom knows no language “Klingonish”")


def test_a_runs_title_and_time_unit_are_changed(script, team, enqueued):
    run = make_run(team, title="Draft")
    answer = script.post(
        f"/runs/{run.pk}", {"title": " Harbour lights ", "time_unit": "milliseconds"}, method="patch"
    ).json()
    assert (answer["title"], answer["time_unit"]) == ("Harbour lights", "milliseconds")
    assert answer["version"] == TeamVersion.current(team.pk)
    assert script.post(f"/runs/{run.pk}", {"time_unit": ""}, method="patch").json()["title"] == "Harbour lights"
    run.refresh_from_db()
    assert (run.title, run.time_unit) == ("Harbour lights", "")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "say what to change"),
        ({"titel": "x"}, "titel"),
        ({"time_unit": "days"}, "time_unit"),
        ({"title": "x" * 201}, "A title has at most 200 characters."),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(script, team, body, detail):
    run = make_run(team, title="Draft")
    answer = script.post(f"/runs/{run.pk}", body, method="patch")
    assert answer.status_code == 422
    assert detail in answer.content.decode()
    run.refresh_from_db()
    assert run.title == "Draft"


def test_the_raw_answer_is_sent_as_it_was_stored(script, team):
    run = make_run(team)
    assert script.get(f"/runs/{run.pk}/answer").status_code == 404
    RawAnswer.objects.create(run=run, body=zlib.compress(b'{"es":1}'), size=8, fetched_at=timezone.now())
    answer = script.get(f"/runs/{run.pk}/answer")
    assert (answer.content, answer.headers["Content-Type"]) == (b'{"es":1}', "application/json")


def test_a_body_over_the_limit_answers_413(script):
    answer = script.post("/runs", {"text": "1 " * 2**20})
    assert (answer.status_code, answer.json()["detail"]) == (413, "This is more than 2 MB. Send it in parts.")


def test_a_refresh_is_queued_or_the_obstacle_named(team, script, enqueued):
    run = make_run(team, due_at=None)
    refused = script.post(f"/runs/{run.pk}/refresh")
    no_key = "This team has no CAMB.AI key yet, so nothing can be refreshed."
    assert (refused.status_code, refused.json()["detail"]) == (409, no_key)
    assert script.post("/runs/refresh", {"runs": [run.pk]}).json()["detail"] == no_key
    keys.save_key(team, "camb-0123456789-wxyz")
    enqueued.clear()
    assert script.post(f"/runs/{run.pk}/refresh").status_code == 202
    assert [task for task, *_ in enqueued] == ["refresh_requested"]
    assert script.post(f"/runs/{run.pk}/refresh").json()["detail"].startswith("This run is already being refreshed")
    archive_runs(team, [run.pk])
    assert script.post(f"/runs/{run.pk}/refresh").json()["detail"].startswith("An archived run is not refreshed.")


@pytest.mark.usefixtures("_broker_is_away")
def test_a_refresh_that_no_worker_can_be_told_of_answers_503(team, script):
    make_key(team)
    one, two = make_run(team, due_at=None), make_run(team, due_at=None)
    detail = "Refresh is delayed by a problem on this server. It starts by itself once that is fixed."
    for answer in (script.post(f"/runs/{one.pk}/refresh"), script.post("/runs/refresh", {"runs": [two.pk]})):
        assert (answer.status_code, answer.json()["detail"]) == (503, detail)
    assert set(Run.objects.due(clock.now())) == {one, two}


def test_bulk_changes_affect_only_the_teams_own_runs(team, script):
    keys.save_key(team, "camb-0123456789-wxyz")
    one, two, foreign = make_run(team), make_run(team, status="failed"), make_run(make_team())
    mine = {"runs": [one.pk, foreign.pk]}
    assert script.post("/runs/refresh", mine).json() == {"count": 1}
    assert script.post("/runs/tag", mine | {"tags": ["a, b"]}).json() == {"count": 1}
    assert script.post("/runs/untag", mine | {"tags": ["B"]}).json() == {"count": 1}
    assert script.post("/runs/archive", {"where": {"status": "failed"}}).json() == {"count": 1}
    assert set(Run.objects.archived()) == {two}
    assert script.post("/runs/archive", {"where": {}}).json() == {"count": 1}
    assert script.post("/runs/restore", {"where": {"status": "archived"}}).json() == {"count": 2}
    assert list(Run.objects.exclude(requested_at=None)) == []  # archiving withdraws requests for a refresh
    assert dict(Run.objects.values_list("pk", "tags__name")) == {one.pk: "a", two.pk: None, foreign.pk: None}


def test_removed_runs_are_listed_and_restored(team, script):
    one, two, foreign = make_run(team, title="One"), make_run(team), make_run(make_team())
    assert script.post("/runs/remove", {"runs": [one.pk, two.pk, foreign.pk]}).json() == {"count": 2}
    assert [script.get(f"/runs/{one.pk}").status_code, script.get("/runs").json()["runs"]] == [404, []]
    page = script.get("/removed-runs", limit=1).json()
    assert ([run["id"] for run in page["runs"]], page["next"]) == ([two.pk], two.pk)
    [listed] = script.get("/removed-runs", cursor=page["next"]).json()["runs"]
    assert (listed["title"], listed["removed_at"] < listed["deleted_at"]) == ("One", True)
    assert script.post("/runs/restore-removed", {"runs": [one.pk, foreign.pk]}).json() == {"count": 1}
    assert script.get(f"/runs/{one.pk}").status_code == 200
    added = script.post("/runs", {"ids": [two.camb_run_id]}).json()
    assert [line["id"] for line in added["restored"]] == [two.pk]
    assert Run.objects.removed().count() == 0


def test_a_script_removes_nothing_where_only_owners_do(team, script):
    run = make_run(team)
    Team.objects.update(only_owners_remove=True)
    assert script.post("/runs/remove", {"runs": [run.pk]}).status_code == 403


# --- Sources -----------------------------------------------------------------------------------------


def source_ids(response) -> list[int]:
    return [source["id"] for source in response.json()["sources"]]


def test_runs_are_joined_read_and_taken_apart(team, script):
    french, german, alone = (
        make_dub(make_run(team, title=f"Pilot ({tag})"), ["la"], tag).run for tag in ("fr-fr", "de-de", "pl-pl")
    )
    made = script.post("/sources", {"runs": [french.pk, german.pk]}).json()
    assert (made["title"], made["languages"]) == ("Pilot", ["fr-fr", "de-de"])
    assert [run["id"] for run in made["runs"]] == [french.pk, german.pk]
    assert script.get(f"/sources/{made['id']}").json() == made
    assert script.get(f"/runs/{french.pk}").json()["source"] == made["id"]
    assert script.get(f"/runs/{alone.pk}").json()["source"] is None
    assert script.delete(f"/sources/{made['id']}/runs/{alone.pk}").status_code == 404
    assert script.delete(f"/sources/{made['id']}/runs/{german.pk}").status_code == 204
    assert script.get(f"/sources/{made['id']}").status_code == 404


def test_sources_are_listed_by_page_and_by_the_language_that_they_miss(team, script):
    sources = []
    for other in ("de-de", "es-es", "de-de"):
        runs = [make_dub(make_run(team), ["la"], tag).run_id for tag in ("fr-fr", other)]
        sources.append(join_runs(team, runs, "Pilot").pk)
    join_runs(foreign := make_team(), [make_run(foreign).pk, make_run(foreign).pk])
    first = script.get("/sources", limit=2)
    assert source_ids(first) == sources[:0:-1]
    assert source_ids(script.get("/sources", limit=2, cursor=first.json()["next"])) == sources[:1]
    for tag in ("de-de", "de"):
        assert source_ids(script.get("/sources", missing=tag)) == [sources[1]]
    assert source_ids(script.get("/sources", missing="de-at")) == sources[::-1]
    assert script.get("/sources", missing="german!").json()["errors"][0]["at"] == "query.missing"


def test_many_sources_take_as_many_queries_as_one(team, script):
    counts = []
    for _ in range(2):
        join_runs(team, [make_dub(make_run(team), ["la"]).run_id for _ in range(2)])
        script.get("/sources")
        with CaptureQueriesContext(connection) as queries:
            script.get("/sources")
        counts.append(len(queries))
        for _ in range(5):
            join_runs(team, [make_dub(make_run(team), ["la"]).run_id for _ in range(3)])
    assert counts[0] == counts[1]


def test_a_source_needs_two_runs_of_the_team(team, script):
    run, foreign = make_run(team), make_run()
    answer = script.post("/sources", {"runs": [run.pk, foreign.pk]})
    assert (answer.status_code, answer.json()["detail"]) == (
        422, "A source needs two runs of the team, so nothing was joined.",
    )  # fmt: skip
    assert Source.objects.count() == 0
