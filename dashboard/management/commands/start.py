"""What does it take to have all of Dubroom running on this machine? `make run` ends here."""

import os
import secrets
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from dashboard.embedded import processes
from dashboard.management.commands.create_team import ensure_user
from dashboard.settings import kept_secret
from results.media import quota
from results.models import ApiKey
from results.runs.add import add_runs
from results.search import indexing
from teams.models import Team, User

DEMO_EMAIL = "demo@example.org"
DEMO_KEY = "demo-key"
# Without these that are easily mistaken for one another: a person types it from the terminal.
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105


class Command(BaseCommand):
    help = "Prepare the data folder and run web server, worker and beat together until Ctrl-C."
    requires_system_checks = []

    def handle(self, **_: Any) -> None:
        names = prepare()
        server = [settings.HOST, str(settings.PORT), str(settings.BASE_DIR / "Procfile")]
        command = [sys.executable, "-P", processes.__file__, *server, *names]
        os.execve(sys.executable, command, environment() | {"GREETING": greeting()})  # noqa: S606  our own file, and no shell


def prepare() -> list[str]:
    """Make everything ready and return which processes of the Procfile to run. Raises CommandError."""
    check_folder(settings.DATA_DIR, "DUBROOM_DATA_DIR")
    check_folder(Path(settings.STATIC_ROOT), "STATIC_ROOT")
    check_port(settings.HOST, settings.PORT, "PORT")
    try:
        call_command("migrate", interactive=False, verbosity=0)
        indexing.drop_unfinished_rebuild()
        if settings.DEMO and not Team.objects.exists():
            seed_demo()
        with_demo = settings.DEMO and ApiKey.objects.filter(is_demo=True).exists()
    except DatabaseError as error:
        raise CommandError(f"The database cannot be used: {' '.join(str(error).split())}") from error
    if with_demo:
        check_port("127.0.0.1", settings.DEMO_PORT, "DEMO_PORT")
    call_command("collectstatic", interactive=False, verbosity=0)
    return ["web", "worker", "beat", *(["demo"] if with_demo else [])]


def check_folder(folder: Path, setting: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(
            f"The folder {folder} cannot be written to ({error.strerror}). "
            f"Make it writable, or set {setting} to another folder."
        ) from error


def check_port(host: str, port: int, setting: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(
            f"Port {port} on {host} cannot be used ({reason}). Stop what uses it, or set {setting} to another port."
        ) from error


def seed_demo() -> None:
    """A team to look around in, whose key is answered by the stand-in CAMB.AI."""
    from demo.samples import DEMO_TITLES  # reads every sample: only a first start needs them

    with transaction.atomic():
        user = ensure_user(DEMO_EMAIL, demo_password())
        user.name = "Demo"
        user.save(update_fields=["name"])
        team = Team.objects.create_for(user, "Demo")
        key = ApiKey(team=team, is_demo=True)
        key.secret = DEMO_KEY
        key.save()
        quota.set_policy(team, is_on=True, most_gb=1)
        add_runs(team, list(DEMO_TITLES.items()), added_by=user)


def demo_password() -> str:
    return kept_secret("demo.password", "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(12)))


def environment() -> dict[str, str]:
    """What the commands of the Procfile are given, however the settings came about."""
    here = str(Path(sys.executable).parent)
    return os.environ | {
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "HOST": settings.HOST,
        "PORT": str(settings.PORT),
        "DEMO_PORT": str(settings.DEMO_PORT),
        "DEMO_KEY": DEMO_KEY,
        # Threads that each keep their own arena would cost tens of megabytes for nothing, and so would the room for
        # an answer of 20 MB that glibc, unless it is given a threshold, keeps once it was needed.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "1048576",
    }


def greeting() -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.HOST, settings.HOST)  # noqa: S104
    address = f"http://{host}:{settings.PORT}"
    rows = [("Open", f"{address}/")]
    demo_user = User.objects.filter(email=DEMO_EMAIL).first() if settings.DEMO else None
    if demo_user and demo_user.check_password(demo_password()):
        rows.append(("Log in as", f"{DEMO_EMAIL} with the password {demo_password()}"))
    if settings.SIGNUP == "open":
        rows.append(("Sign up", f"{address}/accounts/signup/"))
    rows.append(("Data folder", str(settings.DATA_DIR)))
    lines = [f"  {what:<13}{value}" for what, value in rows]
    return "\n".join(["", "  Dubroom is running. Ctrl-C stops everything.", "", *lines, ""])
