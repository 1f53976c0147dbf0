"""The audit trail: what is told of whom, who reads it, and that nothing changes it or gives a secret away."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from results import tasks
from results.media import quota
from results.refresh import keys
from results.runs import trash
from results.runs.add import add_runs
from teams import audit
from teams.models import AccessToken, AppendOnlyError, AuditEntry, Invitation, Membership, Team
from tests.dashboard.page_helpers import signed_in, text_of, undo
from tests.factories import (
    make_dub,
    make_invitation,
    make_member,
    make_numbered_runs,
    make_run,
    make_team,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role
Action = AuditEntry.Action
PASSWORD = "correct horse"
KEY = "camb-0123456789-wxyz"


def told(team: Team) -> list[tuple[str, str, int]]:
    """Return the kind, the detail and the count of the team's entries, oldest first."""
    return list(AuditEntry.objects.filter(team=team).order_by("pk").values_list("kind", "detail", "count"))


def submit(client: Client, url_name: str, /, *args: object, **data: object) -> None:
    assert client.post(reverse(url_name, args=args), data).status_code in (200, 201, 302)


def log_in(email: str, password: str) -> None:
    Client(REMOTE_ADDR="192.0.2.7").post(reverse("account_login"), {"login": email, "password": password})


# --- What is told ------------------------------------------------------------------------------------


def test_an_entry_says_who_did_what_when_and_from_where(team, owner):
    run = make_run(team, camb_run_id=77)
    before = timezone.now()
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(owner)
    submit(client, "runs-edit-archive", run.pk)
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.detail, entry.count) == (Action.RUNS_ARCHIVED, "Run 77", 1)
    assert (entry.person, entry.way, entry.address) == ("Anna (anna@example.org)", "web", "192.0.2.7")
    assert before <= entry.at <= timezone.now()


def test_what_a_script_does_names_its_token(team):
    membership = make_member(team).memberships.get()
    _token, secret = AccessToken.objects.issue(membership, "Nightly", can_write=True)
    headers = {"Authorization": f"Bearer {secret}"}
    client = Client(headers=headers)
    client.post(f"/api/v1/t/{team.slug}/runs", {"ids": [1, 2]}, content_type="application/json")
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.count, entry.way) == (Action.RUNS_ADDED, 2, "token")
    assert (entry.token, entry.person) == (f"Nightly …{secret[-4:]}", membership.user.email)


def test_what_a_command_or_a_worker_does_is_told_without_a_person(team):
    add_runs(team, [(1, "")], None)
    entry = AuditEntry.objects.get()
    assert (entry.way, entry.person, entry.address, entry.detail) == ("server", "", None, "Run 1")


def test_log_ins_are_told_to_each_team_of_the_person_and_to_no_other(team, owner):
    second, other = make_team("Second", owner), make_team("Other")
    log_in("ANNA@example.org", "wrong horse")
    log_in("anna@example.org", PASSWORD)
    log_in("nobody@example.org", PASSWORD)
    for one in (team, second):
        assert [kind for kind, _, _ in told(one)] == [Action.LOGIN_FAILED, Action.LOGGED_IN]
    entry = AuditEntry.objects.filter(team=team).first()
    assert (entry.person, entry.address, entry.way) == ("Anna (anna@example.org)", "192.0.2.7", "web")
    assert told(other) == []


def test_changes_of_people_and_settings_are_told(team, as_owner):
    ben = make_member(team).memberships.get()
    name = ben.user.email
    submit(as_owner, "teams-member", "dub", ben.pk, role=Role.MANAGER)
    submit(as_owner, "teams-member", "dub", ben.pk, may_export="no")
    submit(as_owner, "teams-member", "dub", ben.pk, remove="yes")
    submit(as_owner, "teams-invite", "dub", email="kim@example.org", role=Role.VIEWER)
    submit(as_owner, "teams-revoke", "dub", Invitation.objects.get().pk)
    submit(as_owner, "teams-rules", "dub", only_owners_remove="on")
    submit(as_owner, "teams-detail", "dub", name="Dubbers")
    submit(as_owner, "teams-media", "dub", is_on="on", most_gb=1)
    submit(as_owner, "retention", "dub", archived_run_days=90)
    submit(as_owner, "keys", "dub", key=KEY)
    submit(as_owner, "keys-test", "dub")
    submit(as_owner, "keys-remove", "dub")
    assert told(team) == [
        (Action.MEMBER_CHANGED, f"{name}: member → manager", 1),
        (Action.MEMBER_CHANGED, f"{name}: export not allowed", 1),
        (Action.MEMBER_REMOVED, name, 1),
        (Action.INVITED, "kim@example.org as viewer", 1),
        (Action.INVITATION_REVOKED, "kim@example.org", 1),
        (Action.SETTINGS_CHANGED, "only owners remove runs: yes", 1),
        (Action.SETTINGS_CHANGED, "name: Dubbers", 1),
        (Action.SETTINGS_CHANGED, "copies of media: on, up to 1 GB", 1),
        (
            Action.SETTINGS_CHANGED,
            "retention: archived runs 90 days, copies of media no limit, calls to CAMB.AI no limit",
            1,
        ),
        (Action.KEY_CHANGED, "…wxyz", 1),
        (Action.KEY_TESTED, "…wxyz", 1),
        (Action.KEY_REMOVED, "", 1),
    ]


def test_joining_and_leaving_are_told(team):
    _invitation, token = make_invitation(team, "kim@example.org")

    kim = signed_in(make_user("kim@example.org"))
    kim.get(reverse("invitations-follow", args=[token]))
    submit(kim, "invitations-accept")
    submit(kim, "teams-member", "dub", team.memberships.get(user__email="kim@example.org").pk, remove="yes")
    assert told(team) == [(Action.JOINED, "kim@example.org as viewer", 1), (Action.LEFT, "", 1)]


def test_tokens_are_told_by_their_name_and_end(team, as_owner):
    submit(as_owner, "tokens", "dub", name="Nightly", access="read", days="30")
    token = AccessToken.objects.get()
    submit(as_owner, "tokens-revoke", "dub", token.pk)
    assert told(team) == [
        (Action.TOKEN_CREATED, f"Nightly …{token.last_four}, read", 1),
        (Action.TOKEN_REVOKED, f"Nightly …{token.last_four}", 1),
    ]


def test_changes_of_runs_are_told(team, member):
    run = make_run(team, camb_run_id=77)
    dub = make_dub(run, ["Hello"])
    submit(member, "runs-edit-title", run.pk, title="Harbour")
    submit(member, "runs-edit-tags", run.pk, tags="launch")
    submit(member, "runs-edit-tags", run.pk, remove="launch")
    submit(member, "runs-languages", run.pk, dub=dub.pk, language="Spanish")
    member.post(reverse("runs-speakers-rename", args=[run.pk]) + "?speaker=Anna", {"name": "Berta"})
    submit(member, "runs-edit-archive", run.pk)
    submit(member, "runs-edit-unarchive", run.pk)
    submit(member, "runs-edit-remove", run.pk)
    undo(member, team)
    assert told(team) == [
        (Action.RUNS_EDITED, "Run 77 · title", 1),
        (Action.RUNS_EDITED, "Run 77 · tags added", 1),
        (Action.RUNS_EDITED, "Run 77 · tags removed", 1),
        (Action.RUNS_EDITED, "Run 77 · language: es", 1),
        (Action.RUNS_EDITED, "Run 77 · speaker renamed", 1),
        (Action.RUNS_ARCHIVED, "Run 77", 1),
        (Action.RUNS_UNARCHIVED, "Run 77", 1),
        (Action.RUNS_REMOVED, "Run 77", 1),
        (Action.RUNS_RESTORED, "Run 77", 1),
    ]


def test_exports_and_downloads_are_told_and_playing_is_not(team, member):
    dub = make_dub(make_run(team, camb_run_id=77), ["Hello"], video_url="https://x.invalid/v.mp4")
    member.get(reverse("runs-export-dub", args=[dub.pk, "srt"]))
    member.get(reverse("runs-export-selection", args=["dub"]), {"format": "vtt"})
    member.get(reverse("media-video", args=[dub.pk]))
    member.get(reverse("media-captions", args=[dub.pk]))
    member.get(reverse("media-video", args=[dub.pk]) + "?download")
    assert told(team) == [
        (Action.EXPORTED, "Run 77 · transcript, srt", 1),
        (Action.EXPORTED, "transcripts, vtt", 1),
        (Action.MEDIA_DOWNLOADED, "Run 77 · video", 1),
    ]


@pytest.mark.parametrize("number", [1, 35])
def test_a_bulk_action_is_one_entry_with_its_count(team, member, monkeypatch, number):
    monkeypatch.setattr("results.db.chunks._RUNS_PER_CHUNK", 10)
    make_numbered_runs(team, number)
    submit(member, "runs-bulk-remove", "dub", all="1", confirmed="1")
    trash.delete_removed(team, trash.removed_runs(team).pks())
    assert told(team) == [
        (kind, "Run 1" if number == 1 else "", number) for kind in (Action.RUNS_REMOVED, Action.RUNS_DELETED)
    ]


def test_what_changes_nothing_is_not_told(team, member):
    run = make_run(team)
    submit(member, "runs-edit-unarchive", run.pk)
    submit(member, "runs-bulk-archive", "dub", pk=[])
    assert told(team) == []


def test_an_entry_goes_with_the_change_that_it_tells(team):
    with transaction.atomic():
        quota.set_policy(team, is_on=True, most_gb=1)
        assert len(told(team)) == 1
        transaction.set_rollback(True)
    assert told(team) == []


# --- What is never told ------------------------------------------------------------------------------


def test_no_entry_holds_a_secret(team, owner, as_owner):
    submit(as_owner, "keys", "dub", key=KEY)
    secret = as_owner.post(
        reverse("tokens", args=["dub"]), {"name": "Nightly", "access": "write", "days": ""}
    ).text.partition('value="dubroom_')[2][:48]
    log_in("anna@example.org", PASSWORD)
    log_in("anna@example.org", "wrong horse")
    log_in(PASSWORD, PASSWORD)
    submit(as_owner, "teams-invite", "dub", email="kim@example.org", role=Role.VIEWER)
    link = as_owner.get(reverse("teams-detail", args=["dub"])).text.partition("/invitations/")[2][:20]
    as_owner.get(reverse("runs-list", args=["dub"]))
    Client(headers={"Authorization": f"Bearer dubroom_{secret}"}).post(
        "/api/v1/t/dub/runs", {"ids": [1]}, content_type="application/json"
    )
    everything = str(list(AuditEntry.objects.values_list()))
    kinds = {kind for kind, _, _ in told(team)}
    assert {
        Action.KEY_CHANGED,
        Action.TOKEN_CREATED,
        Action.LOGGED_IN,
        Action.LOGIN_FAILED,
        Action.RUNS_ADDED,
    } <= kinds
    assert (len(secret), len(link)) == (48, 20)
    for hidden in (KEY, KEY[:-4], PASSWORD, "wrong horse", secret, secret[:8], link):
        assert hidden not in everything


# --- Nothing changes it ------------------------------------------------------------------------------


def test_an_entry_is_neither_changed_nor_deleted_by_code(team):
    audit.record(team, Action.EXPORTED)
    entry = AuditEntry.objects.get()
    entries = AuditEntry.objects.all()
    for change in (entry.save, entry.delete, entries.delete, lambda: entries.update(detail="x")):
        with pytest.raises(AppendOnlyError):
            change()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE teams_auditentry SET detail = 'x'")
    assert told(team) == [(Action.EXPORTED, "", 1)]


def test_entries_are_kept_for_a_year_and_no_longer(team, settings):
    settings.AUDIT_DAYS = 365
    now = timezone.now()
    AuditEntry.objects.bulk_create(
        AuditEntry(team=team, kind=Action.EXPORTED, detail=str(days), at=now - timedelta(days=days))
        for days in (366, 364, 0)
    )
    tasks.delete_old_audit_entries()
    assert [detail for _, detail, _ in told(team)] == ["364", "0"]


def test_the_name_stays_when_the_account_is_deleted_and_the_trail_goes_with_the_team(team, as_owner):
    ben = make_member(team)
    submit(signed_in(ben), "runs-edit-archive", make_run(team).pk)
    ben.delete()
    assert ben.email in as_owner.get(reverse("audit", args=["dub"])).text
    team.delete()
    assert not AuditEntry.objects.exists()


# --- Reading it --------------------------------------------------------------------------------------


def test_the_trail_is_filtered_by_kind_person_and_day(team, as_owner):
    now = timezone.now()
    rows = [(Action.EXPORTED, "Ben", 3), (Action.KEY_TESTED, "Ben", 2), (Action.EXPORTED, "Cleo (cleo@x.org)", 1)]
    AuditEntry.objects.bulk_create(
        AuditEntry(
            team=team, kind=kind, person=person, detail=f"no{days}", way="web", at=now - timedelta(days=days)
        )
        for kind, person, days in rows
    )
    audit.record(make_team(), Action.EXPORTED, "foreign")

    def found(**query: str) -> list[str]:
        text = text_of(as_owner.get(reverse("audit", args=["dub"]), query))
        return [word for word in ("no1", "no2", "no3", "foreign") if word in text]

    day = (now - timedelta(days=2)).date().isoformat()
    assert found() == ["no1", "no2", "no3"]
    assert found(kind=Action.EXPORTED) == ["no1", "no3"]
    assert found(person="CLEO@") == ["no1"]
    assert found(since=day) == ["no1", "no2"]
    assert found(until=day) == ["no2", "no3"]
    assert found(kind="nonsense", since="31.12.", until="9999-12-31", after="x") == ["no1", "no2", "no3"]


def test_older_entries_are_on_further_pages_and_in_the_csv(team, as_owner, monkeypatch):
    monkeypatch.setattr("dashboard.views.audit.get_page.__defaults__", (2,))
    monkeypatch.setattr("dashboard.pages.audit_log._EXPORT_SIZE", 2)
    for number in range(5):
        audit.record(team, Action.EXPORTED, f"no{number}")
    url, query, pages = reverse("audit", args=["dub"]), "", []
    for _ in range(3):
        answer = as_owner.get(url + query)
        pages.append([f"no{number}" for number in range(5) if f"no{number}" in text_of(answer)])
        query = "?after=" + answer.text.rpartition('href="?after=')[2].partition('"')[0]
    assert pages == [["no3", "no4"], ["no1", "no2"], ["no0"]]
    file = as_owner.get(reverse("audit-export", args=["dub"])).getvalue().decode("utf-8-sig")
    details = [row["details"] for row in csv.DictReader(StringIO(file))]
    assert details == ["audit trail, csv", "no4", "no3", "no2", "no1", "no0"]


def test_a_hundred_entries_take_as_many_queries_as_one(
    team, as_owner, django_assert_num_queries, django_assert_max_num_queries
):
    url = reverse("audit", args=["dub"])
    audit.record(team, Action.EXPORTED)
    as_owner.get(url)
    with django_assert_max_num_queries(8) as first:
        as_owner.get(url)
    for _ in range(120):
        audit.record(team, Action.EXPORTED)
    with django_assert_num_queries(len(first)):
        as_owner.get(url)


def test_hostile_names_are_escaped_and_are_no_formulas(team, as_owner):
    audit.record(team, Action.EXPORTED, "=1+1<script>")
    assert "<script>" not in as_owner.get(reverse("audit", args=["dub"])).text.partition("<main")[2]
    file = as_owner.get(reverse("audit-export", args=["dub"])).getvalue().decode()
    assert ",=1+1" not in file


def test_owners_read_the_trail_by_the_api(team, owner):
    for number in range(3):
        audit.record(team, Action.EXPORTED, f"no{number}")
    audit.record(team, Action.KEY_TESTED)
    _token, secret = AccessToken.objects.issue(owner.memberships.get(), "Watch", can_write=False)
    client, url = Client(headers={"Authorization": f"Bearer {secret}"}), f"/api/v1/t/{team.slug}/audit"
    query: dict[str, str] = {"kind": "exported", "limit": "2"}
    page = client.get(url, query).json()
    assert [entry["detail"] for entry in page["entries"]] == ["no2", "no1"]
    rest = client.get(url, query | {"cursor": str(page["next"])}).json()
    assert ([entry["detail"] for entry in rest["entries"]], rest["next"]) == (["no0"], None)
    assert client.get(url, {"kind": "nonsense"}).status_code == 422


def test_a_request_writes_a_constant_number_of_entries(team, owner, django_assert_num_queries):
    for number in range(5):
        make_team(f"Team {number}", owner)
    with django_assert_num_queries(2):
        audit.record_login(owner, Action.LOGGED_IN)
    assert AuditEntry.objects.count() == 6
    keys.save_key(team, KEY)
    assert AuditEntry.objects.count() == 7
