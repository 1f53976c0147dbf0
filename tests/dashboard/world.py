"""A team with one object of each kind and one user in each role, as the access table needs it."""

import zlib

from allauth.account.models import EmailAddress
from django.conf import settings
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from results import tags
from results.models import Dub, Feed, Message, RawAnswer, Receiver, SavedSearch, SavedView
from results.notifications import channels, email, feeds
from results.refresh import keys
from results.runs.trash import remove_team
from teams.models import AccessToken, Invitation, Membership, User
from tests.factories import make_dub, make_member, make_pictured_copy, make_run, make_searchable_dub, make_team

Role = Membership.Role


def session_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


class World:
    """A team with one object of each kind, and one user in each role."""

    def __init__(self) -> None:
        self.team = make_team("Dub")
        keys.save_key(self.team, "camb-0123456789-wxyz")
        self.dub: Dub = make_searchable_dub(
            make_run(self.team), ["Hello"], video_url="https://x.example/v.mp4", audio_url="https://x.example/a.mp3"
        )
        RawAnswer.objects.create(run=self.dub.run, body=zlib.compress(b"{}"), size=2, fetched_at=timezone.now())
        self.copy = make_pictured_copy(self.dub)
        self.other_dub = make_dub(self.dub.run, ["Hola"], language="es-es")
        owner = self.team.memberships.get().user
        EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
        self.removed_team = make_team("Gone", owner)
        remove_team(self.removed_team, by="Owner")
        make_member(self.team)  # the member that teams-member names
        self.membership = self.team.memberships.get(role=Role.MEMBER)
        self.invitation, self.token = Invitation.objects.issue(
            team=self.team, email="kim@example.org", role=Role.VIEWER, invited_by=owner
        )
        self.access_token, self.secret = AccessToken.objects.issue(self.membership, "Nightly", can_write=True)
        searcher = self.membership.user
        self.view = SavedView.objects.create(team=self.team, owner=searcher, name="All", is_shared=True)
        self.saved = SavedSearch.objects.create(team=self.team, owner=searcher, q="hello", is_shared=True)
        self.channel, _secret = channels.add(self.team, Receiver.Way.WEBHOOK, "Hook", "https://hook.example/x")
        self.message = Message.objects.create(receiver=self.channel, state=Message.Progress.SENT)
        self.email = Receiver.objects.create(team=self.team, membership=self.membership, way=Receiver.Way.EMAIL)
        self.people = {
            "outsider": make_team("Other").memberships.get().user,
            "viewer": make_member(self.team, Role.VIEWER),
            "editor": make_member(self.team, Role.MEMBER),
            "member": make_member(self.team, Role.MEMBER),
            "manager": make_member(self.team, Role.MANAGER),
            "owner": owner,
        }
        self.people["editor"].memberships.update(may_export=False)
        self.feed_token = feeds.add(self.team.memberships.get(user=self.people["member"]), None)
        self.sessions = {role: session_of(person) for role, person in self.people.items()}
        self.theirs = self.people["outsider"].memberships.get().team
        self.their_dub = make_dub(make_run(self.theirs, title="Their secret"), ["Their words"])
        tags.add_tags(self.theirs, {self.their_dub.run_id: ["theirs"]})

    def client(self, role: str, *, enforce_csrf_checks: bool = False, **headers: str) -> Client:
        """Return a new client with the role's session, which all tests share: to log in costs as much as a page."""
        client = Client(enforce_csrf_checks=enforce_csrf_checks, headers=headers or None)
        if role in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[role]
        return client

    def url(self, name: str, *, exists: bool = True) -> str:
        """Return the URL of this name, of the team's own objects or of objects that do not exist."""
        pks = {
            "runs": self.dub.run_id,
            "media": self.dub.pk,
            "media-still": self.copy.pk,
            "runs-export-dub": self.dub.pk,
            "runs-export-pair": self.dub.pk,
            "teams-member": self.membership.pk,
            "tokens-revoke": self.access_token.pk,
            "search-saved-remove": self.saved.pk,
            "trash-team-restore": self.removed_team.pk,
            "trash-team-delete": self.removed_team.pk,
            "runs-saved-views-edit": self.view.pk,
            "runs-saved-views-change": self.view.pk,
            "runs-saved-views-remove": self.view.pk,
            "channels": self.channel.pk,
            "feeds-remove": Feed.objects.get().pk,
        }
        tokens = {
            "feeds-atom": self.feed_token,
            "notifications-unsubscribe": email.unsubscribe_token(self.email),
        }
        pk = pks.get(name, pks.get(name.partition("-")[0], self.invitation.pk))
        known = {
            "slug": self.team.slug if exists else "nowhere",
            "pk": pk if exists else 999_999,
            "token": tokens.get(name, self.token),
            "uid": self.message.uid,
            "key": "no-such-key",
            "uidb36": "1",
            "provider_id": "sso",
            "format_key": "srt",
            "other_pk": self.other_dub.pk,
        }
        [parameters, *_] = [params for _, params in get_resolver().reverse_dict.getlist(name)[0][0]]
        return reverse(name, kwargs={key: known[key] for key in parameters})
