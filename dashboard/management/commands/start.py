"""Starts Dubroom on this machine: web server, worker, beat and the demo, or some of them. `make run` calls it."""

import os
import socket
import sys
import tempfile
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from dashboard.embedded import data_folder, demo, supervisor
from dashboard.management.commands.create_team import ensure_user
from results.db import expired
from results.db.migration_lock import migration_lock
from results.models import ApiKey
from results.search import indexing
from teams.models import User

ROLES = ("web", "worker", "beat")


class Command(BaseCommand):
    help = "Prepare the data folder, then run the web server, the worker and beat until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only",
            type=_roles,
            metavar="ROLES",
            help=f"run only these of {', '.join(ROLES)}, separated by commas, as on one of several machines",
        )

    def handle(self, *, only: list[str] | None, **_: Any) -> None:
        names = prepare(only)
        # The supervisor greets once this address answers, or at once without one.
        host = (settings.UNIX_SOCKET or settings.HOST) if "web" in names else ""
        server = [host, str(settings.PORT), str(settings.BASE_DIR / "Procfile")]
        command = [sys.executable, "-P", supervisor.__file__, *server, *names]
        os.execve(sys.executable, command, environment() | {"GREETING": greeting(names)})  # noqa: S606  our own file, without a shell


def _roles(text: str) -> list[str]:
    roles = [role.strip() for role in text.split(",")]
    if unknown := [role for role in roles if role not in ROLES]:
        raise ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(ROLES)}.")
    return list(dict.fromkeys(roles))


def prepare(only: list[str] | None = None) -> list[str]:
    """Prepare folders, database, demo and static files; return the names of the Procfile's processes to run.

    `only` names the roles of this machine; without it everything runs here, the demo too. Raises CommandError, with
    a sentence that says what to change.
    """
    names = only or list(ROLES)
    check_folder(settings.DATA_DIR, "DUBROOM_DATA_DIR")
    try:
        data_folder.close_to_others(settings.DATA_DIR)
    except data_folder.SharedFolderError as error:
        raise CommandError(f"{error} Set DUBROOM_DATA_DIR to a folder of Dubroom's own.") from error
    if "web" in names:
        check_folder(Path(settings.STATIC_ROOT), "STATIC_ROOT")
        if settings.UNIX_SOCKET:
            check_folder(Path(settings.UNIX_SOCKET).parent, "UNIX_SOCKET")
        else:
            check_port(settings.HOST, settings.PORT, "PORT")
    with_demo = _prepare_database(may_have_demo=only is None)
    if with_demo:
        check_port("127.0.0.1", settings.DEMO_PORT, "DEMO_PORT")
    expired.delete_old_mail()  # of this machine, where perhaps no worker runs
    if "web" in names:
        for counted in (settings.DATA_DIR / "metrics").glob("*.db"):
            counted.unlink(missing_ok=True)  # what the processes of the last start counted
        call_command("collectstatic", interactive=False, verbosity=0)
    return [*names, *(["demo"] if with_demo else [])]


def _prepare_database(*, may_have_demo: bool) -> bool:
    """Migrate the database, and add the demo to an empty one; return whether the demo is to run."""
    is_demo = settings.DEMO and may_have_demo
    try:
        with migration_lock():
            call_command("migrate", interactive=False, verbosity=0)
            indexing.drop_unfinished_rebuild()
            # Users outlive their teams: a demo that was deleted does not come back.
            if is_demo and not User.objects.exists():
                with transaction.atomic():
                    demo.seed(ensure_user(demo.EMAIL, demo.password()))
            return is_demo and ApiKey.objects.filter(is_demo=True).exists()
    except DatabaseError as error:
        raise CommandError(f"The database cannot be used: {' '.join(str(error).split())}") from error


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
    try:
        address = numeric_address(host)
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            probe.bind((address, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(
            f"Port {port} on {host} cannot be used ({reason}). Stop what uses it, or set {setting} to another port."
        ) from error


def numeric_address(host: str) -> str:
    """Return the IP address of this host name, as granian takes no names; of several, IPv4's. Raises OSError."""
    found = {family: str(address[0]) for family, _, _, _, address in socket.getaddrinfo(host, None)}
    return found.get(socket.AF_INET) or found[socket.AF_INET6]


def environment() -> dict[str, str]:
    """Return the environment of the Procfile's processes, with the settings in effect, also those of `.env`."""
    here = str(Path(sys.executable).parent)
    return os.environ | {
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "HOST": numeric_address(settings.HOST),
        "PORT": str(settings.PORT),
        "DEMO_PORT": str(settings.DEMO_PORT),
        "DEMO_KEY": demo.KEY,
        **socket_environment(),
        # Fewer malloc arenas save tens of megabytes that threads would hold for nothing. With a fixed mmap
        # threshold, glibc returns the memory of a 20 MB answer to the system; otherwise it keeps that memory.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "1048576",
    }


def socket_environment() -> dict[str, str]:
    """Return what has the web server listen on UNIX_SOCKET, which a proxy in the same group may open."""
    if not settings.UNIX_SOCKET:
        return {}
    return {"GRANIAN_UDS": settings.UNIX_SOCKET, "GRANIAN_UDS_PERMISSIONS": "0o660"}


def greeting(names: Sequence[str] = ROLES) -> str:
    """Return the lines that the terminal shows once everything runs, which are processes of these names."""
    if "web" not in names:
        return f"\n  Dubroom is running: {', '.join(names)}. Ctrl-C stops everything.\n"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}{settings.SUBPATH}"
    rows = [("Open", f"{address}/")]
    if settings.UNIX_SOCKET:
        address = settings.SUBPATH
        rows = [("Listens at", settings.UNIX_SOCKET)]
    demo_user = User.objects.filter(email=demo.EMAIL, is_active=True).first() if settings.DEMO else None
    if demo_user and demo_user.check_password(demo.password()):
        rows.append(("Log in as", f"{demo.EMAIL} with the password {demo.password()}"))
    if settings.SIGNUP == "open":
        rows.append(("Sign up", f"{address}/accounts/signup/"))
    rows.append(("Data folder", str(settings.DATA_DIR)))
    lines = [f"  {what:<13}{value}" for what, value in rows]
    return "\n".join(["", "  Dubroom is running. Ctrl-C stops everything.", "", *lines, ""])
