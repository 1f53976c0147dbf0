"""Every stored text that a page may show holds every vector in turn, and runs nowhere (XSS)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from results.models import (
    Attempt,
    Call,
    Delivery,
    Dub,
    Event,
    InboxItem,
    MediaCopy,
    Message,
    Receiver,
    Run,
    SavedSearch,
    SavedView,
    Source,
    SpeakerName,
    Tag,
)  # fmt: skip
from results.notifications import channels
from results.runs import trash
from results.runs.source import join_runs
from results.transcripts import dismissals, review
from teams.models import AccessToken, AuditEntry, Invitation, Membership, Team, User
from tests.browser.test_hostile import VECTORS
from tests.factories import make_dub, make_ready_run, make_user

# Texts of other people, which the tests of this module and of `test_hostile` fill with vectors.
SHOWN = {
    "AccessToken": "name",
    "ApiKey": "last_four message",
    "Attempt": "change",
    "AuditEntry": "detail person token",
    "Call": "message",
    "Cue": "original_speaker speaker text",
    "Delivery": "answer problem request",
    "DismissedCheck": "reason",
    "Dub": "audio_url camb_language foreign_lines language person_language text_language video_url",
    "Event": "detail language",
    "Invitation": "email",
    "MediaCopy": "content_type message",
    "Receiver": "bounce name problem shown_address",
    "Run": "camb_task_id given_language guessed_languages language_mismatches "
    "languages notes reason removed_by title",
    "SavedSearch": "q",
    "SavedView": "name query",
    "Source": "title",
    "SpeakerName": "name original",
    "Tag": "name",
    "Team": "name",
    "User": "email hidden_columns name time_zone",
}
# Texts that no page shows: hashes, sealed or derived values, names of our own choice.
HIDDEN = {
    "AccessToken": "last_four token_hash",
    "ApiKey": "sealed told_state",
    "CopyPolicy": "told_trouble",
    "DismissedCheck": "kind text_hash",
    "Dub": "cues_hash",
    "Feed": "last_four token_hash",
    "InboxItem": "shown",
    "Invitation": "token_hash",
    "Language": "tag",
    "LargeChange": "by kind pks",
    "MediaCopy": "kind name source storage validator",
    "Message": "kinds",
    "OpenCheck": "kind language other_language",
    "Receiver": "kinds sealed_address sealed_old_secret sealed_secret time_zone",
    "ReviewPolicy": "speeds",
    "Run": "name_key title_folded",
    "ScheduledTask": "name",
    "SharedStorage": "mark",
    "Tag": "folded letters",
    "TaskAttempt": "task",
    "Team": "removed_by slug",
    "User": "password",
    "VocabularyWord": "backwards word",
    "WorkerHeartbeat": "name",
}


def text_fields() -> Iterator[tuple[str, str]]:
    """Yield every text of the database that is none of a few choices."""
    for layer in ("teams", "results"):
        for model in apps.get_app_config(layer).get_models():
            for field in model._meta.get_fields():
                if isinstance(field, models.CharField | models.TextField | models.JSONField) and not field.choices:
                    yield model.__name__, field.name


def test_every_text_of_the_database_is_known_as_shown_or_hidden():
    known = {(model, name) for table in (SHOWN, HIDDEN) for model, names in table.items() for name in names.split()}
    assert set(text_fields()) - known == set()


def cut(model: type[models.Model], name: str, vector: str) -> str:
    """Return as much of the vector as the column holds."""
    return vector[: getattr(model._meta.get_field(name), "max_length", None)]


@pytest.fixture
def full_run(team, owner) -> Run:
    """A run with one of everything for each vector."""
    run = make_ready_run(team, title=VECTORS[0], notes=VECTORS, languages=VECTORS, camb_task_id=VECTORS[1])
    call = Call.objects.create(
        team=team, outcome="refused", message=VECTORS[2], at=timezone.now(), ms=9, run_count=1
    )
    for at, vector in enumerate(VECTORS):
        dub = make_dub(
            run, [vector, vector], cut(Dub, "language", f"{at}{vector}"), video_url=vector, audio_url=vector
        )
        dub.cues.update(speaker=vector, original_speaker=vector)
        for cue in dub.cues.all():
            for kind in review.Kind:
                dismissals.dismiss(cue, kind, vector, owner)
        SpeakerName.objects.create(team=team, run=run, original=vector, name=vector)
        MediaCopy.objects.create(
            team=team, dub=dub, kind="video", name=f"{at}.mp4", message=vector, state="failed",
            content_type=cut(MediaCopy, "content_type", vector),
        )  # fmt: skip
        run.tags.add(Tag.objects.create(team=team, name=cut(Tag, "name", vector), folded=str(at)))
        member = make_user(f"m{at}@example.org", name=cut(User, "name", vector))
        membership = Membership.objects.create(team=team, user=member, role="member")
        AccessToken.objects.issue(membership, cut(AccessToken, "name", vector), can_write=True)
        Invitation.objects.issue(team=team, email=cut(Invitation, "email", vector), role="viewer", invited_by=owner)
        SavedSearch.objects.create(team=team, owner=owner, q=vector, is_shared=True)
        SavedView.objects.create(
            team=team,
            owner=owner,
            name=cut(SavedView, "name", vector),
            query=cut(SavedView, "query", f"q={vector}"),
        )
        Attempt.objects.create(run=run, call=call, change=cut(Attempt, "change", vector))
        AuditEntry.objects.create(
            team=team, kind=AuditEntry.Action.EXPORTED, **{
                name: cut(AuditEntry, name, vector) for name in ("person", "detail", "token")
            },
        )  # fmt: skip
        trash.remove_runs(team, [make_ready_run(team, title=vector).pk], by=vector)
        event = Event.objects.create(
            team=team, kind=Event.Kind.FAILED, run=run, detail={"reason": vector},
            language=cut(Event, "language", vector),
        )  # fmt: skip
        InboxItem.objects.create(
            membership=team.memberships.get(user=owner), kind=event.kind, first=event.pk, last=event.pk, count=1,
            shown=[event.pk],
        )  # fmt: skip
    add_channel(team)
    return run


def add_channel(team: Team) -> None:
    """Give the team a channel with a delivery for each vector."""
    channel, _secret = channels.add(team, Receiver.Way.WEBHOOK, VECTORS[0], "https://hook.invalid/in")
    Receiver.objects.filter(pk=channel.pk).update(
        problem=cut(Receiver, "problem", VECTORS[1]), shown_address=cut(Receiver, "shown_address", VECTORS[2])
    )
    message = Message.objects.create(receiver=channel, state=Message.Progress.FAILED)
    for vector in VECTORS:
        Delivery.objects.create(
            message=message, request=vector, answer=cut(Delivery, "answer", vector), http_status=500,
            problem=cut(Delivery, "problem", vector),
        )  # fmt: skip


def test_every_vector_in_every_field_of_a_team_runs_on_no_page(page, owner_browser, team, full_run):
    owner_browser.expects = ("status of 502", "status of 404")
    other = make_ready_run(team, title=VECTORS[3], reason=VECTORS[4])
    join_runs(team, [full_run.pk, other.pk])
    addresses = [
        reverse(name, args=[team.slug])
        for name in (
            "runs-list",
            "search",
            "activity",
            "teams-detail",
            "tokens",
            "source-languages",
            "teams-media",
            "retention",
            "audit",
            "trash",
            "inbox",
            "channels",
            "runs-checks-board",
        )
    ]
    channel = Receiver.objects.get(team=team, way=Receiver.Way.WEBHOOK)
    addresses.append(reverse("channels-detail", args=[team.slug, channel.pk]))
    addresses += [f"{addresses[0]}?by=source"]
    addresses += [reverse(name, args=[full_run.pk]) for name in (
        "runs-detail", "runs-history", "runs-source", "runs-edit-tags", "runs-edit-title", "runs-edit-remove",
    )]  # fmt: skip
    for address in addresses:
        answer = page.goto(address)
        assert answer
        assert (address, answer.status) == (address, 200)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.goto(reverse("teams-detail", args=[team.slug]))
    shown = page.locator("#main").inner_text()
    assert [vector for vector in VECTORS[:4] if " ".join(vector.split()) not in " ".join(shown.split())] == []


@pytest.mark.parametrize("part", range(4))
def test_every_vector_in_the_fields_that_are_there_once_runs_on_no_page(page, owner_browser, team, owner, part):
    owner_browser.expects = ("status of 502", "status of 404")
    run = make_ready_run(team, title="x")
    dub = make_dub(run, ["Hello"], "en-us")
    join_runs(team, [run.pk, make_ready_run(team, title="y").pk])
    for vector in VECTORS[part::4]:
        team.name = cut(type(team), "name", vector)
        owner.name = cut(User, "name", vector)
        team.save()
        owner.save()
        key: Any = team.api_key
        type(key).objects.filter(pk=key.pk).update(message=vector, last_four=vector[:4], state="refused")
        Source.objects.update(title=cut(Source, "title", vector))
        Run.objects.filter(pk=run.pk).update(
            title=vector, reason=vector, notes=[vector], camb_task_id=vector,
            given_language=cut(Run, "given_language", vector), guessed_languages=[vector],
        )  # fmt: skip
        Dub.objects.filter(pk=dub.pk).update(
            person_language=cut(Dub, "person_language", vector), camb_language=cut(Dub, "camb_language", vector),
            text_language=cut(Dub, "text_language", vector),
        )  # fmt: skip
        for address in (
            reverse("runs-detail", args=[run.pk]),
            reverse("runs-source", args=[run.pk]),
            reverse("keys", args=[team.slug]),
        ):
            page.goto(address)
        page.goto(f"{reverse('search', args=[team.slug])}?q=hello")
        expect(page.locator("#search-box")).to_have_value("hello")
