"""Every sentence that names a limit prints the constant that the check uses."""

import runpy
import time
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.conf import settings as django_settings
from django.contrib.auth.password_validation import get_default_password_validators
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.core.signing import TimestampSigner, b62_encode
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.api import runs as api_runs
from dashboard.forms.run import TagsForm, TitleForm
from dashboard.forms.team import TeamForm, TokenForm
from results.models import Run, Tag
from results.runs.paste import limits, pasted_ids
from teams import models
from teams.models import AccessToken, Invitation, Membership
from tests.dashboard.page_helpers import signed_in, text_of, text_of_html
from tests.factories import make_member, make_run, make_team

pytestmark = pytest.mark.django_db


def errors_of(form) -> list[str]:
    return [str(error) for errors in form.errors.values() for error in errors]


@pytest.mark.parametrize("least", [10, 12])
def test_the_sign_up_page_names_the_shortest_password(client, settings, least):
    settings.MIN_PASSWORD_LENGTH = least
    page = text_of(client.get(reverse("account_signup")))
    assert f"At least {least} characters; a few words in a row are easy to remember." in page


def test_the_password_validator_uses_the_length_that_pages_name():
    [least] = [rule.min_length for rule in get_default_password_validators() if hasattr(rule, "min_length")]
    assert least == django_settings.MIN_PASSWORD_LENGTH


@pytest.mark.parametrize(("lifetime", "words"), [(timedelta(days=7), "a week"), (timedelta(days=2), "two days")])
def test_invitation_pages_name_the_lifetime_of_an_invitation(client, owner, team, monkeypatch, lifetime, words):
    monkeypatch.setattr(models, "INVITATION_LIFETIME", lifetime)
    invite = {"email": "kim@example.org", "role": Membership.Role.VIEWER}
    page = text_of(signed_in(owner).post(reverse("teams-invite", args=[team.slug]), invite, follow=True))
    assert f"It works once, within {words}." in page
    left = Invitation.objects.get().expires_at - timezone.now()
    assert timedelta(0) <= lifetime - left < timedelta(minutes=1)
    expired = text_of(client.get(reverse("invitations-accept")))
    assert f"It may have been used or revoked, or it is older than {words}. Open its link again" in expired


@pytest.mark.parametrize("has_mail_server", [True, False])
def test_an_invitation_names_its_lifetime_with_and_without_a_mail_server(owner, team, settings, has_mail_server):
    settings.EMAIL_URL = "smtp://mail.example.org" if has_mail_server else ""
    invite = {"email": "kim@example.org", "role": Membership.Role.VIEWER}
    page = text_of(signed_in(owner).post(reverse("teams-invite", args=[team.slug]), invite, follow=True))
    by_mail = "It was also sent by email. It works once, within a week."
    by_hand = "This server does not send email, so share the link yourself. It works once, within a week."
    assert (by_mail in page, by_hand in page) == (has_mail_server, not has_mail_server)


@pytest.mark.parametrize(("seconds", "words"), [(24 * 3600, "a day"), (2 * 3600, "two hours")])
def test_password_reset_texts_name_the_lifetime_of_the_link(client, owner, settings, seconds, words):
    settings.PASSWORD_RESET_TIMEOUT = seconds
    done = text_of(client.post(reverse("account_reset_password"), {"email": owner.email}, follow=True))
    assert f"which is in the mail folder. It works for {words}." in done
    assert f"The link works once, within {words}. If this was not you, ignore this email" in str(
        mail.outbox[0].body
    )
    late = reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "ended"})
    assert f"It has been used, or it is older than {words}." in text_of(client.get(late))
    with_mail_server = render_to_string("account/password_reset_done.html", {"has_mail_server": True})
    assert f"Open the link in our message within {words}. If it does not arrive" in text_of_html(with_mail_server)


@pytest.mark.parametrize(("days", "words"), [(3, "three days"), (1, "a day")])
def test_confirmation_texts_name_the_lifetime_of_the_link(client, settings, monkeypatch, days, words):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = days
    client.post(reverse("account_signup"), {"email": "kim@example.org", "password1": "seven grey herons"})
    assert f"The link works for {words}. If you did not ask for it" in str(mail.outbox[0].body)
    ended = text_of(client.get(reverse("account_confirm_email", args=["ended"])))
    assert f"It has been used, or it is older than {words}. Log in and ask for a new one." in ended
    confirmation = EmailConfirmationHMAC(EmailAddress.objects.get())
    lasts = []
    for age in (days * 86_400 - 60, days * 86_400 + 60):
        signed_at = b62_encode(int(time.time()) - age)
        with monkeypatch.context() as earlier:
            earlier.setattr(TimestampSigner, "timestamp", lambda signer, at=signed_at: at)
            key = confirmation.key
        lasts.append(EmailConfirmationHMAC.from_key(key) is not None)
    assert lasts == [True, False]


def test_the_token_form_names_each_lifetime_that_it_offers(team, monkeypatch):
    membership = make_member(team).memberships.get()

    def lifetimes() -> list[tuple[str, str]]:
        options = [option.data for option in TokenForm(membership)["days"]]
        return [(str(option["value"]), str(option["label"])) for option in options]

    assert lifetimes() == [("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never")]
    monkeypatch.setattr(models, "TOKEN_LIFETIMES", (timedelta(days=7),))
    assert lifetimes() == [("7", "In a week"), ("", "Never")]
    form = TokenForm(membership, {"name": "Nightly", "access": "read", "days": "90"})
    assert list(form.errors) == ["days"]


def test_the_token_form_names_the_number_of_tokens_of_a_person(team, monkeypatch):
    membership = make_member(team).memberships.get()
    monkeypatch.setattr(models, "MAX_TOKENS", 2)
    for number in range(2):
        AccessToken.objects.issue(membership, f"Nightly {number}", can_write=False)
    form = TokenForm(membership, {"name": "Another", "access": "read"})
    assert errors_of(form) == ["You can have up to 2 tokens. Revoke one first."]


def test_the_name_of_a_team_has_one_limit_in_form_and_command(monkeypatch):
    assert TeamForm({"name": "x" * models.MAX_TEAM_NAME}).is_valid()
    too_long = TeamForm({"name": "x" * (models.MAX_TEAM_NAME + 1)})
    assert f"at most {models.MAX_TEAM_NAME} characters" in errors_of(too_long)[0]
    monkeypatch.setattr(models, "MAX_TEAM_NAME", 4)
    with pytest.raises(CommandError, match=r"^The team's name must have 1 to 4 characters\.$"):
        call_command("create_team", "--owner=a@example.org", "--name=Dub 1")


def add(client: Client, team: models.Team, **data) -> str:
    """Submit the form of the Add runs page, and return the text of the answer."""
    return text_of(client.post(reverse("runs-add", args=[team.slug]), data))


@pytest.mark.parametrize(("max_bytes", "words"), [(2**20, "1 MB"), (2**19, "0.5 MB")])
def test_pages_name_the_largest_text_and_file_with_run_ids(team, member, monkeypatch, max_bytes, words):
    monkeypatch.setattr(limits, "MAX_BYTES", max_bytes)
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", max_bytes)
    assert f"or text, up to {words}." in text_of(member.get(reverse("runs-add", args=[team.slug])))
    assert f"Up to 20,000 ids or {words}." in text_of(member.get(reverse("runs-add", args=[team.slug])))
    text = "é" * (max_bytes // 2)
    assert "please add it in parts" not in add(member, team, text=text).lower()
    assert f"This is more than {words} of text. Add it in parts." in add(member, team, text=f"{text}é")
    file = SimpleUploadedFile("runs.txt", b"x" * (max_bytes + 1))
    assert f"This file is larger than {words}. Split it into smaller files." in add(member, team, file=file)
    refused = text_of_html(render_to_string("400.html"))
    assert f"go back and send it in parts of up to {words}." in refused


def test_the_add_page_names_the_number_of_ids_that_a_request_may_have(team, member, monkeypatch):
    monkeypatch.setattr(limits, "MAX_IDS", 1_001)
    assert "Up to 1,001 ids or 1 MB." in text_of(member.get(reverse("runs-add", args=[team.slug])))
    ids = " ".join(map(str, range(1, 1_003)))
    assert "You can add up to 1,001 run ids at once." in add(member, team, text=ids)


def test_the_api_describes_the_limits_of_a_request_to_add_runs(monkeypatch):
    monkeypatch.setattr(limits, "MAX_IDS", 1_001)
    monkeypatch.setattr(limits, "MAX_BYTES", 2**19)
    monkeypatch.setattr(limits, "MAX_TAGS", 3)
    schema = runpy.run_path(api_runs.__file__)["NewRuns"].model_json_schema()["properties"]
    assert (schema["ids"]["maxItems"], schema["text"]["maxLength"], schema["tags"]["maxItems"]) == (1_001, 2**19, 3)
    assert schema["ids"]["description"].endswith(", at most 1,001.")
    assert schema["text"]["description"] == "At most 0.5 MB in UTF-8, with at most 1,001 ids."


def test_the_api_names_the_largest_body_of_a_request(team, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**19
    membership = make_member(team).memberships.get()
    _, secret = AccessToken.objects.issue(membership, "Nightly", can_write=True)
    address = f"/api/v1/t/{team.slug}/runs"
    headers = {"Authorization": f"Bearer {secret}"}
    answer = Client(headers=headers).post(address, b"x" * (2**19 + 1), content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (413, "This is more than 0.5 MB. Send it in parts.")


def test_a_refused_title_names_the_longest_one(monkeypatch):
    run = make_run(make_team())
    too_long = TitleForm({"title": "x" * (Run.MAX_TITLE + 1)}, instance=run)
    assert errors_of(too_long) == [f"A title has at most {Run.MAX_TITLE} characters."]
    monkeypatch.setattr(Run, "MAX_TITLE", 5)
    [line] = pasted_ids.parse("run_id,title\n7,Harbour lights")
    assert (line.title, line.note) == ("Harbo", "the title was cut to 5 characters")


def test_refused_tags_name_their_length_and_number(monkeypatch):
    monkeypatch.setattr(Tag, "MAX_NAME", 4)
    assert errors_of(TagsForm({"tags": "Launch"})) == ["A tag has at most 4 characters: “Laun…” is longer."]
    monkeypatch.setattr(limits, "MAX_TAGS", 2)
    assert errors_of(TagsForm({"tags": "a, b, c"})) == ["Add at most 2 tags at once."]
    [line] = pasted_ids.parse("run_id,tags\n7,Launch")
    assert (line.tags, line.note) == (("Laun",), "tags were cut to 4 characters, and to 2")
