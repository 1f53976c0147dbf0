"""Reports of emails that came back pause the email of the person whose address failed, and of no one else."""

import io
import json
import mailbox as mailboxes
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from results.models import Delivery, Message, Receiver
from results.notifications import bounces, email, mailbox, receivers, summary
from teams.models import Membership
from tests.factories import make_member, make_team
from tests.results.notifications.imap_server import serve_imap

pytestmark = pytest.mark.django_db
REPORTS = Path(__file__).parent / "reports"
PERMANENT = ["postfix", "exim", "exchange"]


@pytest.fixture(autouse=True)
def address(settings):
    settings.BOUNCE_ADDRESS = "bounces@example.org"


@pytest.fixture
def receiver(team) -> Receiver:
    return subscribe(team.memberships.get())


def subscribe(membership: Membership) -> Receiver:
    receiver = receivers.email_of(membership)
    receiver.kinds = {"ready": "now"}
    receiver.save()
    return receiver


@pytest.fixture
def message(receiver) -> Message:
    """An email that a mail server took."""
    return Message.objects.create(receiver=receiver, state="sent")


def report(name: str, return_path: str) -> bytes:
    return (REPORTS / f"{name}.eml").read_bytes().replace(b"RETURN_PATH", return_path.encode())


def state(receiver: Receiver) -> tuple[bool, str]:
    receiver.refresh_from_db()
    return receiver.is_on, receiver.bounce


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "postfix",
            "550 5.1.1 <anna@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
        ),
        ("exim", "550 No such person at this address"),
        (
            "exchange",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        ),
    ],
)
def test_an_address_that_does_not_exist_pauses_the_email_and_says_why(receiver, message, name, said):
    assert bounces.receive(report(name, bounces.return_path(message)))
    assert state(receiver) == (False, said)
    assert Delivery.objects.get().problem == said


@pytest.mark.parametrize("name", ["delayed", "full"])
def test_a_delay_or_a_full_mailbox_is_shown_and_pauses_nothing(receiver, message, name):
    assert bounces.receive(report(name, bounces.return_path(message)))
    is_on, said = state(receiver)
    assert (is_on, said != "") == (True, True)


@pytest.mark.parametrize("name", ["relayed", "holiday"])
def test_what_is_no_failure_changes_nothing(receiver, message, name):
    assert not bounces.receive(report(name, bounces.return_path(message)))
    assert state(receiver) == (True, "")


def test_the_email_of_all_teams_is_paused_and_that_of_others_is_not(receiver, message, team):
    person = receiver.membership.user
    elsewhere = subscribe(Membership.objects.create(team=make_team(), user=person, role="member"))
    colleague = subscribe(Membership.objects.get(user=make_member(team)))
    waiting = Message.objects.create(receiver=elsewhere)
    bounces.receive(report("postfix", bounces.return_path(message)))
    waiting.refresh_from_db()
    assert (state(elsewhere)[0], waiting.state, state(colleague)) == (False, "failed", (True, ""))


@pytest.mark.parametrize(
    "forge",
    [
        lambda path, pk: path.replace(f"+{pk}-", f"+{pk + 1}-"),
        lambda path, pk: path.replace(f"+{pk}-", f"+{pk}-0"),
        lambda path, pk: f"bounces+{pk}-{'0' * bounces.TOKEN_LENGTH}@example.org",
        lambda path, pk: f"bounces+{pk}-@example.org",
        lambda path, pk: "bounces@example.org",
        lambda path, pk: path.replace("@example.org", "@elsewhere.example"),
        lambda path, pk: f"{path}\r\nTo: other@example.org, \x00(((<",
    ],
)
def test_a_forged_report_silences_no_one(receiver, message, forge, team):
    Message.objects.create(receiver=receiver, state="sent")
    forged = forge(bounces.return_path(message), message.pk)
    genuine = "\r\n" in forged
    assert bounces.receive(report("postfix", forged)) == genuine
    assert state(receiver)[0] != genuine


def test_a_report_about_an_earlier_address_or_a_channel_says_nothing(receiver, message):
    earlier = bounces.return_path(message)
    user = receiver.membership.user
    user.email = "anna@new.example"
    user.save()
    assert not bounces.receive(report("postfix", earlier))
    assert state(receiver) == (True, "")


def test_a_pause_locks_no_message_behind_a_receiver_and_ends_what_is_open(receiver, message):
    unsent = Message.objects.create(receiver=receiver)
    with CaptureQueriesContext(connection) as queries:
        bounces.receive(report("postfix", bounces.return_path(message)))
    steps = [" ".join(query["sql"].replace('"', "").split()[:2]) for query in queries]
    locking = [step for step in steps if step.startswith(("UPDATE results_", "RELEASE"))]
    assert locking == [
        "UPDATE results_message",
        "UPDATE results_receiver",
        "RELEASE SAVEPOINT",
        "UPDATE results_message",
    ]
    unsent.refresh_from_db()
    assert unsent.state == "failed"


def test_a_report_that_is_replayed_after_the_person_tried_again_changes_nothing(receiver, message, enqueued):
    raw = report("postfix", bounces.return_path(message))
    bounces.receive(raw)
    assert bounces.try_again(receiver.membership)
    bounces.receive(raw)
    assert state(receiver) == (True, "")
    [test] = Message.objects.filter(is_test=True)
    assert (test.receiver, test.is_extra, enqueued) == (receiver, True, [("notify",)])
    assert summary.test_summary(receiver).title == "Test of your email"
    assert not bounces.try_again(receiver.membership)


def test_hostile_emails_are_read_in_a_moment_and_change_nothing(receiver, message):
    path = bounces.return_path(message)
    nested = "".join(f'Content-Type: multipart/report; boundary="{n}"\n\n--{n}\n' for n in range(3000))
    for raw in (
        b"", b"\0" * 1000, nested.encode(), b"To: " + b"<" * 100_000, f"To: {path}\n\n".encode(),
        f"To: {path}\nContent-Type: message/delivery-status\n\nAction: failed".encode() + b"\xff" * 100,
        f"To: {path}\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n!!".encode(),
    ):  # fmt: skip
        bounces.receive(raw)
    assert state(receiver)[0]


def test_each_email_has_a_return_path_of_its_own_and_one_sender(receiver, message, settings):
    settings.DEFAULT_FROM_EMAIL = "Dubroom <dubroom@example.org>"
    mail = email.compose(message, summary.test_summary(receiver))
    assert (mail.from_email, mail.message()["From"]) == (
        bounces.return_path(message), "Dubroom <dubroom@example.org>",
    )  # fmt: skip
    assert len(mail.from_email.partition("@")[0]) <= 64
    settings.BOUNCE_ADDRESS = ""
    assert email.compose(message, summary.test_summary(receiver)).from_email == settings.DEFAULT_FROM_EMAIL
    assert not bounces.receive(report("postfix", "bounces+1-x@example.org"))


# --- The command, a Maildir, and an IMAP server -----------------------------------------------------


@pytest.fixture
def run(monkeypatch):
    """Run the command with this email on standard input; return what it prints."""

    def read(raw: bytes = b"", *arguments: str) -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        output = io.StringIO()
        call_command("read_bounces", *arguments, stdout=output)
        return output.getvalue()

    return read


def test_a_mail_server_hands_a_report_to_the_command(run, receiver, message):
    path = bounces.return_path(message)
    # A mail server may have rewritten the header, and name the address beside it.
    assert "is recorded" in run(report("postfix", "elsewhere@example.org"), "--to", path.upper())
    assert "Not a report" in run(report("holiday", path))
    assert not state(receiver)[0]
    assert json.loads(run(report("postfix", path), "--json")) == {"reports": 1, "others": 0}
    assert json.loads(run(report("holiday", path), "--json")) == {"reports": 0, "others": 1}


def test_while_the_database_is_away_the_mail_server_keeps_the_report(run, message, monkeypatch):
    def away(*_):
        raise OperationalError("gone")

    monkeypatch.setattr(bounces, "_message_at", away)
    with pytest.raises(CommandError) as error:
        run(report("postfix", bounces.return_path(message)))
    assert error.value.returncode == 75


def test_without_an_address_the_command_says_what_to_set(run, settings):
    settings.BOUNCE_ADDRESS = ""
    with pytest.raises(CommandError, match="BOUNCE_ADDRESS"):
        run()


def test_a_maildir_is_read_once_and_what_is_no_report_stays(run, receiver, message, tmp_path):
    folder = mailboxes.Maildir(tmp_path / "mail")
    for name in ("holiday", "postfix"):
        folder.add(report(name, bounces.return_path(message)))
    assert run(b"", "--mailbox", str(tmp_path / "mail")) == "Reports recorded: 1. Other emails: 1.\n"
    again = run(b"", "--mailbox", str(tmp_path / "mail"), "--json")
    assert json.loads(again) == {"reports": 0, "others": 0}
    [left] = folder
    assert ("Out of office" in left["Subject"], left.get_flags(), state(receiver)[0]) == (True, "S", False)
    with pytest.raises(CommandError, match="not a Maildir"):
        run(b"", "--mailbox", str(tmp_path))


def test_a_mailbox_of_an_imap_server_is_read_by_a_worker(receiver, message, settings):
    emails = [report(name, bounces.return_path(message)) for name in ("holiday", "postfix")]
    with serve_imap("anna@example.org", "s3cret/:word", emails) as server:
        settings.BOUNCE_MAILBOX = f"imap://anna%40example.org:s3cret%2F%3Aword@127.0.0.1:{server.port}/Bounces"
        mailbox.read_configured()
        assert (state(receiver)[0], server.flags, server.folder) == (
            False, {1: r"(\Seen)", 2: r"(\Seen \Deleted)"}, '"Bounces"',
        )  # fmt: skip
        assert server.is_expunged


def test_a_mailbox_that_cannot_be_read_is_logged_without_its_password(settings, caplog):
    with serve_imap("anna", "secret", []) as server:
        settings.BOUNCE_MAILBOX = f"imap://anna:wrong-one@127.0.0.1:{server.port}/"
        mailbox.read_configured()
    settings.BOUNCE_MAILBOX = "imaps://anna:wrong-one@127.0.0.1:1/"
    mailbox.read_configured()
    text = caplog.text
    assert (text.count("BOUNCE_MAILBOX cannot be read"), "wrong-one" in text) == (2, False)
