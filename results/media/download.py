"""Downloads files from hosts that CAMB.AI names, guarded against requests into our own network (SSRF).

Every link and every redirect is checked at the moment of connecting. The host name is resolved once, its addresses
are checked, and the connection goes to one of these addresses: a name that is resolved again could give another
address (DNS rebinding). No key, cookie or password of ours is sent.
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
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from urllib3.util.connection import create_connection

from results.http import DeadlineAdapter

CONNECT_SECONDS = 10.0
STALL_SECONDS = 30.0
HEADERS_SECONDS = 60.0
MAX_REDIRECTS = 5
# Each address that does not answer costs CONNECT_SECONDS, and a name can have very many.
MAX_ADDRESSES = 4
PIECE_BYTES = 64 * 1024
INTERRUPTED = gettext_lazy("The download was interrupted.")

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

Host = tuple[str, int]


class DownloadError(Exception):
    """The file could not be downloaded; the message is a sentence for users and holds no signed link."""


class LinkGoneError(DownloadError):
    """The host no longer serves this link; a fresh link may help."""


@dataclass(frozen=True)
class FilePart:
    """The bytes from `start` to the end of a file, as a host sends them."""

    start: int
    size: int | None
    """Bytes of the whole file; None when the host does not say."""
    validator: str
    """A strong validator of this content; "" if the host gives none, and then the download cannot be resumed."""
    pieces: Iterator[bytes]
    url: str
    """The address at the end of all redirects."""


@contextmanager
def open_download(
    url: str, *, start: int = 0, validator: str = "", trusted: Collection[Host] = ()
) -> Iterator[FilePart]:
    """Request the file from `start` on if its content still has this validator, else from its beginning.

    `trusted` hosts may be reached at any address. Raises DownloadError, also while the pieces are read, and
    LinkGoneError where a fresh link may help.
    """
    adapter = GuardedAdapter(trusted)
    with requests.Session() as session, _as_download_errors():
        # No proxy, which would resolve names where the guard cannot check them, and no password of ~/.netrc.
        session.trust_env = False
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        while True:
            response, url = _follow(session, adapter, url, _headers(start, validator))
            with response:
                if start and not _continues(response, start, validator):
                    start = 0
                    continue
                yield _part(response, start, url)
                return


def _headers(start: int, validator: str) -> dict[str, str]:
    headers = {"User-Agent": "dubroom", "Accept": "*/*", "Accept-Encoding": "identity"}
    return headers | ({"Range": f"bytes={start}-", "If-Range": validator} if start else {})


def _follow(
    session: requests.Session, adapter: "GuardedAdapter", url: str, headers: dict[str, str]
) -> tuple[requests.Response, str]:
    """Return the response at the end of all redirects, and its URL."""
    for _hop in range(MAX_REDIRECTS + 1):
        adapter.deadline = monotonic() + HEADERS_SECONDS
        session.cookies.clear()
        response = session.get(
            url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, STALL_SECONDS), allow_redirects=False
        )
        target = session.get_redirect_target(response)
        if target is None:
            # The body has no deadline; the caller decides how slowly it may arrive.
            adapter.deadline = math.inf
            return response, url
        response.close()
        target = urljoin(url, target)
        if urlsplit(target).scheme not in (("https",) if urlsplit(url).scheme == "https" else ("https", "http")):
            raise DownloadError(_("The link redirects to an address that is not safe to follow."))
        url = target
    raise DownloadError(_("The link redirects too many times."))


def _continues(response: requests.Response, start: int, validator: str) -> bool:
    """Return whether the response continues the content we have: some hosts ignore `If-Range`."""
    if response.status_code == 206:
        return _validator(response) == validator and _content_range(response) is not None
    # A full response is read from its beginning; every other status is an error, which `_part` raises.
    return response.status_code not in (200, 416)


def _part(response: requests.Response, start: int, url: str) -> FilePart:
    _check(response)
    size: int | None
    if response.status_code == 206:
        first, size = _content_range(response) or (-1, 0)
        if first != start:
            raise DownloadError(_("The media host sent the wrong part of the file."))
    else:
        start, size = 0, _number(response.headers.get("Content-Length", ""))
        if size is None and not response.raw.chunked:
            raise DownloadError(
                _("The media host does not give the file's size, so Dubroom cannot tell whether it is complete.")
            )
    return FilePart(start, size, _validator(response), _pieces(response), url)


def _check(response: requests.Response) -> None:
    code = response.status_code
    if code in (401, 403, 404, 410):
        raise LinkGoneError(_("The link no longer works (HTTP %(code)s).") % {"code": code})
    if code not in (200, 206):
        raise DownloadError(_("The media host returned an error (HTTP %(code)s).") % {"code": code})
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DownloadError(_("The media host sent the file in an unsupported compression."))


def _pieces(response: requests.Response) -> Iterator[bytes]:
    with _as_download_errors():
        # `read1` returns the bytes that have arrived, so that the caller can measure the rate.
        while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
            yield piece


def _validator(response: requests.Response) -> str:
    etag: str = response.headers.get("ETag", "")
    # A weak ETag may be shared by files with different bytes.
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    return validator if re.fullmatch("[ -~]{1,300}", validator) else ""


def _content_range(response: requests.Response) -> tuple[int, int] | None:
    """Return the first byte and the size of the whole file from a Content-Range such as `bytes 5-9/10`."""
    match = re.fullmatch(
        r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", response.headers.get("Content-Range", ""), re.ASCII
    )
    return (int(match[1]), int(match[2])) if match else None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None


@contextmanager
def _as_download_errors() -> Iterator[None]:
    """Turn errors of HTTP and sockets into DownloadError; their own messages may hold the signed link."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise DownloadError(_("The media host did not answer in time.")) from error
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise DownloadError(_("The media host's certificate cannot be trusted.")) from error
    except urllib3.exceptions.ProtocolError as error:
        raise DownloadError(INTERRUPTED) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise DownloadError(_("The media host could not be reached.")) from error


# --- The guard against our own network ---------------------------------------------------------------


def is_public(text: str) -> bool:
    """Return whether the address is on the public internet, not in a private network or of a cloud's metadata."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            embedded = IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded:
            return is_public(str(embedded))
        return address in _GLOBAL_UNICAST and address.is_global
    return address.is_global and not address.is_multicast and not address.is_reserved


class GuardedAdapter(DeadlineAdapter):
    """An HTTP adapter that connects only to public addresses and to trusted hosts."""

    def __init__(self, trusted: Collection[Host]) -> None:
        super().__init__()
        self._trusted = trusted

    def _connect(self, make: Callable[..., Any], **kwargs: Any) -> Any:
        connection = super()._connect(make, **kwargs)
        # Only the socket is replaced: the Host header, SNI and the checked certificate keep the link's name.
        connection._new_conn = partial(_dial, connection, self._trusted)
        return connection


def _dial(connection: Any, trusted: Collection[Host]) -> socket.socket:
    """Return a socket connected to an address of the connection's host that is public or trusted."""
    host, port = connection.host, connection.port
    try:
        resolved = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise DownloadError(_("The host %(host)s does not exist.") % {"host": host}) from error
    addresses = [str(entry[4][0]) for entry in resolved]
    if (host, port) not in trusted:
        addresses = [address for address in addresses if is_public(address)]
        if not addresses:
            raise DownloadError(
                _("The link leads to %(host)s, which is not on the public internet, so it was not followed.")
                % {"host": host}
            )
    for address in addresses[:MAX_ADDRESSES]:
        try:
            return create_connection((address, port), connection.timeout, socket_options=connection.socket_options)
        except OSError:
            continue
    raise DownloadError(_("The host %(host)s could not be reached.") % {"host": host})
