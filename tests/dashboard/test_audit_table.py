"""The table of the audit trail: what each address that changes something writes there, or why it writes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from results import tags
from results.dubs import checks
from results.models import Run
from results.refresh import keys
from results.runs import trash
from results.runs.archive import archive_runs
from results.runs.source import join_runs
from results.transcripts.review import Kind
from teams.models import AuditEntry
from tests.dashboard.api.test_api import BODIES, Script
from tests.dashboard.api.test_api import TABLE as API_TABLE
from tests.dashboard.api.test_api import World as ApiWorld
from tests.dashboard.page_helpers import signed_in
from tests.dashboard.test_access_table import EXPORTS, TABLE
from tests.dashboard.world import World
from tests.factories import make_dub, make_run, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Action = AuditEntry.Action
FAST = ["A line that nobody can read in so short a time as this one has. " * 3]

# What a POST by an owner holds, and the kind of the entry that it writes.
WRITES: dict[str, tuple[dict[str, Any], Action]] = {
    "channels": ({"way": "webhook", "name": "New", "address": "https://x.example/y"}, Action.SETTINGS_CHANGED),
    "channels-detail": ({"name": "Renamed", "scope": "all"}, Action.SETTINGS_CHANGED),
    "channels-remove": ({}, Action.SETTINGS_CHANGED),
    "channels-rotate": ({}, Action.SETTINGS_CHANGED),
    "channels-switch": ({"off": "1"}, Action.SETTINGS_CHANGED),
    "feeds": ({}, Action.SETTINGS_CHANGED),
    "feeds-remove": ({}, Action.SETTINGS_CHANGED),
    "invitations-accept": ({}, Action.JOINED),
    "keys": ({"key": "camb-9876543210-zyxw"}, Action.KEY_CHANGED),
    "keys-remove": ({}, Action.KEY_REMOVED),
    "keys-test": ({}, Action.KEY_TESTED),
    "runs-add": ({"text": "4711", "save": "1"}, Action.RUNS_ADDED),
    "runs-bulk-archive": ({"all": "1"}, Action.RUNS_ARCHIVED),
    "runs-bulk-join": ({"all": "1"}, Action.RUNS_EDITED),
    "runs-bulk-language": ({"all": "1", "language": "Spanish"}, Action.RUNS_EDITED),
    "runs-bulk-remove": ({"all": "1", "confirmed": "1"}, Action.RUNS_REMOVED),
    "runs-bulk-unarchive": ({"all": "1", "archived": "1"}, Action.RUNS_UNARCHIVED),
    "runs-bulk-tag": ({"all": "1", "tags": "launch"}, Action.RUNS_EDITED),
    "runs-checks-dismiss": ({"reason": "Sung"}, Action.RUNS_EDITED),
    "runs-edit-archive": ({}, Action.RUNS_ARCHIVED),
    "runs-edit-remove": ({}, Action.RUNS_REMOVED),
    "runs-edit-unarchive": ({}, Action.RUNS_UNARCHIVED),
    "runs-edit-tags": ({"tags": "launch"}, Action.RUNS_EDITED),
    "runs-edit-times": ({"unit": "milliseconds"}, Action.RUNS_EDITED),
    "runs-edit-title": ({"title": "Harbour lights"}, Action.RUNS_EDITED),
    "runs-export-selection": ({"all": "1", "format": "srt"}, Action.EXPORTED),
    "runs-languages": ({"language": "Spanish"}, Action.RUNS_EDITED),
    "runs-languages-confirm": ({"all": "1"}, Action.RUNS_EDITED),
    "retention": ({"media_days": "30"}, Action.SETTINGS_CHANGED),
    "runs-saved-views-change": ({}, Action.SETTINGS_CHANGED),
    "runs-saved-views-edit": ({"name": "Ours", "is_shared": "on"}, Action.SETTINGS_CHANGED),
    "runs-saved-views-remove": ({}, Action.SETTINGS_CHANGED),
    "runs-saved-views-save": ({"name": "Mine", "is_shared": "on"}, Action.SETTINGS_CHANGED),
    "runs-source": ({}, Action.RUNS_EDITED),
    "runs-source-apart": ({}, Action.RUNS_EDITED),
    "runs-source-title": ({"title": "Harbour"}, Action.RUNS_EDITED),
    "runs-speakers-rename": ({"name": "Berta"}, Action.RUNS_EDITED),
    "search-save": ({"q": "harbour", "is_shared": "on"}, Action.SETTINGS_CHANGED),
    "search-saved-remove": ({}, Action.SETTINGS_CHANGED),
    "source-accept": ({}, Action.RUNS_EDITED),
    "source-refuse": ({}, Action.RUNS_EDITED),
    "teams-checks": ({"guide": "subtitles", "overlap_s": "0.1"}, Action.SETTINGS_CHANGED),
    "teams-detail": ({"name": "Dubbers"}, Action.SETTINGS_CHANGED),
    "teams-invite": ({"email": "lea@example.org", "role": "viewer"}, Action.INVITED),
    "teams-media": ({"is_on": "on", "most_gb": "1"}, Action.SETTINGS_CHANGED),
    "teams-member": ({"role": "manager"}, Action.MEMBER_CHANGED),
    "teams-new": ({"name": "Another"}, Action.JOINED),
    "teams-remove": ({"typed": "Dub"}, Action.TEAM_REMOVED),
    "teams-revoke": ({}, Action.INVITATION_REVOKED),
    "teams-rules": ({"only_owners_remove": "on"}, Action.SETTINGS_CHANGED),
    "teams-second-step": ({}, Action.SETTINGS_CHANGED),
    "tokens": ({"name": "Weekly", "access": "read", "days": "30"}, Action.TOKEN_CREATED),
    "tokens-revoke": ({}, Action.TOKEN_REVOKED),
    "trash-delete": ({"all": "1", "confirmed": "1"}, Action.RUNS_DELETED),
    "trash-restore": ({"all": "1"}, Action.RUNS_RESTORED),
    "trash-team-restore": ({}, Action.TEAM_RESTORED),
    "undo-last": ({}, Action.RUNS_UNARCHIVED),
}  # fmt: skip

# Asked for the password again.
CONFIRMED = ("keys", "keys-remove", "teams-second-step", "tokens", "feeds")

_LOG_IN = "of one person's log-in: tests/dashboard/accounts/test_trail.py tries what of it is told"
_PERSONAL = "how one person sees and hears of things; no other notices"
_READS = "changes nothing"
WRITES_NOTHING = {
    "account_confirm_email": _LOG_IN,
    "channels-resend": "sends again what was sent; the channel's own log has it",
    "channels-test": "sends a sentence of ours; the channel's own log has it",
    "demo-login": "the demo's log-in, which is told as others are: tests/dashboard/views/test_demo.py",
    "devices-end": _LOG_IN,
    "inbox-read": _PERSONAL,
    "notifications": _PERSONAL,
    "notifications-retry": _PERSONAL,
    "notifications-unsubscribe": _PERSONAL,
    "profile": _PERSONAL,
    "profile-delete": "told to each team: tests/dashboard/accounts/test_trail.py",
    "profile-player": _PERSONAL,
    "profile-shortcuts": _PERSONAL,
    "runs-bulk-refresh": "asks CAMB.AI again, as Dubroom does by itself; the call log has it",
    "runs-bulk-ticks": _READS,
    "runs-edit-refresh": "as runs-bulk-refresh",
    "runs-saved-views-columns": _PERSONAL,
    "trash-team-delete": "the trail is deleted with its team",
    "usersessions_list": _LOG_IN,
} | {name: _LOG_IN for name in TABLE if name.startswith(("account_", "mfa_", "openid_", "socialaccount_"))}


def changing() -> list[str]:
    return [name for name, (_gets, posts) in TABLE.items() if posts[-1] != 405]


def test_each_changing_address_writes_an_entry_or_says_why_not():
    assert sorted([*WRITES, *WRITES_NOTHING]) == sorted({*changing(), *WRITES_NOTHING})
    assert not set(WRITES) & set(WRITES_NOTHING)


@pytest.fixture(scope="module")
def web_world(django_db_setup, django_db_blocker) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def api_world(django_db_setup, django_db_blocker) -> Iterator[ApiWorld]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield ApiWorld()
        transaction.set_rollback(True)


def _prepared(web_world: World, name: str) -> tuple[str, str, dict[str, Any]]:
    """Bring the world into the state in which the address changes something; return role, address and data."""
    url, data, role, run = web_world.url(name), dict(WRITES[name][0]), "owner", web_world.dub.run
    other = make_run(web_world.team, title="Harbour ES")
    if name in ("runs-edit-unarchive", "runs-bulk-unarchive"):
        archive_runs(web_world.team, [run.pk])
        data |= {"status": "archived"} if "bulk" in name else {}
    elif name in ("trash-restore", "trash-delete"):
        trash.remove_runs(web_world.team, [run.pk], by="Ann")
    elif name in ("runs-source-apart", "runs-source-title"):
        join_runs(web_world.team, [run.pk, other.pk])
    elif name == "runs-source":
        data = {"run": other.pk}
    elif name in ("source-accept", "source-refuse"):
        Run.objects.filter(pk__in=[run.pk, other.pk]).update(suggestion=run.pk)
        data = {"suggestion": run.pk, "run": [run.pk, other.pk]}
    elif name == "runs-languages":
        data |= {"dub": web_world.dub.pk}
    elif name == "runs-languages-confirm":
        make_dub(other, ["Hola"], language="es", language_source="guess")
        Run.objects.filter(pk=other.pk).update(guessed_languages="es")
    elif name == "runs-speakers-rename":
        url += "?speaker=Anna"
    elif name == "runs-checks-dismiss":
        fast = make_dub(other, FAST)
        url = reverse(name, args=[other.pk]) + f"?line={fast.cues.get().pk}&kind={Kind.FAST.value}"
    elif name == "feeds-remove":
        role = "member"
    elif name == "invitations-accept":
        web_world.people["kim"] = make_user("kim@example.org")
        role = "kim"
    elif name == "keys-test":
        keys.save_key(web_world.team, "camb-0123456789-wxyz")
    return role, url, data


@pytest.mark.parametrize("name", WRITES)
def test_what_an_address_changes_is_in_the_trail(web_world, name):
    role, url, data = _prepared(web_world, name)
    client = signed_in(web_world.people[role], is_confirmed=name in CONFIRMED)
    if name == "invitations-accept":
        client.get(reverse("invitations-follow", args=[web_world.token]))
    if name == "undo-last":
        client.post(web_world.url("runs-bulk-archive"), {"all": "1"})
        data["change"] = client.session["changes"][-1][0]
    before = AuditEntry.objects.count()
    answer = client.post(url, data)
    assert answer.status_code in (200, 201, 302), answer.content[:2000]
    written = AuditEntry.objects.order_by("pk")[before:]
    assert [entry.kind for entry in written] == [WRITES[name][1]]
    assert [(entry.person, entry.way) for entry in written] == [(web_world.people[role].email, "web")]


@pytest.mark.parametrize("name", EXPORTS)
def test_each_export_and_download_is_in_the_trail(web_world, name):
    is_player = name == "media-captions"  # the lines under the picture: an export has an address of its own
    query = {"download": "", "format": "srt"} | ({"q": "hello"} if name == "search-export" else {})
    answer = web_world.client("owner").get(web_world.url(name), query)
    assert answer.status_code in (200, 502)  # CAMB.AI's host of the media is not there
    kinds = set(AuditEntry.objects.values_list("kind", flat=True)) & {Action.EXPORTED, Action.MEDIA_DOWNLOADED}
    media = name in ("media-video", "media-audio")
    assert kinds == (set() if is_player else {Action.MEDIA_DOWNLOADED if media else Action.EXPORTED})


# --- The API -----------------------------------------------------------------------------------------

API_WRITES: dict[tuple[str, str], Action] = {
    ("post", "/dubs/{dub}/checks/dismiss"): Action.RUNS_EDITED,
    ("post", "/dubs/{dub}/checks/restore"): Action.RUNS_EDITED,
    ("post", "/sources"): Action.RUNS_EDITED,
    ("delete", "/sources/{source}/runs/{run}"): Action.RUNS_EDITED,
    ("post", "/runs"): Action.RUNS_ADDED,
    ("patch", "/runs/{run}"): Action.RUNS_EDITED,
    ("patch", "/dubs/{dub}"): Action.RUNS_EDITED,
    ("post", "/runs/language"): Action.RUNS_EDITED,
    ("post", "/runs/language/confirm"): Action.RUNS_EDITED,
    ("post", "/runs/archive"): Action.RUNS_ARCHIVED,
    ("post", "/runs/restore"): Action.RUNS_UNARCHIVED,
    ("post", "/runs/remove"): Action.RUNS_REMOVED,
    ("post", "/runs/restore-removed"): Action.RUNS_RESTORED,
    ("post", "/runs/tag"): Action.RUNS_EDITED,
    ("post", "/runs/untag"): Action.RUNS_EDITED,
    ("get", "/runs/{run}/answer"): Action.EXPORTED,
    ("get", "/dubs/{dub}/transcript.{format}"): Action.EXPORTED,
    ("get", "/dubs/{dub}/video"): Action.MEDIA_DOWNLOADED,
    ("get", "/dubs/{dub}/audio"): Action.MEDIA_DOWNLOADED,
}
API_WRITES_NOTHING = {("post", "/runs/refresh"), ("post", "/runs/{run}/refresh")}  # as runs-bulk-refresh


def test_each_changing_operation_writes_an_entry_or_says_why_not():
    assert {key for key in API_TABLE if key[0] != "get"} - set(API_WRITES) == API_WRITES_NOTHING


@pytest.mark.parametrize(("method", "path"), API_WRITES)
def test_what_a_script_does_is_in_the_trail(api_world, method, path):
    run, dub = api_world.dub.run, api_world.dub
    companion = api_world.companions[run.pk]
    make_dub(companion, ["Hola"], language="es", language_source="guess")
    Run.objects.filter(pk=companion.pk).update(guessed_languages="es")
    make_dub(run, FAST, language="de")
    body: object = dict(BODIES.get(path, {})) | {"runs": [run.pk]}  # type: ignore[call-overload]
    if path in ("/runs", "/runs/{run}", "/dubs/{dub}"):
        body = BODIES[path]
    elif path == "/sources":
        body = {"runs": [run.pk, companion.pk]}
    elif path.startswith("/runs/language"):
        body = {"runs": [companion.pk], "language": "French"} if path.endswith("e") else {"runs": [companion.pk]}
    elif path == "/runs/untag":
        tags.add_tags(api_world.team, {run.pk: ["launch"]})
    elif path == "/runs/restore":
        archive_runs(api_world.team, [run.pk])
    elif path == "/runs/restore-removed":
        trash.remove_runs(api_world.team, [run.pk], by="Ann")
    elif path.startswith("/sources/"):
        join_runs(api_world.team, [run.pk, companion.pk])
    elif "/checks/" in path:
        dub = run.dubs.get(language="de")
        body = {"kind": "fast", "reason": "Sung"}
        if path.endswith("/restore"):
            _count, at = checks.dismiss_all(
                dub, Kind.FAST, "Sung", api_world.team.memberships.get(role="owner").user
            )
            body = {"kind": "fast", "dismissed_at": at.isoformat()}
    source = Run.objects.get(pk=run.pk).source_id
    before = AuditEntry.objects.count()
    script = Script(api_world.team, api_world.secrets["owner"])
    address = path.format(run=run.pk, dub=dub.pk, format="srt", source=source)
    send = {"get": script.get, "delete": script.delete}.get(method)
    answer = send(address) if send else script.post(address, body, method=method)
    assert answer.status_code in (200, 204, 302), answer.content
    written = AuditEntry.objects.order_by("pk")[before:]
    assert [(entry.kind, entry.way) for entry in written] == [(API_WRITES[method, path], "token")]
    assert written[0].token.startswith("Nightly …")
