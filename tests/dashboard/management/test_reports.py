"""The administrator's commands `users`, `teams`, `queue`, `keys` and `doctor`, with their output and their JSON."""

import io
import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from dashboard.management import checks
from results.media import copy_storage
from results.models import ApiKey, CopyPolicy, MediaCopy, ScheduledTask
from results.runs import retention
from results.runs.trash import purge_trash
from teams.models import Membership, Team, User
from tests.factories import (
    make_dub,
    make_key,
    make_member,
    make_pictured_copy,
    make_run,
    make_team,
    make_user,
    make_worker,
)
from tests.results.db.test_lock_order import waiting_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def output_of(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str):
    return json.loads(output_of(*arguments, "--json"))


def roles(team: Team) -> dict[str, str]:
    return {place.user.email: place.role for place in team.memberships.select_related("user")}


# --- users -------------------------------------------------------------------------------------------


def test_users_lists_accounts_with_their_teams():
    make_team("Kitchen", make_user("anna@example.org", name="Anna"))
    make_user("ben@example.org", is_active=False)
    assert [(user["email"], user["is_active"], user["teams"]) for user in as_json("users")] == [
        ("anna@example.org", True, ["kitchen (owner)"]),
        ("ben@example.org", False, []),
    ]
    assert [user["email"] for user in as_json("users", "list", "ben@")] == ["ben@example.org"]
    assert [line.split()[0] for line in output_of("users").splitlines()] == [
        "email",
        "anna@example.org",
        "ben@example.org",
    ]
    assert output_of("users", "list", "nowhere") == "There are no accounts.\n"


def test_a_closed_account_is_logged_out_and_may_be_reopened(client):
    user = make_user("anna@example.org")
    make_team("Kitchen", user)
    client.force_login(user)
    assert as_json("users", "close", "Anna@example.org") == {"email": "anna@example.org", "is_active": False}
    assert client.get("/t/kitchen/runs/").status_code == 302
    assert output_of("users", "reopen", "anna@example.org") == "anna@example.org may log in again.\n"
    assert User.objects.get().is_active


def test_deleting_an_account_gives_its_teams_to_another_owner():
    anna, ben = make_user("anna@example.org"), make_user("ben@example.org")
    alone, shared = make_team("Alone", anna), make_team("Shared", anna)
    Membership.objects.create(team=shared, user=ben, role="owner")
    with pytest.raises(CommandError, match=r"^anna@example.org alone owns alone\. Name who takes over"):
        output_of("users", "delete", "anna@example.org")
    assert User.objects.count() == 2
    assert as_json("users", "delete", "anna@example.org", "--new-owner=ben@example.org") == {
        "deleted": "anna@example.org",
        "teams_with_new_owner": ["alone"],
    }
    assert (roles(alone), roles(shared)) == ({"ben@example.org": "owner"}, {"ben@example.org": "owner"})
    assert not User.objects.filter(email="anna@example.org").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["users", "delete"], "Name the account to delete by its email address."),
        (["users", "close", "x@example.org"], "There is no account with the address 'x@example.org'."),
        (["teams", "delete"], "Name the team by its slug, as in its addresses: /t/SLUG/"),
        (["teams", "owner", "nowhere"], "There is no team 'nowhere'."),
        (["keys", "test", "nowhere"], "There is no team 'nowhere'."),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(arguments, sentence):
    with pytest.raises(CommandError) as refusal:
        output_of(*arguments)
    assert str(refusal.value) == sentence


# --- teams -------------------------------------------------------------------------------------------


def test_teams_lists_what_each_team_has():
    team = make_team("Kitchen", make_user("anna@example.org"))
    make_member(team)
    make_key(team)
    make_run(team)
    make_run(team, archived_at=timezone.now())
    assert as_json("teams") == [
        {
            "slug": "kitchen",
            "name": "Kitchen",
            "owners": ["anna@example.org"],
            "members": 2,
            "runs": 2,
            "archived": 1,
            "media_mb": 0,
            "key": "working",
        }
    ]


def test_an_owner_who_left_the_company_is_replaced():
    team = make_team("Kitchen", make_user("anna@example.org"))
    make_user("ben@example.org")
    assert as_json("teams", "owner", "kitchen", "ben@example.org")["owners"] == [
        "anna@example.org",
        "ben@example.org",
    ]
    output_of("teams", "owner", "kitchen", "ben@example.org", "--replace=anna@example.org")
    assert roles(team) == {"anna@example.org": "member", "ben@example.org": "owner"}
    with pytest.raises(CommandError, match="is not another owner of kitchen"):
        output_of("teams", "owner", "kitchen", "ben@example.org", "--replace=ben@example.org")


def test_a_closed_account_becomes_no_owner():
    make_team("Kitchen", make_user("anna@example.org"))
    make_user("ben@example.org", is_active=False)
    sentence = (
        "The account ben@example.org is closed and cannot own a team. "
        "Reopen it first: python manage.py users reopen ben@example.org"
    )
    for command in (
        ("teams", "owner", "kitchen", "ben@example.org", "--replace=anna@example.org"),
        ("users", "delete", "anna@example.org", "--new-owner=ben@example.org"),
    ):
        with pytest.raises(CommandError) as refusal:
            output_of(*command)
        assert str(refusal.value) == sentence
    assert [team["owners"] for team in as_json("teams")] == [["anna@example.org"]]


def test_a_team_is_deleted_only_when_that_is_said_twice():
    team = make_team("Kitchen")
    with pytest.raises(CommandError, match="Confirm with --yes"):
        output_of("teams", "delete", "kitchen")
    assert team.memberships.exists()
    assert as_json("teams", "delete", "kitchen", "--yes") == {"deleted": "kitchen"}
    purge_trash()
    assert not Team.objects.exists()


# --- queue and keys ----------------------------------------------------------------------------------


def test_queue_shows_what_is_due_and_who_is_there():
    team = make_team("Kitchen")
    make_key(team)
    make_run(team, due_at=timezone.now() - timedelta(hours=1))
    make_run(team, due_at=timezone.now() + timedelta(hours=1))
    make_worker()
    state = as_json("queue")
    assert (state["due_runs"], state["unfinished_runs"], state["workers"], state["leases"]) == (1, 2, 1, 0)
    assert 3600 <= state["oldest_due_age"] < 3660
    assert [(row["team"], row["due_runs"]) for row in state["teams"]] == [("kitchen", 1)]
    assert state["messages"].keys() == {"celery", "interactive"}
    printed = output_of("queue")
    assert [word in printed for word in ("due runs", "kitchen", "messages in interactive", "worker")] == [True] * 4


def test_runs_of_a_team_whose_key_may_not_be_used_are_not_late():
    team = make_team("Kitchen")
    make_key(team, state="refused", retry_at=timezone.now() + timedelta(hours=1))
    make_run(team, due_at=timezone.now() - timedelta(hours=1))
    assert (as_json("queue")["due_runs"], as_json("queue")["oldest_due_age"]) == (0, 0)


def test_keys_shows_those_in_trouble_and_no_secret(settings):
    good, bad, lost = make_team("Good"), make_team("Bad"), make_team("Lost")
    make_key(good, "good-secret")
    make_key(bad, "bad-secret", state="refused", message="CAMB.AI refused the key.")
    make_key(lost, "lost-secret")
    ApiKey.objects.filter(team=lost).update(sealed="x")
    assert [row["team"] for row in as_json("keys")] == ["bad", "good", "lost"]
    troubled = as_json("keys", "--in-trouble")
    assert [(row["team"], row["message"]) for row in troubled] == [
        ("bad", "CAMB.AI refused the key."),
        ("lost", "None of FIELD_KEYS decrypts this key."),
    ]
    assert "secret" not in output_of("keys")


def test_keys_has_a_key_tested(enqueued):
    make_key(make_team("Kitchen"), state="refused")
    assert as_json("keys", "test", "kitchen") == {"requested": "kitchen"}
    assert ("test_key",) in [call[:1] for call in enqueued]


# --- doctor ------------------------------------------------------------------------------------------


@pytest.fixture
def healthy(settings, tmp_path):
    """An installation in order."""
    settings.DATA_DIR = tmp_path
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "media"},
    }
    settings.STORAGES = settings.STORAGES | {"default": storage}
    settings.HOST = "127.0.0.1"
    make_worker()
    ScheduledTask.objects.update_or_create(name="refresh-due", defaults={"next_at": timezone.now()})


def doctor() -> tuple[int, dict[str, tuple[str, str]]]:
    """Return the exit code and, by check, the level and the next step."""
    out, code = io.StringIO(), 0
    try:
        call_command("doctor", "--json", stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, {row["check"]: (row["level"], row["mend"]) for row in json.loads(out.getvalue())}


@pytest.mark.usefixtures("healthy")
def test_doctor_finds_a_healthy_installation_in_order():
    code, found = doctor()
    assert (code, list(found)) == (0, list(checks.CHECKS))
    assert {name: level for name, (level, _) in found.items() if level == "failed"} == {}
    assert found["storage"] == found["permissions"] == found["clock"] == found["keys"] == ("ok", "")
    assert not default_storage.exists(".dubroom-check")


@pytest.mark.usefixtures("healthy")
def test_doctor_says_what_to_mend(settings, tmp_path):
    settings.HOST, settings.DEBUG, settings.IS_EMBEDDED, settings.MEDIA_STORAGE_SHARED = (
        "0.0.0.0",
        True,
        False,
        False,
    )
    (tmp_path / "field.key").write_text("k")
    (tmp_path / "field.key").chmod(0o644)
    ScheduledTask.objects.update(next_at=timezone.now() - timedelta(hours=1))
    team = make_team("Kitchen")
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=1)
    make_key(team)
    ApiKey.objects.update(sealed="x")
    code, found = doctor()
    assert code == 1
    assert found["permissions"] == ("failed", f"Run: chmod 600 {tmp_path}/field.key")
    assert found["workers"] == ("failed", "Start it on one machine: python manage.py start --only beat")
    assert found["storage"] == ("failed", copy_storage.NOT_SHARED)
    assert found["keys"][0] == "failed"
    assert found["settings"][0] == "warning"


@pytest.mark.usefixtures("healthy")
def test_doctor_finds_that_beat_was_never_started():
    ScheduledTask.objects.all().delete()
    [found] = checks.check_workers()
    assert (found.level, found.found) == ("failed", "Beat has never run.")


@pytest.mark.usefixtures("healthy")
def test_doctor_does_not_take_a_new_connection_for_a_slow_query(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(checks, "monotonic", lambda: now[0])
    monkeypatch.setattr(connection, "ensure_connection", lambda: now.__setitem__(0, 1.0))
    assert [result.found for result in checks.check_database() if "A query" in result.found] == []


@pytest.mark.usefixtures("healthy")
def test_doctor_accepts_another_storage_and_fetches_missing_copies():
    here, elsewhere = (make_pictured_copy(make_dub(make_run(make_team()))) for _ in range(2))
    default_storage.save(here.name, ContentFile(b"video"))
    MediaCopy.objects.update(storage="another")
    code, found = doctor()
    assert (code, found["storage"][0], "--accept-media-storage" in found["storage"][1]) == (1, "failed", True)
    assert as_json("doctor", "--accept-media-storage") == {"accepted": True, "from_elsewhere": 1}
    assert doctor()[1]["storage"][0] == "failed"
    assert output_of("doctor", "--fetch-missing-copies") == "Copies to be fetched again: 1.\n"
    assert (doctor()[1]["storage"][0], MediaCopy.objects.get(dub=None)) == ("ok", elsewhere)


@pytest.mark.usefixtures("healthy")
def test_doctor_says_in_a_sentence_that_the_storage_cannot_be_used(settings):
    make_pictured_copy(make_dub(make_run(make_team())))
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "tests.bucket.RefusingBucket"}}
    assert doctor()[1]["storage"] == ("failed", "Check MEDIA_STORAGE_URL, its keys and its rights.")
    with pytest.raises(CommandError, match="The storage of media copies cannot be used: 'AccessDenied'"):
        output_of("doctor", "--accept-media-storage")


# --- Retention ---------------------------------------------------------------------------------------


def test_a_team_may_limit_how_long_it_keeps_things():
    make_team("Kitchen")
    limits = as_json("teams", "retention", "kitchen", "--archived-run-days=90", "--media-days=30")
    assert limits == {"team": "kitchen", "archived_run_days": 90, "media_days": 30, "call_log_days": None}
    limits = as_json("teams", "retention", "kitchen", "--media-days=0", "--call-log-days=7")
    assert limits == {"team": "kitchen", "archived_run_days": 90, "media_days": None, "call_log_days": 7}
    with pytest.raises(CommandError, match="0 or more"):
        output_of("teams", "retention", "kitchen", "--media-days=-1")
    for option in ("--archived-run-days", "--media-days", "--call-log-days"):
        with pytest.raises(CommandError, match="at most 36,500"):
            output_of("teams", "retention", "kitchen", f"{option}=36501")


# --- Two administrators at once ----------------------------------------------------------------------

one_writer = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")


def lock_the_team() -> Team:
    return Team.objects.select_for_update().get()


@one_writer
@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_are_deleted_at_the_same_moment_one_stays():
    anna, ben = make_user("anna@example.org"), make_user("ben@example.org")
    team = make_team("Kitchen", anna)
    Membership.objects.create(team=team, user=ben, role="owner")

    def delete_ben() -> None:
        with pytest.raises(CommandError, match=r"ben@example\.org alone owns kitchen"):
            output_of("users", "delete", "ben@example.org")

    with waiting_for(lock_the_team, delete_ben):
        anna.delete()
    assert roles(team) == {"ben@example.org": "owner"}


@one_writer
@pytest.mark.django_db(transaction=True)
def test_of_two_limits_that_are_set_at_the_same_moment_both_stay():
    team = make_team("Kitchen")
    with waiting_for(lock_the_team, lambda: output_of("teams", "retention", "kitchen", "--media-days=30")):
        retention.set_limits(team, retention.Limits(archived_run_days=90))
    assert retention.limits_of(team) == retention.Limits(archived_run_days=90, media_days=30)
