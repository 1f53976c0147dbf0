"""The environment and the `.env` file beside `manage.py`, the data folder, and the secrets stored in it."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent.parent


class Env(environ.Env):  # type: ignore[misc]
    """An environment whose invalid values raise ImproperlyConfigured with a sentence for the operator."""

    def get_value(self, var: str, cast: Any = None, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, cast=cast, **kwargs)
        except ValueError as error:
            kind = {int: "a whole number", float: "a number"}.get(cast, "understood")
            raise ImproperlyConfigured(f"{var} is {os.environ.get(var)!r}, which is not {kind}.") from error


env = Env()
env.read_env(BASE_DIR / ".env")
# Renamed settings are still read under their earlier names.
for name, earlier_name in {"MEDIA_QUOTA_GB": "KEEP_MOST_GB", "CALL_LOG_DAYS": "HISTORY_DAYS"}.items():
    if earlier_name in os.environ:
        os.environ.setdefault(name, os.environ[earlier_name])

DATA_DIR = Path(env.str("DUBROOM_DATA_DIR", default=str(BASE_DIR / "data"))).expanduser().resolve()
# What Dubroom writes is for its own user alone, from the first byte: sessions, password hashes, emails.
os.umask(0o077)


def load_or_create_secret(name: str, value: str) -> str:
    """Return the secret stored in the data folder under this name. Only the first caller's value is stored."""
    path = DATA_DIR / name
    try:
        if not path.exists():
            DATA_DIR.mkdir(parents=True, exist_ok=True)
            # Written to a temporary file, then linked: of two processes that start at once, one wins, and neither
            # reads half a key.
            with tempfile.NamedTemporaryFile("w", dir=DATA_DIR) as aside:
                aside.write(value)
                aside.flush()
                os.fsync(aside.fileno())  # after a power cut, the file may else be empty
                with contextlib.suppress(FileExistsError):
                    os.link(aside.name, path)
        secret = path.read_text().strip("\0 \n")
    except OSError as error:
        raise ImproperlyConfigured(
            f"the data folder {DATA_DIR} cannot be used ({error.strerror}). "
            "Make it writable, or set DUBROOM_DATA_DIR to another folder."
        ) from error
    if not secret:
        raise ImproperlyConfigured(
            f"the file {path} is empty. Put it back from a backup. If there is none, delete it: a new one is made."
        )
    return secret


DEBUG = env.bool("DEBUG", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
# The path before all addresses, such as /dubroom, where a proxy serves other applications of the same host too.
SUBPATH = env.str("SUBPATH", default="").rstrip("/")
if SUBPATH and not (SUBPATH.startswith("/") and "//" not in SUBPATH):
    raise ImproperlyConfigured(f"SUBPATH is {SUBPATH!r}; it must begin with a slash, such as /dubroom.")
# In place of HOST and PORT: the file of a socket that only a proxy on this machine reaches.
UNIX_SOCKET = env.str("UNIX_SOCKET", default="")
IS_BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if UNIX_SOCKET and not IS_BEHIND_PROXY:
    raise ImproperlyConfigured("UNIX_SOCKET is reached through a proxy only, so BEHIND_PROXY must be True.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# The address of the links in emails. Without it, they name the host of the request, at a port that is known.
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
if PUBLIC_URL and not PUBLIC_URL.startswith(("https://", "http://")):
    raise ImproperlyConfigured(f"PUBLIC_URL is {PUBLIC_URL!r}; it must begin with https:// or http://.")
# The address of the links that a worker sends, which knows no request.
_public_hosts = [host for host in ALLOWED_HOSTS if host not in ("localhost", "127.0.0.1", "[::1]", "*")]
SITE_URL = PUBLIC_URL or (
    f"https://{_public_hosts[0].lstrip('.')}" if _public_hosts else f"http://127.0.0.1:{PORT}"
)
