"""Serves all pages under a sub-path of a host, such as /dubroom, whether or not the proxy takes it off."""

from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def without_subpath(application: Application, subpath: str) -> Application:
    """Return an application that takes the sub-path off each request's path; Django puts it before each address."""
    if not subpath:
        return application

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == subpath or path.startswith(f"{subpath}/"):
            environ["PATH_INFO"] = path[len(subpath) :] or "/"
        return application(environ, start_response)

    return wrapped
