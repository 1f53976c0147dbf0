"""The test of a key: only an answer that CAMB.AI gives to accepted keys alone records the key as working."""

import pytest
from django.utils import timezone

from demo.server import Reply
from results import camb as camb_client
from results.models import ApiKey, Run
from results.refresh import circuit_breaker, keys
from tests.factories import make_run, make_runs

pytestmark = pytest.mark.django_db
State = ApiKey.State


@pytest.fixture
def tested(team, enqueued):
    """Test the team's key, and return its row."""

    def test() -> ApiKey:
        keys.request_test(ApiKey.objects.get())
        keys.test_key(team.pk)
        return ApiKey.objects.get()

    return test


def test_a_key_that_sees_a_run_of_its_own_works(camb, team, tested):
    run = make_run(team)
    camb.runs[run.camb_run_id] = {}
    assert tested().state == State.WORKING


def test_a_key_of_a_team_without_runs_works_when_camb_knows_no_run_1(camb, tested):
    assert tested().state == State.WORKING


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(401), State.REFUSED),
        (Reply(402), State.UNPAID),
        (Reply(405), State.REFUSED),
        (Reply(302), State.UNAVAILABLE),
        (Reply(408), State.UNAVAILABLE),
        (Reply(429), State.UNAVAILABLE),
        (Reply(500), State.UNAVAILABLE),
        (Reply(503), State.UNAVAILABLE),
        (Reply(200, b"<html>Sign in to the Wi-Fi</html>"), State.UNAVAILABLE),
        (Reply(200, b""), State.UNAVAILABLE),
        (Reply(None, b"", reset=True), State.UNAVAILABLE),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_one_failed_test_shows_at_once(camb, tested, reply, state):
    camb.script(reply)
    key = tested()
    assert (key.state, bool(key.message), key.is_in_trouble) == (state, True, True)


@pytest.mark.parametrize("run_count", [0, 1, 2])
@pytest.mark.parametrize(
    ("code", "state"),
    [
        (401, State.REFUSED),
        (402, State.UNPAID),
        (403, State.REFUSED),
        (429, State.UNAVAILABLE),
        (500, State.UNAVAILABLE),
        (503, State.UNAVAILABLE),
    ],
)
def test_a_code_in_the_body_of_a_200_shows_no_key_as_working(camb, team, tested, sweep, code, state, run_count):
    camb.rule = lambda call: Reply(200, {"error": "No", "status": code})
    make_runs(team, run_count)
    assert tested().state == (State.UNTRIED if code == 403 and not run_count else state)
    ApiKey.objects.update(state=State.UNTRIED, failures=0, retry_at=None)
    sweep()
    assert ApiKey.objects.get().state != State.WORKING


def test_a_403_about_a_run_of_the_team_refuses_the_key(camb, team, tested):
    make_run(team)
    camb.script(Reply(403))
    assert tested().state == State.REFUSED


@pytest.mark.parametrize("status", [400, 403, 410, 422])
def test_a_refusal_that_may_concern_only_the_run_asked_about_proves_nothing(camb, tested, status):
    camb.script(Reply(status))
    key = tested()
    assert (key.state, key.is_in_trouble) == (State.UNTRIED, False)
    assert "did not say whether it accepts this key" in key.message
    assert key.last_call_at is not None


def test_an_address_without_camb_behind_it_is_no_success(camb, tested):
    camb.script(Reply(404), Reply(404))
    key = tested()
    assert key.state == State.UNAVAILABLE
    assert "was not found" in key.message


@pytest.mark.parametrize("reply", [Reply(500), Reply(204), Reply(200, b"<html>"), Reply(200, {"languages": []})])
def test_camb_not_knowing_a_run_counts_although_its_lists_of_languages_are_broken(camb, team, sweep, reply):
    run = make_run(team)
    camb.runs[run.camb_run_id] = Reply(404)
    camb.rule = lambda call: reply if "languages" in call.path else None
    sweep()
    run.refresh_from_db()
    key = ApiKey.objects.get()
    assert (run.status, key.failures, key.is_in_trouble) == ("not_found", 0, False)


def test_an_answer_that_breaks_the_reader_ends_the_test_as_failed(camb, tested, monkeypatch):
    monkeypatch.setattr(camb_client.Client, "fetch", lambda *_: [].pop())
    key = tested()
    assert (key.state, "could not be read" in key.message) == (State.UNAVAILABLE, True)


def test_a_key_that_cannot_be_decrypted_is_refused_without_the_name_of_a_setting(camb, tested, caplog):
    ApiKey.objects.update(sealed="x")
    key = tested()
    assert (key.state, "FIELD_KEYS" in key.message) == (State.REFUSED, False)
    assert "Check the setting FIELD_KEYS." in caplog.text


def test_a_call_made_with_the_earlier_key_says_nothing_of_the_new_one(team, enqueued):
    before = ApiKey.objects.get()
    ApiKey.objects.update(failures=0)
    keys.save_key(team, "another-key")
    circuit_breaker.record_success(ApiKey(pk=before.pk, sealed=before.sealed))
    assert ApiKey.objects.get().state == State.UNTRIED


def test_a_refusal_of_a_run_does_not_record_an_untried_key_as_working(camb, team, sweep):
    ApiKey.objects.update(state=State.UNTRIED)
    run = make_run(team)
    camb.runs[run.camb_run_id] = Reply(403)
    sweep()
    assert ApiKey.objects.get().state == State.UNTRIED
    camb.runs[run.camb_run_id] = {}
    Run.objects.update(due_at=timezone.now())
    sweep()
    assert ApiKey.objects.get().state == State.WORKING
