"""Reads media links: which texts are plain web addresses, in the form in which they can be fetched."""

import re
from urllib.parse import quote, urlsplit

import idna

from results.camb.texts import HIDDEN_KEY

MAX_URL = 4_000

# A browser reads a backslash as a slash and Python does not, so the two would disagree about the host.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd\\\\]")
_TO_ENCODE = re.compile(r"[^!-~]")
# In a link that was not encoded, a name such as "100 % #2.mp4" means these characters too.
_LITERAL = re.compile(r"%(?![0-9a-fA-F]{2})|#(?!t=)")


def read_link(text: str) -> str:
    """Return a plain http or https address with its spaces and non-ASCII letters encoded, or "".

    Only such an address may become a link or a player's source; CAMB.AI's schema allows any string. Of the rest,
    only the `&amp;` of an escaped text is changed: what is encoded already stays, as a signature may cover it.
    """
    url = text.strip(" \t\r\n").replace("&amp;", "&")
    if len(url) > MAX_URL or _FORBIDDEN.search(url) or HIDDEN_KEY in url:
        return ""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not port_is_valid:
        return ""
    start = url.index("//") + 2
    host, path = _encode_host(parts.netloc), url[start + len(parts.netloc) :]
    if _TO_ENCODE.search(path):
        path = _TO_ENCODE.sub(_encode, _LITERAL.sub(_encode, path))
    link = f"{url[:start]}{host}{path}"
    return link if host and len(link) <= MAX_URL else ""


def _encode(found: re.Match[str]) -> str:
    return quote(found.group())


def _encode_host(netloc: str) -> str:
    """Return a host, perhaps with a port, as ASCII; "" if it is no valid host name."""
    if netloc.isascii():
        return "" if " " in netloc else netloc
    host, colon, port = netloc.partition(":")
    try:
        return idna.encode(host, uts46=True).decode() + colon + port
    except idna.IDNAError:
        return ""
