"""Fixtures for notifications: events of a team, a receiver of webhooks over real HTTP, and a real mail server."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.test import override_settings

from results.models import Event, Receiver
from results.notifications import channels, collect, deliver
from tests.factories import make_ready_run


@dataclass
class HookServer:
    """A receiver of webhooks and chats on this machine that answers as a test wishes."""

    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    """A status, or a function that writes the whole answer; taken in turn, then 204."""


@pytest.fixture
def hooks(settings) -> Iterator[HookServer]:
    server = HookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            server.received.append(({key.lower(): value for key, value in self.headers.items()}, body))
            answer = server.answers.pop(0) if server.answers else 204
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_args) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        settings.CHANNEL_HOSTS = [f"127.0.0.1:{http.server_port}"]
        yield server
        http.shutdown()


class Mailbox:
    """Keeps the emails that a real SMTP server took, and refuses the recipients that a test names."""

    def __init__(self) -> None:
        self.emails: list[bytes] = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 No such person here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.emails.append(envelope.content)
        return "250 OK"


class AnyPort(Controller):
    """A mail server on a port that the system chooses, which is known only from its socket."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = vars(self.server)["_sockets"][0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    controller = AnyPort(box, hostname="127.0.0.1", port=0)
    controller.start()
    smtp = {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": controller.port,
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    }
    with override_settings(**smtp):
        yield box
    controller.stop()


@pytest.fixture
def happen(team):
    """Write events of this kind, each about a run of its own with this title."""

    def write(kind: str, *titles: str, **fields) -> list[Event]:
        return [
            Event.objects.create(team=team, kind=kind, run=make_ready_run(team, title=title, **fields))
            for title in titles
        ]

    return write


@pytest.fixture
def webhook(team, hooks) -> Receiver:
    """A webhook of the team, with its secret as `plain_secret`."""
    receiver, secret = channels.add(team, Receiver.Way.WEBHOOK, "Pipeline", f"{hooks.url}/hook")
    vars(receiver)["plain_secret"] = secret
    return receiver


@pytest.fixture
def tell(enqueued, clock, settings):
    """Let time pass until a batch is complete, and have the messages delivered; `after` seconds pass first."""

    def go(after: float = 0) -> None:
        clock(after)
        collect.collect()
        # Events are written by the real clock, which may be a moment ahead.
        clock(settings.NOTIFY_QUIET_SECONDS + 20)
        collect.collect()
        for lease in deliver.claim_due():
            deliver.deliver(str(lease))

    return go
