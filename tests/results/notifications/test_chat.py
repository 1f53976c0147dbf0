"""Chats are reached by Apprise alone, through the same guard as downloads."""

import json

import pytest

from results.models import Delivery, Receiver
from results.notifications import channels, chat, outbound
from results.notifications.outbound import OutboundError
from results.notifications.summary import Summary

SUMMARY = Summary("2 runs are ready", "Dub", [], {}, "http://127.0.0.1/t/dub/runs/", [])

# An address of each kind whose host the team chooses, inside our own network.
OWN_HOST = [
    "mmost://127.0.0.1:{port}/abcdefghijklmnop", "ntfy://127.0.0.1:{port}/topic", "gotify://127.0.0.1:{port}/AbCdEfGhIjKlMnO",
    "workflow://127.0.0.1:{port}/643f2c1d/abcdefghijkl", "rocket://user:pass@127.0.0.1:{port}/#room",
]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_chat_is_told_in_its_own_form(team, hooks, happen, tell):
    port = hooks.url.rpartition(":")[2]
    hooks.answers.append(200)
    channels.add(team, Receiver.Way.CHAT, "Chat", f"mmost://127.0.0.1:{port}/abcdefghijklmnop")
    happen("failed", "Trailer")
    happen("ready", "Film")
    tell()
    text = json.loads(hooks.received[0][1])["text"]
    assert (text.index("1 run failed") < text.index("1 run is ready"), "?events=" in text) == (True, True)
    assert Delivery.objects.get().http_status == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("charset", "body"), [("unicode_escape", b"\\ud800"), ("utf-8", b"fine\0")])
def test_an_answer_that_no_database_stores_is_logged_and_the_message_sent_once(
    team, hooks, happen, tell, charset, body
):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", f"text/plain; charset={charset}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    hooks.answers += [answer] * 3
    address = hooks.url.removeprefix("http://")
    channels.add(team, Receiver.Way.CHAT, "Chat", f"mmost://{address}/abcdefghijklmnop")
    happen("ready", "Film")
    tell()
    tell()
    assert (len(hooks.received), Delivery.objects.get().http_status) == (1, 200)


@pytest.mark.parametrize("address", OWN_HOST)
def test_no_kind_reaches_our_own_network(hooks, settings, address):
    settings.CHANNEL_HOSTS = []
    with pytest.raises(OutboundError, match="not on the public internet"):
        chat.send(address.format(port=hooks.url.rpartition(":")[2]), SUMMARY)
    assert hooks.received == []


@pytest.mark.parametrize("address", OWN_HOST[:3])
def test_no_kind_follows_a_redirect(hooks, address):
    def redirect(handler):
        handler.send_response(307)
        handler.send_header("Location", f"{hooks.url}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    hooks.answers += [redirect] * 4
    assert chat.send(address.format(port=hooks.url.rpartition(":")[2]), SUMMARY).http_status == 307
    assert len(hooks.received) == 1


def test_every_allowed_kind_sends_by_the_guard():
    plugins = chat._guarded_plugins()
    modules = {plugin.__module__ for plugin in plugins}
    assert len(plugins) >= 10
    assert {module.partition(".plugins.")[2].partition(".")[0] for module in modules} >= {
        "slack",
        "discord",
        "telegram",
    }


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "mailto://user:pass@example.org", "json://example.org/", "syslog://", "windows://",
        "mmost://example.org/abcdefghijklmnop?verify=no",
        "workflow://example.org/643f2c1d/abcdefghijkl?template=/etc/passwd", "http://example.org/", "nonsense", "",
    ],
)  # fmt: skip
def test_other_kinds_and_dangerous_parameters_are_refused(address):
    with pytest.raises(chat.BadAddressError):
        chat.open_chat(address)


def test_the_shown_address_names_the_kind_and_no_secret():
    assert (
        channels.check_address("chat", "https://discord.com/api/webhooks/123456789012345678/abcdefghijABCDEFGHIJ")
        == "Discord"
    )
    assert channels.check_address("webhook", "https://user:pass@hook.example/x?token=1") == "https://hook.example"


def test_a_slow_chat_ends_at_the_deadline():
    assert Receiver.LEASE.total_seconds() / 4 > outbound.TOTAL_SECONDS
