"""The emails about changes that a person should hear of."""

import pytest
from django.core import mail
from django.urls import reverse

from teams.models import Membership
from tests.factories import make_key, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role


def sent() -> list[tuple[str, str]]:
    return [(message.to[0], str(message.subject)) for message in mail.outbox]


def test_a_new_token_is_told_to_its_person(as_owner, owner, team):
    answer = as_owner.post(reverse("tokens", args=[team.slug]), {"name": "Nightly", "access": "read", "days": "90"})
    assert sent() == [(owner.email, "New access token for your Dubroom account")]
    assert "“Nightly”" in mail.outbox[0].body
    assert answer.context["secret"] not in mail.outbox[0].body


def test_another_key_is_told_to_every_owner(as_owner, owner, team):
    second, _member = make_member(team, Role.OWNER), make_member(team)
    make_key(team)
    as_owner.post(reverse("keys", args=[team.slug]), {"key": "camb-another-key-abcd"})
    as_owner.post(reverse("keys-remove", args=[team.slug]))
    subject = "The CAMB.AI key of the team Dub changed"
    assert sorted(sent()) == sorted([(owner.email, subject), (second.email, subject)] * 2)
    replaced, removed = mail.outbox[0].body, mail.outbox[-1].body
    assert "Anna replaced the CAMB.AI key of the team Dub. The new one ends in abcd." in replaced
    assert "another-key" not in replaced
    assert "Anna removed the CAMB.AI key of the team Dub." in removed


def test_a_first_key_is_not_told(as_owner, team):
    as_owner.post(reverse("keys", args=[team.slug]), {"key": "camb-0123456789-wxyz"})
    assert sent() == []


def test_a_changed_role_is_told_to_its_person_once(as_owner, team):
    ben = make_member(team)
    url = reverse("teams-member", args=[team.slug, ben.memberships.get().pk])
    for _ in range(2):
        as_owner.post(url, {"role": Role.VIEWER})
    assert sent() == [(ben.email, "Your role in the team Dub in Dubroom changed")]
    assert "Anna changed your role in the team Dub. Your new role: Viewer." in mail.outbox[0].body
