"""Does every address answer each role as the table says, and is no address missing from the table?"""

import re
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from ninja.operation import PathView

from dashboard.api.router import api
from results import queue
from results.models import Dub, SavedSearch
from results.refresh import keys
from teams.models import AccessToken, Invitation, Membership, Team
from tests.dashboard.api.test_api import OPEN as API_OPEN
from tests.dashboard.api.test_api import TABLE as API_TABLE
from tests.factories import make_dub, make_member, make_run, make_team

pytestmark = pytest.mark.django_db
Role = Membership.Role

LOGIN = 0  # a redirect to the log-in page
ROLES = ("anonymous", "outsider", "viewer", "member", "owner")

# What a GET and an empty POST answer to each of ROLES. 422: let in, but nothing was typed.
TABLE = {
    "account_change_password": ((0, 200, 200, 200, 200), (0, 422, 422, 422, 422)),
    "account_confirm_email": ((200, 200, 200, 200, 200), (404, 404, 404, 404, 404)),
    "account_email": ((0, 200, 200, 200, 200), (0, 302, 302, 302, 302)),
    "account_email_verification_sent": ((200, 200, 200, 200, 200), (405, 405, 405, 405, 405)),
    "account_inactive": ((200, 200, 200, 200, 200), (405, 405, 405, 405, 405)),
    "account_login": ((200, 302, 302, 302, 302), (422, 302, 302, 302, 302)),
    "account_logout": ((302, 200, 200, 200, 200), (302, 302, 302, 302, 302)),
    "account_reauthenticate": ((0, 200, 200, 200, 200), (0, 422, 422, 422, 422)),
    "account_reset_password": ((200, 200, 200, 200, 200), (422, 422, 422, 422, 422)),
    "account_reset_password_done": ((200, 200, 200, 200, 200), (405, 405, 405, 405, 405)),
    "account_reset_password_from_key": ((200, 200, 200, 200, 200), (422, 422, 422, 422, 422)),
    "account_signup": ((200, 302, 302, 302, 302), (422, 302, 302, 302, 302)),
    "activity": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "activity-live": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "media-audio": ((0, 404, 302, 302, 302), (0, 405, 405, 405, 405)),
    "media-captions": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-export-dub": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-export-pair": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "media-video": ((0, 404, 302, 302, 302), (0, 405, 405, 405, 405)),
    "health-status": ((200, 200, 200, 200, 200), (405, 405, 405, 405, 405)),
    "health-alive": ((200, 200, 200, 200, 200), (405, 405, 405, 405, 405)),
    "teams-home": ((0, 302, 302, 302, 302), (0, 405, 405, 405, 405)),
    "invitations-follow": ((302, 302, 302, 302, 302), (405, 405, 405, 405, 405)),
    "invitations-accept": ((404, 404, 404, 404, 404), (404, 404, 404, 404, 404)),
    "palette-entries": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "profile": ((0, 200, 200, 200, 200), (0, 302, 302, 302, 302)),
    "profile-player": ((0, 405, 405, 405, 405), (0, 422, 422, 422, 422)),
    "runs-add": ((0, 404, 403, 200, 200), (0, 404, 403, 200, 200)),
    "runs-edit-archive": ((0, 405, 405, 405, 405), (0, 404, 403, 302, 302)),
    "runs-bulk-archive": ((0, 405, 405, 405, 405), (0, 404, 403, 302, 302)),
    "runs-detail": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-detail-poll": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-export-selection": ((0, 404, 200, 200, 200), (0, 404, 302, 302, 302)),
    "runs-history": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-history-rows": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-linked-add": ((0, 404, 403, 200, 200), (0, 404, 403, 422, 422)),
    "runs-list": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-list-poll": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "runs-edit-refresh": ((0, 405, 405, 405, 405), (0, 404, 403, 302, 302)),
    "runs-bulk-refresh": ((0, 405, 405, 405, 405), (0, 404, 403, 302, 302)),
    "runs-edit-remove": ((0, 404, 403, 200, 200), (0, 404, 403, 302, 302)),
    "runs-edit-restore": ((0, 405, 405, 405, 405), (0, 404, 403, 302, 302)),
    "runs-bulk-restore": ((0, 405, 405, 405, 405), (0, 404, 403, 302, 302)),
    "runs-speakers-rename": ((0, 404, 403, 302, 302), (0, 404, 403, 302, 302)),
    "runs-bulk-tag": ((0, 405, 405, 405, 405), (0, 404, 403, 422, 422)),
    "runs-edit-tags": ((0, 404, 403, 200, 200), (0, 404, 403, 422, 422)),
    "runs-edit-title": ((0, 404, 403, 200, 200), (0, 404, 403, 200, 200)),
    "runs-linked-remove": ((0, 405, 405, 405, 405), (0, 404, 403, 302, 302)),
    "search": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "search-export": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "search-hits": ((0, 404, 200, 200, 200), (0, 405, 405, 405, 405)),
    "search-save": ((0, 405, 405, 405, 405), (0, 404, 422, 422, 422)),
    "search-saved-remove": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 302)),
    "tokens": ((0, 404, 200, 200, 200), (0, 404, 422, 422, 422)),
    "tokens-revoke": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 302)),
    "teams-delete": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 422)),
    "teams-detail": ((0, 404, 200, 200, 200), (0, 404, 403, 403, 422)),
    "teams-enter": ((0, 404, 302, 302, 302), (0, 405, 405, 405, 405)),
    "teams-invite": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 422)),
    "teams-key": ((0, 404, 200, 200, 200), (0, 404, 403, 403, 422)),
    "teams-key-remove": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 302)),
    "teams-key-test": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 302)),
    "teams-member": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 422)),
    "teams-new": ((0, 200, 200, 200, 200), (0, 422, 422, 422, 422)),
    "teams-copies": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 422)),
    "teams-revoke": ((0, 405, 405, 405, 405), (0, 404, 403, 403, 302)),
}  # fmt: skip


def names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace == "api":
            continue  # its addresses take a token and no session; they are in API_TABLE
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        else:
            assert pattern.name, f"{pattern} has no name"
            yield pattern.name


ALL = sorted(names(get_resolver().url_patterns))


@pytest.fixture(autouse=True)
def _nobody_works(monkeypatch):
    monkeypatch.setattr(queue, "enqueue", lambda *call, **_: None)


class World:
    """A team with one of everything, and somebody in each role."""

    def __init__(self) -> None:
        self.team = make_team("Dub")
        keys.save_key(self.team, "camb-0123456789-wxyz")
        self.dub: Dub = make_dub(
            make_run(self.team), ["Hello"], video_url="https://x.example/v.mp4", audio_url="https://x.example/a.mp3"
        )
        self.other_dub = make_dub(self.dub.run, ["Hola"], language="es-es")
        owner = self.team.memberships.get().user
        make_member(self.team)  # the one whom teams-member is about
        self.person = self.team.memberships.get(role=Role.MEMBER)
        self.invitation, self.token = Invitation.objects.issue(
            team=self.team, email="kim@example.org", role=Role.VIEWER, invited_by=owner
        )
        self.access_token, _ = AccessToken.objects.issue(self.person, "Nightly", can_write=True)
        self.saved = SavedSearch.objects.create(team=self.team, owner=self.person.user, q="hello", is_shared=True)
        self.people = {
            "outsider": make_team("Other").memberships.get().user,
            "viewer": make_member(self.team, Role.VIEWER),
            "member": make_member(self.team, Role.MEMBER),
            "owner": owner,
        }

    def client(self, role: str, **defaults: str) -> Client:
        client = Client(headers=defaults or None)
        if role in self.people:
            client.force_login(self.people[role])
        return client

    def url(self, name: str, *, is_there: bool = True) -> str:
        pks = {
            "runs": self.dub.run_id,
            "dubs": self.dub.pk,
            "teams-member": self.person.pk,
            "tokens-revoke": self.access_token.pk,
            "search-saved-remove": self.saved.pk,
        }
        pk = pks.get(name, pks.get(name.partition("-")[0], self.invitation.pk))
        known = {
            "slug": self.team.slug if is_there else "nowhere",
            "pk": pk if is_there else 999_999,
            "token": self.token,
            "key": "no-such-key",
            "uidb36": "1",
            "format": "srt",
            "other_pk": self.other_dub.pk,
        }
        [wanted, *_] = [params for _, params in get_resolver().reverse_dict.getlist(name)[0][0]]
        return reverse(name, kwargs={key: known[key] for key in wanted})


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """Made once: each test's own transaction, within this one, takes back what the test did."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


def code(answer) -> int:
    is_login = answer.status_code == 302 and answer.headers["Location"].startswith(reverse("account_login") + "?")
    return LOGIN if is_login else answer.status_code


def test_no_address_is_missing_from_the_table():
    assert sorted(TABLE) == ALL


def operations() -> dict[tuple[str, str], str]:
    """Every method of every address there is, and its name."""
    [resolver] = [
        one for one in get_resolver().url_patterns if isinstance(one, URLResolver) and one.namespace == "api"
    ]
    patterns = [pattern for pattern in resolver.url_patterns if isinstance(pattern, URLPattern)]
    assert len(patterns) == len(resolver.url_patterns)
    named = {pattern.name for pattern in patterns if not hasattr(pattern.callback, "csrf_exempt")}
    assert named == set(API_OPEN)
    views = [view for bound in api._get_bound_routers() for view in bound.path_operations.items()]
    found = {}
    for path, view in views:
        assert isinstance(view, PathView)
        for operation in view.operations:
            for method in operation.methods:
                found[method.lower(), path.replace("{int:", "{")] = operation.view_func.__name__
    assert len(patterns) == len(found) + len(API_OPEN)
    return found


def test_no_address_of_the_api_is_missing_from_its_table():
    assert sorted(operations()) == sorted(API_TABLE)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", TABLE)
def test_each_role_gets_what_the_table_says(world, name, role):
    url, column = world.url(name), ROLES.index(role)
    got = code(world.client(role).get(url)), code(world.client(role).post(url))
    assert got == (TABLE[name][0][column], TABLE[name][1][column])


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "FOO"])
def test_no_other_method_is_known(world, method):
    codes = {name: world.client("owner").generic(method, world.url(name)).status_code for name in TABLE}
    assert codes == dict.fromkeys(TABLE, 405)


# What only the people of a team may see.
INSIDE = [name for name, rows in TABLE.items() if any(row[:2] == (LOGIN, 404) for row in rows)]


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_somebody_elses_looks_like_what_is_not_there(world, name, method):
    def seen(*, is_there):
        answer = getattr(world.client("outsider"), method)(world.url(name, is_there=is_there))
        return answer.status_code, re.sub(r"\b\w{64}\b", "a token", answer.content.decode())

    assert seen(is_there=True) == seen(is_there=False)


@pytest.mark.parametrize("name", INSIDE)
def test_htmx_opens_no_door(world, name):
    headers = {"HX-Request": "true", "HX-Target": "run-1", "HX-Current-URL": "http://testserver/t/dub/runs/"}
    url = world.url(name)
    for method, column in (("get", 0), ("post", 1)):
        outside = getattr(world.client("outsider", **headers), method)(url)
        assert outside.status_code == TABLE[name][column][1]
        gone = getattr(world.client("anonymous", **headers), method)(url)
        assert (gone.status_code, gone.content) == (200, b"")
        assert gone.headers["HX-Redirect"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", INSIDE)
def test_a_post_without_a_token_is_refused(world, name):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.people["owner"])
    assert strict.post(world.url(name)).status_code == 403


@pytest.mark.parametrize("name", TABLE)
def test_looking_changes_nothing(world, name):
    def everything():
        return [list(model.objects.order_by("pk").values()) for model in (Team, Membership, Invitation, Dub)]

    before = everything()
    world.client("owner").get(world.url(name))
    assert everything() == before
