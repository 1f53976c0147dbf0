"""The team pages: entry, members, invitations, media copies, the key, and deletion."""

import logging
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from results.models import ApiKey, CopyPolicy, Cue, MediaCopy, Run
from results.refresh import keys
from results.runs.trash import purge_trash
from teams.models import Invitation, Membership, Team, User
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_dub, make_member, make_run, make_team, make_user

# No worker runs here: tasks are only recorded.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role
KEY = "camb-0123456789-wxyz"
TABS = ("teams-detail", "keys", "teams-media", "teams-checks", "retention", "channels", "tokens", "audit")


def url(name: str, *args: object) -> str:
    return reverse(name, args=args)


def page_of(client: Client, team: Team, tab: str = "teams-detail") -> str:
    return client.get(url(tab, team.slug)).content.decode()


# --- Entry and new teams -----------------------------------------------------------------------------


def test_home_redirects_to_the_team_seen_last(owner, as_owner):
    second = make_team("Zebra", owner)
    assert as_owner.get("/").url == url("runs-list", "dub")
    as_owner.get(url("teams-detail", second.slug))
    assert as_owner.get("/").url == url("runs-list", "zebra")


def test_home_forgets_a_team_that_was_left(owner, as_owner):
    make_team("Alpha", owner)
    as_owner.get(url("teams-detail", "dub"))
    make_member(Team.objects.get(slug="dub"), Role.OWNER)
    owner.memberships.get(team__slug="dub").remove()
    assert as_owner.get("/").url == url("runs-list", "alpha")


def test_home_without_a_team_redirects_to_a_new_one():
    assert signed_in(make_user()).get("/")["Location"] == url("teams-new")


def test_a_teams_short_url_redirects_to_its_runs(as_owner):
    assert as_owner.get("/t/dub/").url == url("runs-list", "dub")


def test_a_team_is_created_by_name(owner, as_owner):
    assert as_owner.post(url("teams-new"), {"name": "  Kyoto  "}).url == url("runs-list", "kyoto")
    assert owner.memberships.get(team__slug="kyoto").role == Role.OWNER


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b"])
def test_a_team_needs_a_valid_name(as_owner, name):
    assert as_owner.post(url("teams-new"), {"name": name}).status_code == 422
    assert as_owner.post(url("teams-detail", "dub"), {"name": name}).status_code == 422
    assert list(Team.objects.values_list("name", flat=True)) == ["Dub"]


def test_a_renamed_team_keeps_its_slug(as_owner, team):
    assert as_owner.post(url("teams-detail", "dub"), {"name": "Dubbers", "slug": "x"}).url == url(
        "teams-detail", "dub"
    )
    team.refresh_from_db()
    assert (team.name, team.slug) == ("Dubbers", "dub")


def test_hostile_names_are_escaped(owner, as_owner, team):
    hostile = "<img src=x onerror=alert(1)>\"'"
    as_owner.post(url("teams-detail", "dub"), {"name": hostile})
    as_owner.post(url("profile"), {"name": hostile})
    page = page_of(as_owner, team)
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;" in page


# --- Members -----------------------------------------------------------------------------------------


def test_an_owner_changes_roles_and_removes_members(as_owner, team):
    ben = make_member(team).memberships.get()
    as_owner.post(url("teams-member", "dub", ben.pk), {"role": Role.VIEWER})
    ben.refresh_from_db()
    assert ben.role == Role.VIEWER
    as_owner.post(url("teams-member", "dub", ben.pk), {"remove": "yes"})
    assert team.memberships.filter(pk=ben.pk).count() == 0


def test_a_changed_role_is_told_once_and_can_be_undone(as_owner, team):
    ben = make_member(team).memberships.get()
    as_owner.post(url("teams-member", "dub", ben.pk), {"role": Role.VIEWER})
    told = page_of(as_owner, team)
    assert "now has the role Viewer." in told
    undo = r'<input type="hidden" name="role" value="member"><button class="button">Undo</button>'
    assert re.search(undo, told)
    assert "now has the role" not in page_of(as_owner, team)
    as_owner.post(url("teams-member", "dub", ben.pk), {"role": Role.MEMBER})
    ben.refresh_from_db()
    assert ben.role == Role.MEMBER


def test_a_role_that_stays_the_same_is_not_told(as_owner, team):
    ben = make_member(team).memberships.get()
    as_owner.post(url("teams-member", "dub", ben.pk), {"role": Role.MEMBER})
    assert "now has the role" not in page_of(as_owner, team)


@pytest.mark.parametrize("data", [{"role": Role.VIEWER}, {"remove": "yes"}])
def test_the_last_owner_is_told_why_they_stay(as_owner, team, data):
    answer = as_owner.post(url("teams-member", "dub", team.memberships.get().pk), data)
    assert answer.status_code == 422
    assert "A team needs an owner." in answer.content.decode()
    assert team.memberships.get().role == Role.OWNER


@pytest.mark.parametrize("role", ["", "admin", "OWNER", "owner\x00"])
def test_an_unknown_role_is_refused(as_owner, team, role):
    ben = make_member(team).memberships.get()
    assert as_owner.post(url("teams-member", "dub", ben.pk), {"role": role}).status_code == 422
    ben.refresh_from_db()
    assert ben.role == Role.MEMBER


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_members_may_leave_and_change_no_membership(team, role):
    ben = make_member(team, role)
    client, own = signed_in(ben), url("teams-member", "dub", ben.memberships.get().pk)
    owners = url("teams-member", "dub", team.memberships.get(role=Role.OWNER).pk)
    assert client.post(own, {"role": Role.OWNER}).status_code == 403
    assert client.post(owners, {"remove": "yes"}).status_code == 403
    assert client.post(own, {"remove": "yes"})["Location"] == "/"
    assert client.get(url("teams-detail", "dub")).status_code == 404


def test_a_manager_manages_all_but_owners(owner, team):
    client, ben = signed_in(make_member(team, Role.MANAGER)), make_member(team).memberships.get()
    owners, bens = (url("teams-member", "dub", person.pk) for person in (owner.memberships.get(team=team), ben))
    invitation, _ = Invitation.objects.issue(team=team, email="o@x.org", role=Role.OWNER, invited_by=owner)
    refused = [
        client.post(owners, {"role": Role.VIEWER}).status_code,
        client.post(owners, {"remove": "yes"}).status_code,
        client.post(owners, {"may_export": "no"}).status_code,
        client.post(url("teams-revoke", "dub", invitation.pk)).status_code,
    ]
    assert refused == [403] * 4
    assert client.post(bens, {"role": Role.OWNER}).status_code == 422
    assert post_invitation(client, role=Role.OWNER).status_code == 422
    assert client.post(bens, {"role": Role.MANAGER}).status_code == 302
    assert post_invitation(client, role=Role.MANAGER).status_code == 302
    ben.refresh_from_db()
    assert (ben.role, Invitation.objects.get(email="kim@example.org").role) == (Role.MANAGER, Role.MANAGER)


def test_the_right_to_export_is_a_switch_that_can_be_undone(as_owner, team):
    ben = make_member(team).memberships.get()
    as_owner.post(url("teams-member", "dub", ben.pk), {"may_export": "no"})
    ben.refresh_from_db()
    told = page_of(as_owner, team)
    assert (ben.may_export, ben.role) == (False, Role.MEMBER)
    assert "may no longer export." in told
    assert re.search(r'name="may_export" value="yes"><button class="button">Undo</button>', told)
    as_owner.post(url("teams-member", "dub", ben.pk), {"may_export": "yes"})
    ben.refresh_from_db()
    assert ben.may_export


def test_an_invited_person_joins_without_the_right_to_export(as_owner, team):
    as_owner.post(url("teams-invite", "dub"), {"email": "kim@example.org", "role": Role.VIEWER})
    assert "may not export" in page_of(as_owner, team)
    assert Invitation.objects.get().accept(make_user("kim@example.org")).may_export is False


def test_an_owner_leaves_removing_runs_to_owners(as_owner, team):
    member, run = signed_in(make_member(team)), make_run(team)
    remove = url("runs-edit-remove", run.pk)
    as_owner.post(url("teams-rules", "dub"), {"only_owners_remove": "on"})
    assert member.post(remove).status_code == 403
    assert remove not in member.get(url("runs-detail", run.pk)).content.decode()
    as_owner.post(url("teams-rules", "dub"))
    assert remove in member.get(url("runs-detail", run.pk)).content.decode()
    assert member.post(remove).status_code == 302


def test_an_owner_cannot_change_members_of_another_team(as_owner):
    other = make_team("Other")
    theirs = other.memberships.get()
    assert as_owner.post(url("teams-member", "dub", theirs.pk), {"role": Role.VIEWER}).status_code == 404
    assert as_owner.post(url("teams-member", "other", theirs.pk), {"role": Role.VIEWER}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.role == Role.OWNER


def test_a_lost_role_takes_effect_at_once(team):
    ben = make_member(team, Role.OWNER)
    client = signed_in(ben)
    ben.memberships.get().change_role(Role.MEMBER)
    assert client.post(url("teams-detail", "dub"), {"name": "Mine"}).status_code == 403


def test_a_refusal_names_only_those_who_can_do_it(team):
    refused = signed_in(make_member(team, Role.MANAGER)).get(url("audit", "dub"))
    assert refused.status_code == 403
    text = " ".join(refused.content.decode().split())
    assert "Only an owner can do this. Ask an owner of the team." in text
    assert "a manager of the team can" not in text


def test_a_disabled_user_is_logged_out(team):
    ben = make_member(team)
    client = signed_in(ben)
    User.objects.filter(pk=ben.pk).update(is_active=False)
    assert client.get(url("teams-detail", "dub"))["Location"].startswith(url("account_login"))


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_links_to_all_tabs_and_marks_itself(as_owner, team, tab):
    nav = page_of(as_owner, team, tab).partition('<nav class="tabs"')[2].partition("</nav>")[0]
    hrefs = re.findall(r'href="([^"]+)"( aria-current="page")?', nav)
    assert hrefs == [(url(each, "dub"), ' aria-current="page"' if each == tab else "") for each in TABS]


def test_the_page_shows_controls_to_those_who_may_use_them(as_owner, team):
    def forms(client):
        mains = [page_of(client, team, tab).partition("<main")[2] for tab in TABS[:-1]]
        return set(re.findall(r'action="/t/dub/team/([a-z]*)', "".join(mains)))

    keys.save_key(team, KEY)
    managed = {"", "members", "invitations", "media", "checks", "channels", "api"}
    assert forms(as_owner) == managed | {"key", "retention", "rules", "second", "remove"}
    assert forms(signed_in(make_member(team, Role.MANAGER))) == managed
    assert forms(signed_in(make_member(team))) == {"members", "api"}  # leaving, and own tokens
    assert forms(signed_in(make_member(team, Role.VIEWER))) == {"members", "api"}


def test_thirty_members_take_as_many_queries_as_one(
    as_owner, owner, team, django_assert_num_queries, django_assert_max_num_queries
):
    page_of(as_owner, team)
    with django_assert_max_num_queries(12) as first:
        page_of(as_owner, team)
    for number in range(29):
        make_member(team)
        Invitation.objects.issue(team=team, email=f"i{number}@x.org", role=Role.VIEWER, invited_by=owner)
    with django_assert_num_queries(len(first)):
        page_of(as_owner, team)


# --- Invitations -------------------------------------------------------------------------------------


def post_invitation(client: Client, email="kim@example.org", role=Role.MEMBER):
    """Submit the form that invites this address to the team."""
    return client.post(url("teams-invite", "dub"), {"email": email, "role": role})


def link_on(page: str) -> str:
    return str(urlsplit(re.findall(r'value="(http://testserver/invitations/[^"]+)"', page)[0]).path)


def test_an_invitation_is_mailed_and_its_link_shown_once(as_owner, team):
    assert post_invitation(as_owner, "Kim@Example.org").url == url("teams-detail", "dub") + "#invited"
    first, second = page_of(as_owner, team), page_of(as_owner, team)
    path = link_on(first)
    assert path not in second
    assert "kim@example.org" in second
    [email] = mail.outbox
    assert (email.to, email.subject) == (["kim@example.org"], "You are invited to the team Dub in Dubroom")
    assert f"http://testserver{path}" in email.body


def test_an_invited_person_joins_by_signing_up(as_owner, team, client):
    post_invitation(as_owner)
    landed = client.get(link_on(page_of(as_owner, team)), follow=True)
    assert landed.request["PATH_INFO"] == url("invitations-accept")
    assert "<bdi>Dub</bdi>" in landed.content.decode()
    answer = client.post(url("account_signup"), {"name": "Kim", "password1": "seven grey herons"})
    assert answer.url == url("runs-list", "dub")
    assert team.memberships.get(user__email="kim@example.org").role == Role.MEMBER


def test_an_invited_person_with_an_account_joins_by_a_click(as_owner, team):
    post_invitation(as_owner, role=Role.VIEWER)
    kim = signed_in(make_user("kim@example.org"))
    kim.get(link_on(page_of(as_owner, team)))
    assert team.memberships.count() == 1  # opening the link does not join
    assert kim.post(url("invitations-accept"))["Location"] == url("runs-list", "dub")
    assert team.memberships.get(user__email="kim@example.org").role == Role.VIEWER
    assert kim.get(url("invitations-accept")).status_code == 404


def test_another_user_is_told_whose_invitation_it_is(as_owner, team):
    post_invitation(as_owner)
    eve = signed_in(make_user("eve@example.org"))
    page = eve.get(link_on(page_of(as_owner, team)), follow=True).content.decode()
    assert (
        "You are logged in as <bdi>eve@example.org</bdi>, but the invitation is for <bdi>kim@example.org</bdi>."
        in page
    )
    assert eve.post(url("invitations-accept")).status_code == 403
    assert team.memberships.count() == 1


def test_an_anonymous_user_cannot_join(as_owner, team, client):
    post_invitation(as_owner)
    client.get(link_on(page_of(as_owner, team)))
    assert client.post(url("invitations-accept")).status_code == 403
    assert team.memberships.count() == 1


def without_token(answer) -> str:
    return re.sub(r"\b\w{64}\b", "a token", answer.content.decode())


def expire(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    "close",
    [
        expire,
        lambda invitation: invitation.delete(),
        lambda invitation: invitation.team.delete(),
        lambda invitation: invitation.accept(make_user("kim@example.org")),
    ],
    ids=["expired", "revoked", "team deleted", "used"],
)
def test_a_closed_invitation_looks_like_one_that_never_existed(as_owner, team, client, close):
    post_invitation(as_owner)
    path = link_on(page_of(as_owner, team))
    never = Client().get("/invitations/never-was/", follow=True)
    client.get(path)  # the invitation was valid when the page was opened
    close(Invitation.objects.get())
    for answer in (client.get(url("invitations-accept")), client.get(path, follow=True)):
        assert (answer.status_code, without_token(answer)) == (404, without_token(never))
    assert "This invitation no longer works" in never.content.decode()


def test_no_page_url_or_log_keeps_the_token(as_owner, team, client, caplog):
    caplog.set_level(logging.DEBUG)
    post_invitation(as_owner)
    path = link_on(page_of(as_owner, team))
    token = path.split("/")[2]
    answer = client.get(path)
    assert (answer.url, answer.headers["Referrer-Policy"]) == (url("invitations-accept"), "no-referrer")
    assert token not in client.get(answer.url).content.decode()
    client.get(
        path.replace(token, token + "."), follow=True
    )  # as when a mail program includes the full stop in the link
    assert token not in caplog.text


def test_inviting_again_makes_a_new_link_and_ends_the_old(as_owner, team, client):
    paths = []
    for _ in range(2):
        post_invitation(as_owner)
        paths.append(link_on(page_of(as_owner, team)))
    assert [client.get(path, follow=True).status_code for path in paths] == [404, 200]


@pytest.mark.parametrize("email", ["", "kim", "kim@", "anna@example.org", "ANNA@example.org"])
def test_an_address_that_cannot_be_invited_is_refused(as_owner, email):
    assert post_invitation(as_owner, email).status_code == 422
    assert (Invitation.objects.count(), mail.outbox) == (0, [])


def test_an_invitation_does_not_reveal_who_has_an_account(as_owner):
    make_user("known@example.org")
    assert (
        post_invitation(as_owner, "known@example.org").url == post_invitation(as_owner, "unknown@example.org").url
    )


def test_an_owner_revokes_invitations_of_the_own_team_only(as_owner, owner, team):
    other = make_team("Other")
    own, theirs = (
        Invitation.objects.issue(team=t, email="kim@example.org", role=Role.VIEWER, invited_by=owner)[0]
        for t in (team, other)
    )
    assert as_owner.post(url("teams-revoke", "dub", theirs.pk)).status_code == 404
    assert as_owner.post(url("teams-revoke", "dub", own.pk)).url == url("teams-detail", "dub")
    assert list(Invitation.objects.all()) == [theirs]


def test_an_expired_invitation_is_shown_as_such(as_owner, team):
    post_invitation(as_owner)
    expire(Invitation.objects.get())
    page = page_of(as_owner, team)
    assert "invitation expired" in page
    assert "Remove the invitation for" in page


def test_invitation_mails_are_rate_limited(as_owner):
    assert [post_invitation(as_owner, f"p{number}@example.org").status_code for number in range(31)][-1] == 429
    assert len(mail.outbox) == 30


def test_the_link_is_shown_even_when_the_mail_cannot_be_sent(as_owner, team, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 9
    post_invitation(as_owner)
    page = page_of(as_owner, team)
    assert "The email could not be sent" in page
    assert link_on(page).startswith("/invitations/")


# --- Copies of media ---------------------------------------------------------------------------------


def test_an_owner_switches_copies_on_and_off(as_owner, team, enqueued):
    answer = as_owner.post(url("teams-media", team.slug), {"is_on": "on", "most_gb": "20"})
    assert answer.headers["Location"] == url("teams-media", team.slug)
    assert (team.copy_policy.is_enabled, team.copy_policy.quota_bytes, enqueued) == (
        True,
        20 * 2**30,
        [("sync_copies",)],
    )
    assert "<strong>0\xa0bytes</strong> of 20 GB" in page_of(as_owner, team, "teams-media")
    as_owner.post(url("teams-media", team.slug), {"most_gb": "20"})
    team.copy_policy.refresh_from_db()
    assert team.copy_policy.is_enabled is False


@pytest.mark.parametrize(
    ("most", "sentence"),
    [
        ("", "This field is required."),
        ("0", "greater than or equal to 1"),
        ("101", "less than or equal to 100"),
        ("many", "Enter a whole number."),
    ],
)
def test_the_quota_has_a_maximum_that_the_server_sets(as_owner, team, most, sentence):
    answer = as_owner.post(url("teams-media", team.slug), {"is_on": "on", "most_gb": most})
    assert (answer.status_code, sentence in answer.content.decode(), CopyPolicy.objects.count()) == (422, True, 0)


def test_the_page_shows_kept_and_failed_copies(as_owner, team):
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=10 * 2**30)
    dub = make_dub(make_run(team, title="Pilot"), language="es-es")
    MediaCopy.objects.create(team=team, dub=dub, kind="video", state="kept", size=3 * 2**29, name="1/a")
    MediaCopy.objects.create(team=team, dub=dub, kind="audio", state="failed", message="No <media>.", name="1/b")
    page = page_of(as_owner, team, "teams-media")
    assert "<strong>1.5\xa0GB</strong> of 10 GB" in page
    assert "1 copy kept" in page
    assert "1 not kept" in page
    assert f'href="{url("runs-detail", dub.run_id)}?dub=es-es"><bdi>Pilot</bdi></a>' in page
    assert "No &lt;media&gt;." in page


def test_all_copies_can_be_removed(as_owner, team):
    CopyPolicy.objects.create(team=team, is_enabled=True, quota_bytes=10 * 2**30)
    MediaCopy.objects.create(
        team=team, dub=make_dub(make_run(team)), kind="video", state="kept", size=5, name="1/a"
    )
    as_owner.post(url("teams-media", team.slug), {"remove": "yes"})
    copy = MediaCopy.objects.get()
    assert (copy.dub, copy.team, CopyPolicy.objects.get().is_enabled) == (None, None, False)


# --- The end of a team -------------------------------------------------------------------------------


def test_a_team_is_removed_once_its_name_is_typed_and_its_owner_restores_it(as_owner, team):
    run = make_dub(make_run(team), ["one", "two"]).run
    keys.save_key(team, KEY)
    member = signed_in(make_member(team))
    for typed in ("", "dub", "Du"):
        assert as_owner.post(url("teams-remove", "dub"), {"typed": typed}).status_code == 422
    assert as_owner.post(url("teams-remove", "dub"), {"typed": "Dub"}).url == url("trash-teams")
    restore = url("trash-team-restore", team.pk)
    assert restore in as_owner.get(url("trash-teams")).content.decode()
    for client in (as_owner, member):
        for page in (url("teams-detail", "dub"), url("runs-detail", run.pk)):
            assert client.get(page).status_code == 404
        assert client.get("/")["Location"] == url("teams-new")
    assert (member.post(restore).status_code, restore in member.get(url("trash-teams")).content.decode()) == (
        404,
        False,
    )
    purge_trash()
    assert as_owner.post(restore).url == url("teams-detail", "dub")
    assert member.get(url("runs-detail", run.pk)).status_code == 200
    assert (ApiKey.objects.get().team, Cue.objects.count()) == (team, 2)


def test_a_removed_team_is_deleted_for_good_on_its_owners_word(as_owner, team, enqueued):
    make_dub(make_run(team), ["one", "two"])
    keep = make_dub(lines=["three"])
    as_owner.post(url("teams-remove", "dub"), {"typed": "Dub"})
    delete = url("trash-team-delete", team.pk)
    assert as_owner.post(delete).url == url("trash-teams")
    assert as_owner.post(delete).status_code == 404
    assert enqueued[-1] == ("purge_trash",)
    purge_trash()
    assert list(Run.objects.all()) == [keep.run]
    assert list(Team.objects.all()) == [keep.team]
