"""Starts all of Dubroom on one machine: web server, worker, beat and the demo. `make run` calls this command."""

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from dashboard.embedded import demo, supervisor
from dashboard.management.commands.create_team import ensure_user
from results.models import ApiKey
from results.search import indexing
from teams.models import User


class Command(BaseCommand):
    help = "Prepare the data folder, then run the web server, the worker and beat until Ctrl-C."
    requires_system_checks = []

    def handle(self, **_: Any) -> None:
        names = prepare()
        server = [settings.HOST, str(settings.PORT), str(settings.BASE_DIR / "Procfile")]
        command = [sys.executable, "-P", supervisor.__file__, *server, *names]
        os.execve(sys.executable, command, environment() | {"GREETING": greeting()})  # noqa: S606  our own file, without a shell


def prepare() -> list[str]:
    """Prepare folders, database, demo and static files; return the names of the Procfile's processes to run.

    Raises CommandError, with a sentence that says what to change.
    """
    check_folder(settings.DATA_DIR, "DUBROOM_DATA_DIR")
    check_folder(Path(settings.STATIC_ROOT), "STATIC_ROOT")
    check_port(settings.HOST, settings.PORT, "PORT")
    try:
        call_command("migrate", interactive=False, verbosity=0)
        indexing.drop_unfinished_rebuild()
        # Users outlive their teams: a demo that was deleted does not come back.
        if settings.DEMO and not User.objects.exists():
            with transaction.atomic():
                demo.seed(ensure_user(demo.EMAIL, demo.password()))
        with_demo = settings.DEMO and ApiKey.objects.filter(is_demo=True).exists()
    except DatabaseError as error:
        raise CommandError(f"The database cannot be used: {' '.join(str(error).split())}") from error
    if with_demo:
        check_port("127.0.0.1", settings.DEMO_PORT, "DEMO_PORT")
    call_command("collectstatic", interactive=False, verbosity=0)
    return ["web", "worker", "beat", *(["demo"] if with_demo else [])]


def check_folder(folder: Path, setting: str) -> None:
    """Create the folder, and raise CommandError if it is not writable."""
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
    """Raise CommandError if a server cannot listen on this port."""
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


def environment() -> dict[str, str]:
    """Return the environment of the Procfile's processes, with the settings in effect, also those of `.env`."""
    here = str(Path(sys.executable).parent)
    return os.environ | {
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "HOST": settings.HOST,
        "PORT": str(settings.PORT),
        "DEMO_PORT": str(settings.DEMO_PORT),
        "DEMO_KEY": demo.KEY,
        # Fewer malloc arenas save tens of megabytes that threads would hold for nothing. With a fixed mmap
        # threshold, glibc returns the memory of a 20 MB answer to the system; otherwise it keeps that memory.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "1048576",
    }


def greeting() -> str:
    """Return the lines that the terminal shows once everything runs."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.HOST, settings.HOST)  # noqa: S104
    address = f"http://{host}:{settings.PORT}"
    rows = [("Open", f"{address}/")]
    demo_user = User.objects.filter(email=demo.EMAIL, is_active=True).first() if settings.DEMO else None
    if demo_user and demo_user.check_password(demo.password()):
        rows.append(("Log in as", f"{demo.EMAIL} with the password {demo.password()}"))
    if settings.SIGNUP == "open":
        rows.append(("Sign up", f"{address}/accounts/signup/"))
    rows.append(("Data folder", str(settings.DATA_DIR)))
    lines = [f"  {what:<13}{value}" for what, value in rows]
    return "\n".join(["", "  Dubroom is running. Ctrl-C stops everything.", "", *lines, ""])
