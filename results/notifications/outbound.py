"""Posts to the addresses of channels: the same guard as downloads, no redirects, and an end to every wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import requests
import urllib3
from django.conf import settings
from django.utils.translation import gettext as _

from results.media.download import DownloadError, GuardedAdapter, Host

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
# So much of an answer is read, for the log.
MAX_ANSWER_BYTES = 4096


class OutboundError(Exception):
    """The receiver could not be reached; the message is a sentence for people and holds no secret."""


@dataclass(frozen=True)
class Reply:
    """What a receiver answered: its HTTP status, and the beginning of the body."""

    http_status: int
    body: str


def trusted_hosts() -> set[Host]:
    """Return the hosts in our own network that the administrator lets channels reach, as (name, port)."""
    named = (name.rpartition(":") for name in settings.CHANNEL_HOSTS)
    return {(host, int(port)) for host, _colon, port in named if host and port.isdecimal()}


def request(method: str, url: str, **kwargs: Any) -> requests.Response:
    """Send one request, and return its response with the beginning of its body read. Redirects are not followed.

    Raises OutboundError. Takes what `requests.request` takes of headers, body and parameters.
    """
    if not url.startswith(("https://", "http://")):
        raise OutboundError(_("The address does not begin with https:// or http://."))
    adapter = GuardedAdapter(trusted_hosts())
    adapter.deadline = monotonic() + TOTAL_SECONDS
    taken = {
        name: kwargs[name] for name in ("headers", "data", "json", "params", "auth", "files") if name in kwargs
    }
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            response = session.request(
                method, url, **taken, stream=True, timeout=(CONNECT_SECONDS, TOTAL_SECONDS), allow_redirects=False
            )
            with response:
                response._content = response.raw.read(MAX_ANSWER_BYTES, decode_content=True) or b""
            return response
    except DownloadError as error:
        raise OutboundError(str(error)) from error
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise OutboundError(
            _("The channel did not answer within %(n)s seconds.") % {"n": f"{TOTAL_SECONDS:.0f}"}
        ) from error
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise OutboundError(_("The channel's certificate cannot be trusted.")) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise OutboundError(_("The channel could not be reached, or its answer was incomplete.")) from error


def post(url: str, body: str, headers: Mapping[str, str]) -> Reply:
    """Post a body and return the reply. Raises OutboundError."""
    return reply_of(request("POST", url, data=body.encode(), headers=dict(headers)))


def reply_of(response: requests.Response) -> Reply:
    """Return the status and the text of a response. It is read as UTF-8: a declared encoding may be any codec."""
    return Reply(response.status_code, response.content.decode("utf-8", "replace"))
