"""The links in emails: only under a name and a port that the administrator has configured."""

from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.request import split_domain_port


def public_link(request: HttpRequest, link: str) -> str:
    """Return this absolute link with the scheme, name and port of `public_address`."""
    return urlunsplit(urlsplit(public_address(request))[:2] + urlsplit(link)[2:])


def public_address(request: HttpRequest) -> str:
    """Return the address under which this server is reached: PUBLIC_URL, else the one that the request names.

    Django compares the header `Host` with ALLOWED_HOSTS by its name alone. A stranger who asks for a password reset
    could therefore send its link to another port of the same machine. Raises DisallowedHost at an unknown port.
    """
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = request.get_host()
    port = split_domain_port(host)[1]
    if port and int(port) not in _known_ports():
        raise DisallowedHost(f"Links in emails cannot name the port of {host!r}: set PUBLIC_URL.")
    return f"{request.scheme}://{host}"


def server_name(request: HttpRequest) -> str:
    """Return the name of this server for the signature of an email, which is no link."""
    return urlsplit(settings.PUBLIC_URL).netloc or split_domain_port(request.get_host())[0]


def _known_ports() -> set[int]:
    trusted = {urlsplit(origin).port for origin in settings.CSRF_TRUSTED_ORIGINS if "*" not in origin}
    return {settings.PORT, 443 if settings.IS_HTTPS else 80, *(port for port in trusted if port)}
