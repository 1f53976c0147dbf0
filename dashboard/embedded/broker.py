"""How do tasks travel from one process to another with nothing but a folder between them?

    <folder>/waiting/<queue>/<name>          messages; the name begins with the time, so it sorts by age
    <folder>/held/<channel>/<name>@<queue>   taken over a channel and not acknowledged yet
    <folder>/held/<channel>/<name>           still being written
    <folder>/refused/<name>@<queue>          what lay among the messages and is none

Every step is one rename: a message is never seen half written, and of several who take it one wins. A
channel locks its folder under `held`; the kernel drops that lock however the process ends, so an unlocked
folder belonged to the dead, and what it held goes back to the queues. Nothing is synced to the disk: should
a power cut lose a message, the database still knows what is due.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections import defaultdict, deque
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from queue import Empty
from tempfile import mkdtemp
from time import monotonic, time_ns
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from kombu import Connection
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

LOCK = "lock"
LOOK_FOR_THE_DEAD_EVERY_S = 5.0
LONGEST_DRAIN_S = 0.25
UNREADABLE = (PermissionError, IsADirectoryError)
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)

logger = logging.getLogger(__name__)


class Folder:
    """The broker's folder: where things lie, and how they go back to their queues."""

    def __init__(self, root: Path) -> None:
        self.waiting = root / "waiting"
        self.held = root / "held"
        self.refused = root / "refused"

    def queue(self, name: str) -> Path:
        return self.waiting / _file_name(name)

    def give_back(self, taken: Path) -> None:
        name, _, queue = taken.name.rpartition("@")
        (self.waiting / queue).mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # acknowledged by another thread this moment
            taken.rename(self.waiting / queue / name)

    def give_back_all(self, hold: Path) -> None:
        for taken in hold.glob("*@*"):
            self.give_back(taken)
        shutil.rmtree(hold, ignore_errors=True)

    def give_back_what_the_dead_held(self) -> None:
        for hold in self.held.glob("[!.]*"):
            try:
                with (hold / LOCK).open("ab") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.give_back_all(hold)
            except (BlockingIOError, FileNotFoundError):
                continue  # it lives, or another process cleared it away
            except OSError:
                logger.exception("Cannot give back the messages in %s", hold)


class Hold:
    """A folder of one's own under `held`, locked for as long as this object lives."""

    def __init__(self, held: Path) -> None:
        held.mkdir(parents=True, exist_ok=True)
        hidden = Path(mkdtemp(prefix=f".{os.getpid()}-", dir=held))
        self._lock = (hidden / LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Named only once it is locked: met in between, it would be taken for a dead one's.
        self.path = hidden.rename(held / hidden.name[1:])


class Channel(virtual.Channel):
    """A channel whose queues are folders; a delivery tag is the path of a taken message under `held`."""

    do_restore = False  # closing gives back every message held, not only those that kombu remembers

    def __init__(self, connection: Transport, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._folder = connection.folder
        self._listed: defaultdict[str, deque[str]] = defaultdict(deque)
        self._next_look = 0.0

    @cached_property
    def _hold(self) -> Hold:
        return Hold(self._folder.held)

    def close(self) -> None:
        super().close()
        if hold := self.__dict__.pop("_hold", None):
            self._folder.give_back_all(hold.path)

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        self._folder.queue(queue).mkdir(parents=True, exist_ok=True)

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        draft = self._hold.path / f"{time_ns()}-{uuid4()}"
        try:
            draft.write_text(dumps(message))
            self._new_queue(queue)
            draft.rename(self._folder.queue(queue) / draft.name)
        except FileNotFoundError:
            del self._hold  # the folder was emptied under us: the next message sets it up again
            raise
        except OSError:
            draft.unlink(missing_ok=True)  # on a full disk the next one needs its room
            raise

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        if monotonic() >= self._next_look:
            self._next_look = monotonic() + LOOK_FOR_THE_DEAD_EVERY_S
            self._folder.give_back_what_the_dead_held()
        # One listing serves many messages; a new one for each would make a long queue quadratically slow.
        listed = self._listed[queue]
        if not listed:
            listed.extend(sorted(self._names(queue)))
        while listed:
            if message := self._take(queue, listed.popleft()):
                return message
        raise Empty

    def _take(self, queue: str, name: str) -> dict[str, Any] | None:
        taken = self._hold.path / f"{name}@{_file_name(queue)}"
        try:
            (self._folder.queue(queue) / name).rename(taken)
        except FileNotFoundError:
            if taken.parent.exists():
                return None  # another was quicker
            raise  # the folder was emptied under us: a new connection sets it up again
        try:
            message: dict[str, Any] = loads(taken.read_bytes())
            message["properties"]["delivery_tag"] = f"{taken.parent.name}/{taken.name}"
            self.Message(message, channel=self)
        except (*UNREADABLE, *MALFORMED):
            logger.exception("Not a message, so it goes to %s: %s", self._folder.refused, taken.name)
            self._folder.refused.mkdir(exist_ok=True)
            taken.rename(self._folder.refused / taken.name)
            return None
        return message

    def _names(self, queue: str) -> list[str]:
        try:
            return os.listdir(self._folder.queue(queue))
        except FileNotFoundError:
            return []

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        purged = 0
        for name in self._names(queue):
            with suppress(FileNotFoundError):  # taken this moment
                (self._folder.queue(queue) / name).unlink()
                purged += 1
        return purged

    def _restore(self, message: Any) -> None:
        self._folder.give_back(self._folder.held / message.delivery_tag)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        self._drop(delivery_tag)
        super().basic_ack(delivery_tag, multiple)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self._drop(delivery_tag)
        super().basic_reject(delivery_tag, requeue)

    def _drop(self, delivery_tag: str) -> None:
        (self._folder.held / delivery_tag).unlink(missing_ok=True)

    # A message that nobody will acknowledge must not come back: it is acknowledged as it is handed over.

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> virtual.Message | None:
        message = super().basic_get(queue, **kwargs)
        if message and no_ack:
            message.ack()
        return message

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Any, consumer_tag: str | None, **kwargs: Any
    ) -> str:
        def acknowledge_first(message: virtual.Message) -> None:
            message.ack()
            callback(message)

        handed_to = acknowledge_first if no_ack else callback
        return super().basic_consume(queue, False, handed_to, consumer_tag, **kwargs)


class Transport(virtual.Transport):
    """`folder:///absolute/path`: an embedded broker for the processes of one machine. POSIX only, for its locks."""

    Channel = Channel
    driver_type = driver_name = "folder"
    polling_interval = 0.02
    # Kombu then reconnects, and tells a producer, where it would let a full or failing disk end the worker.
    connection_errors = (*virtual.Transport.connection_errors, OSError)

    def __init__(self, client: Connection, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        if client.hostname not in (None, "localhost") or client.virtual_host == "/":
            raise ValueError("The broker's URL needs three slashes and a path: folder:///path/to/folder")
        self.folder = Folder(Path("/", client.virtual_host))

    def drain_events(  # type: ignore[override]  # the stubs of the two bases contradict each other
        self, connection: Connection, timeout: float | None = None
    ) -> None:
        # A worker that is told to stop sits out two drains first, and asks for two seconds each.
        super().drain_events(connection, timeout and min(timeout, LONGEST_DRAIN_S))

    @property
    def default_connection_params(self) -> dict[str, Any]:
        return {}  # kombu warns at every connection when it has to make up a host name


def _file_name(queue: str) -> str:
    return quote(queue, safe="").replace(".", "%2E")  # so that no queue is called ".."
