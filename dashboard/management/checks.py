"""The checks of `manage.py doctor`: each looks at one part of the installation and says what to mend."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from celery import current_app
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError, connection

from results import clock
from results.db import health
from results.media import copy_storage
from results.models import ApiKey, CopyPolicy
from results.queue import BROKER_ERRORS
from results.refresh import backlog, poison
from results.secrets import SealBrokenError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SLOW_QUERY_SECONDS = 0.05
CLOCK_TOLERANCE_SECONDS = 5.0


class CheckResult(NamedTuple):
    """What a check found: `level` is ok, warning or failed, `mend` the next step."""

    check: str
    level: str
    found: str
    mend: str = ""


def check_settings() -> Iterator[CheckResult]:
    if settings.DEBUG:
        yield CheckResult(
            "settings", "failed", "DEBUG is on, so errors show settings to visitors.", "Remove DEBUG."
        )
    is_public = settings.HOST not in LOOPBACK or settings.IS_BEHIND_PROXY
    if is_public and not settings.IS_HTTPS:
        mend = "Put a TLS proxy in front, and set HTTPS and BEHIND_PROXY."
        yield CheckResult("settings", "warning", "The pages are served without HTTPS to other machines.", mend)
    if is_public and not settings.EMAIL_URL and settings.SIGNUP == "open":
        mend = "Set EMAIL_URL, or SIGNUP=invite."
        yield CheckResult(
            "settings", "warning", "Anyone may sign up, with an address that is never confirmed.", mend
        )
    if not settings.IS_EMBEDDED and settings.BROKER_URL.startswith("folder://"):
        mend = "Set BROKER_URL to a Redis where more than one machine runs Dubroom."
        yield CheckResult("settings", "warning", "The broker is a folder on this machine.", mend)


def check_database() -> Iterator[CheckResult]:
    connection.ensure_connection()  # opening one may take longer than any query
    began = monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = monotonic() - began
    if took > SLOW_QUERY_SECONDS:
        mend = "Check its load, and the network in between."
        yield CheckResult("database", "warning", f"A query that does nothing takes {took * 1000:.0f} ms.", mend)
    if not health.is_migrated():
        yield CheckResult("database", "failed", "It is not migrated.", "Run: python manage.py migrate")
        return
    if not health.accepts_writes():
        mend = "Free some space on its disk, or end its read-only mode."
        yield CheckResult("database", "failed", "It takes no changes.", mend)
    if connection.vendor == "postgresql":
        yield from _check_server_options()


def _check_server_options() -> Iterator[CheckResult]:
    """Check what the connection asks for, or what the role must have where connections are pooled."""
    wanted = {"jit": "off"} | ({"statement_timeout": "30s"} if settings.IS_DATABASE_POOLED else {})
    for option, value in wanted.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW {option}")
            [now] = cursor.fetchone()
        if now in ("0", "on"):
            mend = f"Run in PostgreSQL: ALTER ROLE {connection.settings_dict['USER']} SET {option} = '{value}';"
            yield CheckResult("database", "warning", f"The option {option} is {now!r}.", mend)


def check_broker() -> Iterator[CheckResult]:
    try:
        with current_app.connection_for_write(connect_timeout=3) as broker:
            broker.ensure_connection(max_retries=1, timeout=3)
    except BROKER_ERRORS as error:
        mend = "Start Redis, or correct BROKER_URL. Until then a person's Refresh waits."
        yield CheckResult("broker", "failed", f"It does not answer ({type(error).__name__}).", mend)
        return
    for name, number in (backlog.messages_or_none() or {}).items():
        if number > 1000:
            mend = "Start more workers: python manage.py start --only worker"
            yield CheckResult("broker", "warning", f"{number:,} messages wait in the queue {name}.", mend)


def check_workers() -> Iterator[CheckResult]:
    state = backlog.read_backlog()
    if not state.workers:
        mend = "Start one: python manage.py start --only worker"
        yield CheckResult("workers", "failed", "No worker is running, so nothing is checked.", mend)
    for suspect in poison.suspects(clock.now()):
        found = (
            f"{suspect.deaths} workers in a row died while they ran the task {suspect.task}: it is tried seldom."
        )
        mend = "Give the workers more memory, and look for the cause in their log."
        yield CheckResult("workers", "failed", found, mend)
    delay = state.beat_delay
    if delay is None or delay > backlog.BEAT_TOLERANCE_SECONDS:
        found = "Beat has never run." if delay is None else f"Beat has sent nothing for {delay:.0f} s."
        mend = "Start it on one machine: python manage.py start --only beat"
        yield CheckResult("workers", "failed", found, mend)


def check_storage() -> Iterator[CheckResult]:
    if reason := copy_storage.refusal():
        is_wanted = CopyPolicy.objects.filter(is_enabled=True).exists()
        yield CheckResult("storage", "failed" if is_wanted else "warning", "Copies of media are not kept.", reason)
        return
    try:
        name = default_storage.save(".dubroom-check", ContentFile(b"check"))
        with default_storage.open(name) as file:
            is_whole = file.read() == b"check"
        default_storage.delete(name)
        default_storage.exists(name)  # without the right to list a bucket, S3 refuses to say that a file is missing
    except Exception as error:  # storages raise exceptions of their own kinds
        mend = "Check MEDIA_STORAGE_URL, its keys and its rights."
        yield CheckResult("storage", "failed", f"A file cannot be kept ({type(error).__name__}).", mend)
        return
    if not is_whole:
        yield CheckResult("storage", "failed", "A stored file comes back changed.", "Check MEDIA_STORAGE_URL.")
    if number := copy_storage.kept_elsewhere().exclude(storage="").count():
        mend = (
            "Copy their files into this storage, then run: python manage.py doctor --accept-media-storage. If the "
            "files are lost, run: python manage.py doctor --fetch-missing-copies"
        )
        found = f"{number:,} copies of media were kept in another storage, so their files are never deleted."
        yield CheckResult("storage", "failed", found, mend)


def check_permissions() -> Iterator[CheckResult]:
    folder = Path(settings.DATA_DIR)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = f"Give it to the user that runs Dubroom: chown -R {os.getuid()} {folder}"
        yield CheckResult("permissions", "failed", f"{folder} cannot be written to ({error.strerror}).", mend)
    for secret in ("secret.key", "field.key", "demo.password"):
        path = folder / secret
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            mend = f"Run: chmod 600 {path}"
            yield CheckResult("permissions", "failed", f"Other users of this machine can read {path}.", mend)


def check_clock() -> Iterator[CheckResult]:
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [theirs] = cursor.fetchone()
    difference = abs((datetime.now(UTC) - theirs).total_seconds())
    if difference > CLOCK_TOLERANCE_SECONDS:
        found = f"This machine and the database differ by {difference:.0f} s."
        yield CheckResult(
            "clock", "warning", found, "Synchronise both clocks by NTP. Due times follow the database's clock."
        )


def check_keys() -> Iterator[CheckResult]:
    for key in ApiKey.objects.select_related("team"):
        try:
            key.secret  # noqa: B018  opening it is the check
        except SealBrokenError:
            mend = "Add the earlier value to the end of FIELD_KEYS, or have its owner paste the key again."
            yield CheckResult("keys", "failed", f"None of FIELD_KEYS decrypts the key of {key.team.slug}.", mend)


CHECKS: dict[str, Callable[[], Iterator[CheckResult]]] = {
    "settings": check_settings,
    "database": check_database,
    "broker": check_broker,
    "workers": check_workers,
    "storage": check_storage,
    "permissions": check_permissions,
    "clock": check_clock,
    "keys": check_keys,
}


def run_checks() -> list[CheckResult]:
    """Return the findings of all checks; a check that finds nothing is one finding that it is in order."""
    findings: list[CheckResult] = []
    for name, check in CHECKS.items():
        try:
            findings += list(check()) or [CheckResult(name, "ok", "No problem found.")]
        except (DatabaseError, InterfaceError) as error:
            mend = "Start PostgreSQL, or correct DATABASE_URL." if name == "database" else "See above."
            findings.append(
                CheckResult(name, "failed", f"The database does not answer: {health.first_line(error)}", mend)
            )
    return findings
