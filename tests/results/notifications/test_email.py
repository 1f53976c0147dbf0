"""Email arrives over real SMTP with what mail programs need to unsubscribe, and its failure blocks no one."""

import email as email_parser
from datetime import UTC, datetime, timedelta
from email.policy import default

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from results import clock as shared_clock
from results.models import Event, Message, Receiver
from results.notifications import collect, deliver, email, receivers
from results.runs import saved_views
from teams.models import Membership, User
from tests.factories import make_member, make_ready_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def subscriber(team) -> Membership:
    return team.memberships.get()


@pytest.fixture
def by_email(subscriber):
    """Have the owner told by email of these kinds."""

    def choose(when=Receiver.NOW, member=subscriber, **fields) -> Receiver:
        receiver = receivers.email_of(member)
        receiver.kinds = dict.fromkeys(("ready", "failed"), when)
        for name, value in fields.items():
            setattr(receiver, name, value)
        receivers.resume(receiver, ())
        receiver.save()
        return receiver

    return choose


def parsed(raw: bytes):
    return email_parser.message_from_bytes(raw, policy=default)


def test_an_email_names_failures_first_and_links_to_exactly_its_runs(by_email, mailbox, happen, tell):
    by_email()
    happen("ready", "Film", "فيلم", languages=["es-es"])
    happen("failed", "Trailer")
    tell()
    [raw] = mailbox.emails
    mail = parsed(raw)
    text, html = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
    assert text.index("1 run failed") < text.index("2 runs are ready") < text.index("Spanish")
    assert ("فيلم" in text, "<bdi>فيلم</bdi>" in html, "color-scheme" in html) == (True, True, True)
    events = list(Event.objects.order_by("pk").values_list("pk", flat=True))
    assert f"?events={events[0]}-{events[-1]}-" in text
    assert "1 run failed · 2 runs are ready" in mail["Subject"]


def test_an_email_can_be_ended_with_one_click_also_after_the_person_left(by_email, mailbox, happen, tell, team):
    receiver = by_email(member=Membership.objects.get(user=make_member(team, Membership.Role.VIEWER)))
    happen("ready", "Film")
    tell()
    mail = parsed(mailbox.emails[0])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = mail["List-Unsubscribe"].strip("<>").partition("/unsubscribe/")[2]
    url, client = f"/unsubscribe/{path}", Client(enforce_csrf_checks=True)
    assert client.get(url).status_code == 200
    receiver.refresh_from_db()
    assert receiver.kinds != {}
    assert client.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
    receiver.refresh_from_db()
    assert receiver.kinds == {}
    receiver.membership.remove()
    assert client.post(url).status_code == 200
    assert client.post(url.replace(str(receiver.pk), str(receiver.pk + 1), 1)).status_code == 404


def test_a_refused_address_is_shown_and_does_not_hold_up_another(by_email, mailbox, happen, tell, team):
    refused = by_email()
    by_email(member=Membership.objects.get(user=make_member(team)))
    mailbox.refused.add(refused.membership.user.email)
    happen("ready", "Film")
    tell()
    refused.refresh_from_db()
    assert (len(mailbox.emails), "550 No such person here" in refused.problem) == (1, True)


@pytest.mark.parametrize("name", ["", "Anna", "Ängström, Žofie", "张伟", "Anna\nBcc: eve@example.org"])
def test_a_person_with_letters_of_any_script_is_written_to(by_email, mailbox, happen, tell, subscriber, name):
    User.objects.filter(pk=subscriber.user_id).update(email="anna@exämple.com", name=name)
    receiver = by_email()
    happen("ready", "Film")
    tell()
    receiver.refresh_from_db()
    assert receiver.problem == ""
    [to] = parsed(mailbox.emails[0])["To"].addresses
    assert (to.addr_spec, to.display_name) == ("anna@xn--exmple-cua.com", " ".join(name.split()))


def test_a_mail_server_that_is_down_is_tried_again_with_the_same_message_id(
    by_email, mailbox, happen, tell, settings
):
    receiver = by_email()
    working = settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    happen("ready", "Film")
    tell()
    receiver.refresh_from_db()
    assert receiver.problem.startswith("The mail server did not take the email")
    settings.EMAIL_PORT = working
    tell(after=300)
    receiver.refresh_from_db()
    assert (receiver.problem, parsed(mailbox.emails[0])["Message-ID"].partition("@")[0].strip("<")) == (
        "", Message.objects.get().uid.hex,
    )  # fmt: skip


def test_a_daily_digest_is_one_email_of_the_whole_day(by_email, mailbox, happen, tell):
    by_email(Receiver.DAILY)
    happen("ready", "One")
    tell()
    happen("ready", "Two")
    tell()
    assert mailbox.emails == []
    tell(after=24 * 3600)
    [raw] = mailbox.emails
    assert "2 runs are ready" in parsed(raw)["Subject"]


def test_quiet_hours_keep_a_message_back_until_they_end(by_email, mailbox, happen, tell):
    now = shared_clock.now()
    receiver = by_email(quiet_from=now.hour, quiet_until=(now.hour + 2) % 24)
    happen("ready", "One")
    tell()
    assert mailbox.emails == []
    tell(after=2 * 3600)
    assert (len(mailbox.emails), receiver.problem) == (1, "")


@pytest.mark.parametrize(
    ("hour", "is_quiet"), [(21, False), (22, True), (23, True), (0, True), (6, True), (7, False), (12, False)]
)
def test_quiet_hours_go_over_midnight_by_the_persons_own_clock(by_email, subscriber, hour, is_quiet):
    subscriber.user.time_zone = "Asia/Kathmandu"
    subscriber.user.save()
    receiver = by_email(quiet_from=22, quiet_until=7)
    assert receivers.is_quiet(receiver, datetime(2026, 3, 9, hour, 30, tzinfo=subscriber.user.zone)) == is_quiet


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", datetime(2026, 3, 7, 9), 22),  # the clock goes forward in the night
        ("America/New_York", datetime(2026, 10, 31, 9), 24),  # and back
        ("Asia/Kathmandu", datetime(2026, 3, 7, 9), 23),
    ],
)
def test_a_digest_is_due_at_eight_by_the_persons_own_clock(by_email, subscriber, zone, day, hours):
    subscriber.user.time_zone = zone
    subscriber.user.save()
    receiver = by_email(Receiver.DAILY)
    now = day.replace(tzinfo=subscriber.user.zone).astimezone(UTC)
    due = receivers.next_digest(receiver, now)
    assert due is not None
    assert (due.astimezone(subscriber.user.zone).hour, due.astimezone(UTC) - now) == (8, timedelta(hours=hours))


def test_a_digest_that_falls_into_quiet_hours_comes_once_behind_them(by_email, mailbox, happen, tell, monkeypatch):
    by_email(Receiver.DAILY, quiet_from=0, quiet_until=12)
    happen("ready", "Film")
    now = shared_clock.now()
    for hours in range(0, 49, 6):
        monkeypatch.setattr(shared_clock, "now", lambda at=now + timedelta(hours=hours): at)
        collect.collect()
        for lease in deliver.claim_due():
            deliver.deliver(str(lease))
    assert len(mailbox.emails) == 1


def test_only_what_the_person_added_or_a_view_shows_is_told(by_email, mailbox, happen, tell, subscriber):
    by_email(scope=Receiver.Scope.MINE)
    happen("ready", "Mine", added_by=subscriber.user)
    happen("ready", "Another's")
    tell()
    text = parsed(mailbox.emails[0]).get_body(("plain",)).get_content()
    assert ("Mine" in text, "Another" in text, f"who={subscriber.user_id}" in text) == (True, False, True)


@pytest.mark.parametrize("may_export", [True, False])
def test_a_line_of_a_transcript_is_sent_to_those_who_may_export(by_email, mailbox, tell, team, may_export):
    member = team.memberships.get(user=make_member(team))
    member.set_export(is_allowed=may_export)
    by_email(member=member)
    Receiver.objects.update(kinds={"changed": Receiver.NOW})
    detail = {"added": 1, "removed": 1, "before": "The kettle is on.", "after": "It boils."}
    Event.objects.create(team=team, kind="changed", run=make_ready_run(team), language="en", detail=detail)
    tell()
    [raw] = mailbox.emails
    bodies = [parsed(raw).get_body((kind,)).get_content() for kind in ("plain", "html")]
    assert [("kettle" in body, "1 line added, 1 removed" in body) for body in bodies] == [(may_export, True)] * 2


@pytest.mark.parametrize(
    ("scope", "view", "reason"),
    [
        ("all", "", "You get this because you follow all runs of \u2068استوديو & Söhne\u2069."),
        ("mine", "", "You get this because you follow the runs you added to \u2068استوديو & Söhne\u2069."),
        (
            "view",
            "?status=ready",
            "You get this because you follow the view “Done” of \u2068استوديو & Söhne\u2069.",
        ),
        ("view", "", ""),
    ],
)
def test_an_email_says_why_one_gets_it(by_email, mailbox, happen, tell, subscriber, scope, view, reason):
    team = subscriber.team
    team.name = "استوديو & Söhne"
    team.save()
    saved = saved_views.save_view(subscriber, "Done", view, is_shared=False, is_default=False) if view else None
    receiver = by_email(scope=scope, view=saved)
    receiver.kinds["weekly"] = Receiver.NOW
    receiver.save()
    happen("ready", "Film", added_by=subscriber.user)
    Event.objects.create(team=team, kind="weekly", detail={})
    tell()
    mail = parsed(mailbox.emails[0])
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert ("You get this because" in text, reason in text) == (bool(reason), True)
    assert ("You get this because" in html, reason.replace("&", "&amp;") in html) == (bool(reason), True)


def test_a_test_email_gives_no_reason(by_email, mailbox, enqueued):
    receivers.send_test(by_email())
    for lease in deliver.claim_due():
        deliver.deliver(str(lease))
    assert "You get this because" not in parsed(mailbox.emails[0]).get_body(("plain",)).get_content()


def test_what_was_not_sent_yet_is_not_sent_after_the_click(by_email, mailbox, happen, tell, settings):
    receiver, working = by_email(), settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    happen("ready", "Film")
    tell()
    settings.EMAIL_PORT = working
    assert email.unsubscribe(email.unsubscribe_token(receiver))
    tell(after=3600)
    assert mailbox.emails == []


def test_a_person_whose_account_is_switched_off_is_told_nothing(by_email, mailbox, happen, tell, subscriber):
    by_email()
    subscriber.user.is_active = False
    subscriber.user.save()
    happen("ready", "Film")
    tell()
    assert mailbox.emails == []


def test_a_person_without_the_second_step_that_the_team_requires_is_told_nothing(
    by_email, mailbox, happen, tell, team, settings
):
    by_email()
    settings.EMAIL_PORT, working = 1, settings.EMAIL_PORT
    happen("ready", "Film")
    tell()
    type(team).objects.filter(pk=team.pk).update(requires_second_step=True)
    settings.EMAIL_PORT = working
    tell(after=300)
    happen("ready", "Trailer")
    tell(after=300)
    assert (mailbox.emails, Message.objects.filter(state="open").count()) == ([], 0)
    Authenticator.objects.create(user=team.memberships.get().user, type=Authenticator.Type.TOTP, data={})
    tell(after=300)
    assert "Trailer" in parsed(mailbox.emails[0]).get_body(("plain",)).get_content()


def test_a_forged_link_ends_nothing():
    assert (email.unsubscribe("1:forged"), email.opened("nonsense")) == (False, None)


def test_a_message_that_is_written_while_the_person_unsubscribes_is_not_sent(by_email, mailbox, happen):
    receiver = by_email()
    [event] = happen("ready", "Film")
    assert email.unsubscribe(email.unsubscribe_token(receiver))
    # A worker had read before that the person wants it.
    Message.objects.create(receiver=receiver, kinds=["ready"], first=event.pk, last=event.pk)
    Receiver.objects.filter(pk=receiver.pk).update(due_at=shared_clock.now())
    [lease] = deliver.claim_due()
    deliver.deliver(str(lease))
    assert (mailbox.emails, Message.objects.get().state) == ([], "sent")
