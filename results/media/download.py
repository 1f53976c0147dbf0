"""How is a file fetched from a host that nobody here chose, without being led into our own network?

Every link and every redirect is checked where it counts: the addresses that its host's name has at this moment are
looked at, and the connection is made to one of those, never to a name that could mean another one a moment later.
No key, cookie or password of ours goes along.
"""

import math
import re
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from time import monotonic
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3
from urllib3.util.connection import create_connection

from results.http import DeadlineAdapter

CONNECT_SECONDS = 10.0
STALL_SECONDS = 30.0
HEADERS_SECONDS = 60.0
MAX_REDIRECTS = 5
# A name with very many addresses, none of which answers, would take very long.
MAX_ADDRESSES = 4
PIECE_BYTES = 64 * 1024

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

Host = tuple[str, int]


class DownloadError(Exception):
    """The file did not come; the message is a sentence for people and names no signed link."""


class LinkGoneError(DownloadError):
    """The host no longer gives what this link names: a fresh link may help."""


@dataclass(frozen=True)
class FilePart:
    """What a host sends: the bytes from `start` to the end of a file."""

    start: int
    size: int | None
    """Of the whole file; None when the host does not say."""
    validator: str
    """The host's mark of this very content; "" if it gives none, and then the file cannot be gone on with."""
    pieces: Iterator[bytes]


@contextmanager
def open_download(
    url: str, *, start: int = 0, validator: str = "", trusted: Collection[Host] = ()
) -> Iterator[FilePart]:
    """Ask for the file from `start` on, where it is still the content of `validator`, else from its beginning.

    `trusted` are hosts that may be reached wherever they are. Raises Trouble, also while the pieces are read.
    """
    adapter = _GuardedAdapter(trusted)
    with requests.Session() as session, _in_words():
        # Neither a proxy, which would resolve names out of our sight, nor a password of ~/.netrc.
        session.trust_env = False
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        while True:
            response, url = _follow(session, adapter, url, _headers(start, validator))
            with response:
                if start and not _goes_on(response, start, validator):
                    start = 0
                    continue
                yield _part(response, start)
                return


def _headers(start: int, validator: str) -> dict[str, str]:
    headers = {"User-Agent": "dubroom", "Accept": "*/*", "Accept-Encoding": "identity"}
    return headers | ({"Range": f"bytes={start}-", "If-Range": validator} if start else {})


def _follow(
    session: requests.Session, adapter: "_GuardedAdapter", url: str, headers: dict[str, str]
) -> tuple[requests.Response, str]:
    """The answer at the end of all redirects, and where that was."""
    for _ in range(MAX_REDIRECTS + 1):
        adapter.deadline = monotonic() + HEADERS_SECONDS
        session.cookies.clear()
        response = session.get(
            url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, STALL_SECONDS), allow_redirects=False
        )
        onward = session.get_redirect_target(response)
        if onward is None:
            # What follows may take as long as it moves; whoever reads it decides.
            adapter.deadline = math.inf
            return response, url
        response.close()
        onward = urljoin(url, onward)
        if not onward.startswith("https://" if url.startswith("https://") else ("https://", "http://")):
            raise DownloadError("The link leads on to an address that is not safe to follow.")
        url = onward
    raise DownloadError("The link leads from one address to the next without end.")


def _goes_on(response: requests.Response, start: int, validator: str) -> bool:
    """Is this the rest of what we have? Some hosts pay no heed to If-Range."""
    if response.status_code == 206:
        return _validator(response) == validator and _content_range(response) is not None
    # An answer in full is read from its beginning; everything else is trouble to be told.
    return response.status_code not in (200, 416)


def _part(response: requests.Response, start: int) -> FilePart:
    _check(response)
    size: int | None
    if response.status_code == 206:
        first, size = _content_range(response) or (-1, 0)
        if first != start:
            raise DownloadError("The host sent another part of the file than it was asked for.")
    else:
        start, size = 0, _number(response.headers.get("Content-Length", ""))
        if size is None and not response.raw.chunked:
            raise DownloadError(
                "The host does not say how long the file is, so nobody could tell whether all of it came."
            )
    return FilePart(start, size, _validator(response), _pieces(response))


def _check(response: requests.Response) -> None:
    code = response.status_code
    if code in (401, 403, 404, 410):
        raise LinkGoneError(f"The link has ended (HTTP {code}).")
    if code not in (200, 206):
        raise DownloadError(f"The host of the media has trouble of its own (HTTP {code}).")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DownloadError("The host sent the file packed, in a way that was not asked for.")


def _pieces(response: requests.Response) -> Iterator[bytes]:
    with _in_words():
        # `read1` gives what has arrived, so that whoever reads sees how slowly it comes.
        while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
            yield piece


def _validator(response: requests.Response) -> str:
    etag: str = response.headers.get("ETag", "")
    # A weak one may stand for other bytes that only mean the same.
    mark = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    return mark if re.fullmatch("[ -~]{1,300}", mark) else ""


def _content_range(response: requests.Response) -> tuple[int, int] | None:
    """The first byte and the size of the whole, from a Content-Range such as `bytes 5-9/10`."""
    found = re.fullmatch(
        r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", response.headers.get("Content-Range", ""), re.ASCII
    )
    return (int(found[1]), int(found[2])) if found else None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None


@contextmanager
def _in_words() -> Iterator[None]:
    """Raise Trouble for what can go wrong on the way; the errors' own words may hold the signed link."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise DownloadError("The host of the media did not answer in time.") from error
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise DownloadError("The host of the media has no certificate that can be trusted.") from error
    except urllib3.exceptions.ProtocolError as error:
        raise DownloadError("The file broke off on its way.") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise DownloadError("The host of the media could not be reached.") from error


# --- The way to a public address ---------------------------------------------------------------------


def is_public(text: str) -> bool:
    """Is this an address of the internet at large: nobody's own machine, network, or cloud's back door?"""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
        return address in _GLOBAL_UNICAST and address.is_global
    return address.is_global and not address.is_multicast and not address.is_reserved


class _GuardedAdapter(DeadlineAdapter):
    """An HTTP transport that connects to public addresses alone, and to trusted hosts."""

    def __init__(self, trusted: Collection[Host]) -> None:
        super().__init__()
        self._trusted = trusted

    def _connect(self, make: Callable[..., Any], **kwargs: Any) -> Any:
        connection = super()._connect(make, **kwargs)
        # Only the socket is ours: the Host header, SNI and the certificate's name stay those of the link.
        connection._new_conn = partial(_dial, connection, self._trusted)
        return connection


def _dial(connection: Any, trusted: Collection[Host]) -> socket.socket:
    host, port = connection.host, connection.port
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise DownloadError(f"Nobody knows the host {host}.") from error
    addresses = [str(entry[4][0]) for entry in found]
    if (host, port) not in trusted:
        addresses = [address for address in addresses if is_public(address)]
        if not addresses:
            raise DownloadError(
                f"The link leads to {host}, which is not on the public internet, so it was not followed."
            )
    for address in addresses[:MAX_ADDRESSES]:
        try:
            return create_connection((address, port), connection.timeout, socket_options=connection.socket_options)
        except OSError:
            continue
    raise DownloadError(f"The host {host} could not be reached.")
