"""Tells chats of events by Apprise: Slack, Teams, Discord and others, limited to kinds that go to the web.

Apprise's plugins send by `requests`. Here they get a stand-in for that module that sends by `outbound`, so that a
chat's address is guarded like a webhook's: it leads to the public internet, and no redirect is followed.
"""

import sys
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat
from apprise.manager_plugins import NotificationManager
from django.utils.translation import gettext as _

from results.notifications import outbound
from results.notifications.outbound import OutboundError, Reply
from results.notifications.summary import Summary

# Apprise knows over a hundred kinds; some write to files, run programs or speak protocols of their own.
KINDS = {
    "slack": "Slack",
    "workflow": "Microsoft Teams",
    "workflows": "Microsoft Teams",
    "discord": "Discord",
    "mmost": "Mattermost",
    "mmosts": "Mattermost",
    "tgram": "Telegram",
    "ntfy": "ntfy",
    "ntfys": "ntfy",
    "rocket": "Rocket.Chat",
    "rockets": "Rocket.Chat",
    "gchat": "Google Chat",
    "zulip": "Zulip",
    "gotify": "Gotify",
    "gotifys": "Gotify",
    "wxteams": "Webex",
}
# The other parameters of Apprise's addresses can name files of this server, or switch certificates off.
PARAMETERS = {
    "api-version", "auth", "channel", "channels", "format", "icon_url", "key", "mode", "priority", "sig", "sp",
    "sv", "tags", "thread", "to", "token", "topic",
}  # fmt: skip
MAX_LINES = 20

_reply: ContextVar[list[Reply | OutboundError]] = ContextVar("reply")


class BadAddressError(ValueError):
    """The address is none that Dubroom sends to; the message is a sentence for people."""


class _GuardedRequests:
    """Takes the place of the module `requests` in Apprise's plugins."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        try:
            response = outbound.request(method, url, **kwargs)
        except OutboundError as error:
            _reply.get().append(error)
            raise requests.RequestException(str(error)) from error
        _reply.get().append(outbound.reply_of(response))
        return response

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        return self.request("GET", url, **kwargs)

    def post(self, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        return self.request("POST", url, **(dict(zip(("data", "json"), args, strict=False)) | kwargs))


@cache
def _guarded_plugins() -> frozenset[type[NotifyBase]]:
    """Return the plugins of KINDS, each with the guard in place of `requests`."""
    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]  # Apprise has no types
    plugins = frozenset(manager[schema] for schema in KINDS)
    for plugin in plugins:
        vars(sys.modules[plugin.__module__])["requests"] = _GuardedRequests()
    return plugins


def open_chat(address: str) -> NotifyBase:
    """Return Apprise's plugin for this address. Raises BadAddressError."""
    plugins = _guarded_plugins()
    parts = urlsplit(address)
    if unknown := {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)} - PARAMETERS:
        raise BadAddressError(_("Remove “%(name)s” from the address.") % {"name": min(unknown)})
    # An address as the chat shows it, such as https://hooks.slack.com/…, is turned into Apprise's by Apprise.
    asset = AppriseAsset(secure_logging=True)
    chat = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if not isinstance(chat, NotifyBase) or type(chat) not in plugins:
        raise BadAddressError(_("Dubroom cannot send to this address. Check it, or use a webhook."))
    chat.request_rate_per_sec = 0  # Apprise would sleep between the parts of a long message
    return chat


def kind_of(address: str) -> str:
    """Return the name of the chat that the address leads to, such as “Slack”. Raises BadAddressError."""
    chat = open_chat(address)
    schemas: list[Any] = [chat.secure_protocol or (), chat.protocol or ()]
    known = [schema for some in schemas for schema in ((some,) if isinstance(some, str) else some)]
    return next((KINDS[schema] for schema in known if schema in KINDS), "")


def text_of(summary: Summary) -> str:
    """Return the message as plain text, cut to what a chat shows without folding."""
    lines = []
    for section in summary.sections:
        lines.append(section.heading)
        if section.url != summary.url:
            lines.append(section.url)
        for group in section.groups:
            if group.name:
                lines.append(f"{group.name}:")
            lines += [": ".join(filter(None, (f"- {line.text}", line.note))) for line in group.lines]
            if group.more:
                lines.append(_("and %(n)s more") % {"n": f"{group.more:,}"})
    cut = lines[:MAX_LINES] + (["…"] if len(lines) > MAX_LINES else [])
    return "\n".join([*cut, summary.url])


def send(address: str, summary: Summary) -> Reply:
    """Send the message, and return the chat's reply. Raises OutboundError and BadAddressError."""
    replies: list[Reply | OutboundError] = []
    token = _reply.set(replies)
    try:
        title = f"{summary.team}: {summary.title}"
        is_sent = open_chat(address).notify(body=text_of(summary), title=title, body_format=NotifyFormat.TEXT)
    finally:
        _reply.reset(token)
    last = replies[-1] if replies else OutboundError(_("The message could not be written."))
    if isinstance(last, OutboundError):
        raise last
    if not is_sent and last.http_status < 300:
        raise OutboundError(
            _("The channel refused the message (HTTP %(code)s). Check its address.") % {"code": last.http_status}
        )
    return last
