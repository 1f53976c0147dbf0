"""The tab Key of a team: saving, testing and removing its CAMB.AI key, and what others see of it."""

import logging
import re
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from results.models import ApiKey
from results.refresh import keys
from teams.models import Membership, Team
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_run

# No worker runs here: tasks are only recorded.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role
KEY = "camb-unguessable-wxyz"


def url(name: str, *args: object) -> str:
    return reverse(name, args=args)


def page_of(client: Client, team: Team, tab: str = "teams-detail") -> str:
    return client.get(url(tab, team.slug)).content.decode()


def save_key(client: Client, key: str = KEY):
    return client.post(url("keys", "dub"), {"key": key})


def state_of(client: Client, **query: int) -> str:
    return client.get(url("keys-poll", "dub"), query).content.decode()


def record_call(team: Team, **fields: object) -> None:
    ApiKey.objects.filter(team=team).update(last_call_at=timezone.now(), **fields)


@pytest.mark.parametrize("typed", [KEY, f"  {KEY}\r\n", f'"{KEY}"', f"'{KEY}'", f"“{KEY}”", f'\t"{KEY}" '])
def test_a_key_is_saved_without_pasted_spaces_and_quotes(as_owner, team, typed, enqueued):
    assert save_key(as_owner, typed).url == url("keys", "dub")
    key = ApiKey.objects.get(team=team)
    assert (key.secret, key.last_four) == (KEY, "wxyz")
    assert ("test_key", team.pk) in enqueued


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Paste the key first."),
        ('  "" ', "Paste the key first."),
        ("sevench", "too short"),
        ("x" * 501, "too long"),
        ("camb 0123456789", "no spaces"),
        ("camb-ключ-0123456789", "only plain letters"),
        ("camb-０１２３４５６７", "only plain letters"),
        ("camb\n0123456789", "only plain letters"),
        ("camb\x1b0123456789", "only plain letters"),
        ("camb\x000123456789", "Null characters"),
    ],
)
def test_an_invalid_key_is_refused_with_the_reason_and_not_repeated(as_owner, team, typed, sentence):
    answer = save_key(as_owner, typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert not typed.strip('" ') or typed not in page
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u200e", "\u2007\xad"])
def test_an_invisible_name_is_refused(as_owner, team, name):
    assert as_owner.post(url("teams-detail", "dub"), {"name": name}).status_code == 422
    assert Team.objects.get().name == "Dub"


def test_an_invalid_key_leaves_the_saved_key_in_place(as_owner, team):
    save_key(as_owner)
    save_key(as_owner, "short")
    assert ApiKey.objects.get(team=team).secret == KEY


@pytest.mark.parametrize(("role", "shown"), [(Role.OWNER, "…wxyz"), (Role.MEMBER, "…wxyz"), (Role.VIEWER, None)])
def test_pages_show_at_most_the_last_four_characters_of_a_key(team, role, shown):
    keys.save_key(team, KEY)
    client = signed_in(make_member(team, role))
    for text in (page_of(client, team, "keys"), state_of(client)):
        assert KEY not in text
        assert "guess" not in text
        assert ("…wxyz" in text) == (shown is not None)
        assert (shown or "Testing…") in text


def test_a_key_is_not_stored_in_plain_text(as_owner, team):
    save_key(as_owner)
    assert KEY not in str(ApiKey.objects.values().get())


def test_only_the_end_of_a_key_is_logged(as_owner, caplog):
    caplog.set_level(logging.DEBUG)
    save_key(as_owner)
    save_key(as_owner, KEY + " x")
    assert "guess" not in caplog.text


def test_the_page_polls_until_the_key_was_tested(as_owner, team):
    save_key(as_owner)
    assert "data-poll" in page_of(as_owner, team, "keys")
    now = int(time.time())
    assert as_owner.get(url("keys-poll", "dub"), {"began": now}).status_code == 204
    record_call(team, state=ApiKey.State.WORKING)
    answer = state_of(as_owner, began=now)
    assert "Working" in answer
    assert "data-poll" not in answer


def test_a_key_that_works_leads_to_the_first_runs(as_owner, team):
    save_key(as_owner)
    step = url("runs-add", "dub")
    assert step not in state_of(as_owner)
    record_call(team, state=ApiKey.State.WORKING)
    assert step in state_of(as_owner)
    make_run(team)
    assert step not in state_of(as_owner)


def test_the_page_says_when_no_worker_runs_the_test(as_owner, team):
    save_key(as_owner)
    answer = state_of(as_owner, began=int(time.time()) - 31)
    assert "The test has not run yet" in answer
    assert "data-poll" not in answer


@pytest.mark.parametrize("began", ["x", "-1", "9" * 40, "٣", "1.5"])
def test_a_malformed_began_is_answered(as_owner, team, began):
    save_key(as_owner)
    assert as_owner.get(url("keys-poll", "dub"), {"began": began}).status_code in (200, 204)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": "Not whether it accepts this key."},
        {"failures": 1},
        *({"state": state, "message": "No."} for state in ApiKey.State if state not in ("untried", "working")),
    ],
)
@pytest.mark.parametrize("age_s", [0, 60])
def test_only_a_key_that_works_is_green(as_owner, team, fields, age_s):
    save_key(as_owner)
    record_call(team, **fields)
    for page in (state_of(as_owner, began=int(time.time()) - age_s), page_of(as_owner, team, "keys")):
        assert "status ready" not in page
        assert "status-ready" not in page
        assert url("runs-add", "dub") not in page


def test_a_viewer_reads_of_trouble_with_the_key_without_the_names_of_settings(team, camb, settings):
    settings.CAMB_BASE_URL = "ftp://nowhere"
    keys.save_key(team, KEY)
    keys.test_key(team.pk)
    client = signed_in(make_member(team, Role.VIEWER))
    for page in (page_of(client, team, "keys"), client.get(url("activity", "dub")).content.decode()):
        assert "Ask the administrator of this server" in page
        assert not re.search(r"\b(CAMB|FIELD|HTTPS?|DUBROOM)_[A-Z_]+", page)


def test_a_problem_with_the_key_is_shown_with_the_next_step(as_owner, team):
    save_key(as_owner)
    retry_at = timezone.now() + timedelta(minutes=30)
    record_call(
        team,
        state=ApiKey.State.REFUSED,
        message="CAMB.AI refused it. Paste another.",
        retry_at=retry_at,
        failures=1,
    )
    answer = state_of(as_owner)
    assert "Refused" in answer
    assert "CAMB.AI refused it. Paste another." in answer
    assert f'datetime="{retry_at:%Y-%m-%dT%H:%M}' in answer
    form = r'<details class="reveal"( open)?>\s*<summary>Replace the key'
    assert re.search(form, page_of(as_owner, team, "keys"))[1] == " open"
    record_call(team, state=ApiKey.State.UNPAID)
    assert re.search(form, page_of(as_owner, team, "keys"))[1] is None


def test_a_key_is_tested_again_on_request(as_owner, team, enqueued):
    save_key(as_owner)
    record_call(team, state=ApiKey.State.REFUSED, message="No.")
    enqueued.clear()
    assert as_owner.post(url("keys-test", "dub")).url == url("keys", "dub")
    assert enqueued == [("test_key", team.pk)]
    assert "Testing…" in state_of(as_owner)


def test_a_test_without_a_key_answers_404(as_owner):
    assert as_owner.post(url("keys-test", "dub")).status_code == 404


def test_key_tests_are_rate_limited(as_owner):
    save_key(as_owner)
    assert [as_owner.post(url("keys-test", "dub")).status_code for _ in range(11)][-1] == 429


def test_a_key_is_replaced_and_removed(as_owner, team):
    save_key(as_owner)
    save_key(as_owner, "camb-another-key-abcd")
    assert ApiKey.objects.get(team=team).secret == "camb-another-key-abcd"
    assert as_owner.post(url("keys-remove", "dub")).url == url("keys", "dub")
    assert ApiKey.objects.count() == 0
    assert "This team has no CAMB.AI key yet" in page_of(as_owner, team, "keys")


def test_the_demos_key_is_explained_and_stays(as_owner, team):
    keys.save_key(team, "demo-key-0000")
    record_call(team, is_demo=True, state=ApiKey.State.WORKING)
    page = page_of(as_owner, team, "keys")
    assert (
        "a stand-in on this machine answers in CAMB.AI&#x27;s place" in page or "stand-in on this machine" in page
    )
    assert 'name="key"' not in page
    assert save_key(as_owner).status_code == 422
    assert as_owner.post(url("keys-remove", "dub")).status_code == 422
    assert ApiKey.objects.get(team=team).secret == "demo-key-0000"
