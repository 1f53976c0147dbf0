"""Embedded message broker: a kombu transport that passes Celery's messages between processes through a folder.

    <folder>/waiting/<queue>/<name>          messages; the name begins with the time, so it sorts by age
    <folder>/held/<channel>/<name>@<queue>   delivered to a channel and not acknowledged yet
    <folder>/held/<channel>/<name>           still being written
    <folder>/refused/<name>@<queue>          a file among the messages that is no message

Every step is one rename: a message is never seen half written, and when several consumers take one, only one wins.
A channel locks its folder under `held`. The kernel drops that lock however the process ends, so an unlocked folder
belonged to a dead process, and its messages go back to their queues. Nothing is synced to the disk: if a power cut
loses a message, the database still knows which work is due.
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
ORPHAN_CHECK_SECONDS = 5.0
MAX_DRAIN_SECONDS = 0.25
UNREADABLE = (PermissionError, IsADirectoryError)
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)

logger = logging.getLogger(__name__)


class Folder:
    """The broker's folder: its paths, and the return of unacknowledged messages to their queues."""

    def __init__(self, root: Path) -> None:
        self.waiting = root / "waiting"
        self.held = root / "held"
        self.refused = root / "refused"
        self._queues: dict[str, Path] = {}

    def queue(self, name: str) -> Path:
        """Return the folder of this queue's waiting messages."""
        # Each poll asks for it: making the path costs several times as much as listing the folder.
        if name not in self._queues:
            self._queues[name] = self.waiting / _file_name(name)
        return self._queues[name]

    def requeue(self, taken: Path) -> None:
        """Move a held message back to the queue that its file name ends with."""
        name, _, queue = taken.name.rpartition("@")
        (self.waiting / queue).mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another thread has just acknowledged it
            taken.rename(self.waiting / queue / name)

    def requeue_all(self, channel: Path) -> None:
        """Move every message that this channel's folder holds back to its queue, and remove the folder."""
        for taken in channel.glob("*@*"):
            self.requeue(taken)
        shutil.rmtree(channel, ignore_errors=True)

    def requeue_orphans(self) -> None:
        """Move the messages held by processes that have died back to their queues."""
        for channel in self.held.glob("[!.]*"):
            try:
                with (channel / LOCK).open("ab") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.requeue_all(channel)
            except (BlockingIOError, FileNotFoundError):
                continue  # its process is alive, or another process has removed it
            except OSError as error:
                logger.error("Cannot return the messages in %s to their queues: %s", channel, error)


class ChannelFolder:
    """A channel's own folder under `held`, locked for as long as this object lives."""

    def __init__(self, held: Path) -> None:
        held.mkdir(parents=True, exist_ok=True)
        hidden = Path(mkdtemp(prefix=f".{os.getpid()}-", dir=held))
        self._lock = (hidden / LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # It gets its final name once it is locked: seen before that, it would pass for a dead process's.
        self.path = hidden.rename(held / hidden.name[1:])


class Channel(virtual.Channel):
    """A channel whose queues are folders; a delivery tag is the path of a taken message under `held`."""

    do_restore = False  # closing requeues every message held, not only those that kombu remembers

    def __init__(self, connection: Transport, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._folder = connection.folder
        self._listed: defaultdict[str, deque[str]] = defaultdict(deque)
        self._next_orphan_check = 0.0

    @cached_property
    def _held(self) -> ChannelFolder:
        return ChannelFolder(self._folder.held)

    def close(self) -> None:
        super().close()
        if held := self.__dict__.pop("_held", None):
            self._folder.requeue_all(held.path)

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        self._folder.queue(queue).mkdir(parents=True, exist_ok=True)

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        draft = self._held.path / f"{time_ns()}-{uuid4()}"
        try:
            draft.write_text(dumps(message))
            self._new_queue(queue)
            draft.rename(self._folder.queue(queue) / draft.name)
        except FileNotFoundError:
            del self._held  # the broker's folder was emptied meanwhile: the next message sets it up again
            raise
        except OSError:
            draft.unlink(missing_ok=True)  # on a full disk the next message needs its room
            raise

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        if monotonic() >= self._next_orphan_check:
            self._next_orphan_check = monotonic() + ORPHAN_CHECK_SECONDS
            self._folder.requeue_orphans()
        # One listing serves many messages: a new one for each makes a long queue quadratically slow.
        listed = self._listed[queue]
        if not listed:
            listed.extend(sorted(self._names(queue)))
        while listed:
            if message := self._take(queue, listed.popleft()):
                return message
        raise Empty

    def _take(self, queue: str, name: str) -> dict[str, Any] | None:
        taken = self._held.path / f"{name}@{_file_name(queue)}"
        try:
            (self._folder.queue(queue) / name).rename(taken)
        except FileNotFoundError:
            if taken.parent.exists():
                return None  # another consumer was quicker
            raise  # the broker's folder was emptied meanwhile: a new connection sets it up again
        try:
            message: dict[str, Any] = loads(taken.read_bytes())
            message["properties"]["delivery_tag"] = f"{taken.parent.name}/{taken.name}"
            self.Message(message, channel=self)
        except (*UNREADABLE, *MALFORMED):
            logger.exception("Moving a file that is no message to %s: %s", self._folder.refused, taken.name)
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
            with suppress(FileNotFoundError):  # a consumer has just taken it
                (self._folder.queue(queue) / name).unlink()
                purged += 1
        return purged

    def _restore(self, message: Any) -> None:
        self._folder.requeue(self._folder.held / message.delivery_tag)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        self._drop(delivery_tag)
        super().basic_ack(delivery_tag, multiple)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self._drop(delivery_tag)
        super().basic_reject(delivery_tag, requeue)

    def _drop(self, delivery_tag: str) -> None:
        (self._folder.held / delivery_tag).unlink(missing_ok=True)

    # With `no_ack` the consumer never acknowledges: the message is acknowledged on delivery, or it would come back.

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
    """The transport of `folder:///absolute/path`, for the processes of one machine. POSIX only, for its locks.

    Raises ValueError for a URL without an absolute path.
    """

    Channel = Channel
    driver_type = driver_name = "folder"
    polling_interval = 0.02
    # With OSError among these, kombu reconnects and raises at the producer; else a full disk would end the worker.
    connection_errors = (*virtual.Transport.connection_errors, OSError)

    def __init__(self, client: Connection, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        if client.hostname not in (None, "localhost") or client.virtual_host == "/":
            raise ValueError("The broker's URL needs three slashes and a path: folder:///path/to/folder")
        self.folder = Folder(Path("/", client.virtual_host))

    def drain_events(  # type: ignore[override]  # the stubs of the two bases contradict each other
        self, connection: Connection, timeout: float | None = None
    ) -> None:
        # A worker that is told to stop first waits for two drains, for which it asks two seconds each.
        super().drain_events(connection, timeout and min(timeout, MAX_DRAIN_SECONDS))

    @property
    def default_connection_params(self) -> dict[str, Any]:
        return {}  # kombu warns at every connection for which it has to invent a host name


def _file_name(queue: str) -> str:
    return quote(queue, safe="").replace(".", "%2E")  # else a queue could be named ".."
