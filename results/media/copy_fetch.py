"""How does a file get here, whatever happens on the way?

It comes into a part file on this machine first, in turns that a worker may die in: the next turn goes on where
the part ends. Only when all of it is here does it move into the storage, and only then does its row say that it is
kept: nothing half-written is ever played. A lease is what it is in results.refresh.
"""

import errno
import logging
import os
import random
import shutil
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import BinaryIO

from django.core.files.storage import default_storage
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from results import queue
from results.media import download, links, part_files, quota, waveform
from results.media.copies import local_folder, trusted_hosts, without_signature
from results.models import CopyPolicy, Dub, MediaCopy, MediaCopyQuerySet

logger = logging.getLogger(__name__)

# On all machines together. Each takes one of a worker's threads, and answers to refreshes need those too.
MAX_FETCHES = 4
MAX_FETCHES_PER_TEAM = 2
LEASE = timedelta(minutes=2)
# A copy under way to the storage moves no more bytes that we could see.
LEASE_TO_STORE = timedelta(hours=1)

TURN_SECONDS = 60
NOTE_SECONDS = 3.0
SLOWEST_BYTES_A_SECOND = 16 * 1024
# Left on this machine's disks, where the database may live too.
SPARE_BYTES = 512 * 2**20

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=6)
MAX_FAILURES = 12
WAIT_FOR_ROOM = timedelta(hours=1)
WAIT_FOR_DISK = timedelta(minutes=15)
ROOM = "An owner can allow more on the team's page; removing runs makes room too."
# So much more than ever before, and a failure is not one of many in a row.
PROGRESS_BYTES = 2**20
# Room that is taken at a time for a file that does not say how long it is.
AHEAD_BYTES = 64 * 2**20

State = MediaCopy.State


def enqueue_due() -> None:
    for lease in claim_due():
        queue.enqueue("fetch_copy", str(lease))


def claim_due() -> list[uuid.UUID]:
    """Lease copies that are due, by turns between teams, as many as may be under way at once."""
    leased = Counter(MediaCopy.objects.filter(lease_until__gt=timezone.now()).values_list("team", flat=True))
    room = MAX_FETCHES - leased.total()
    policies = list(CopyPolicy.objects.filter(is_enabled=True)) if room > 0 else []
    random.shuffle(policies)
    leases: list[uuid.UUID] = []
    for count in range(MAX_FETCHES_PER_TEAM):
        for policy in policies:
            if len(leases) < room and leased[policy.pk] <= count and (lease := _claim_one(policy)):
                leased[policy.pk] += 1
                leases.append(lease)
    return leases


def _claim_one(policy: CopyPolicy) -> uuid.UUID | None:
    """Lease the team's next copy that fits; one whose size nobody knows yet may."""
    now, lease = timezone.now(), uuid.uuid4()
    due = MediaCopy.objects.due(now).filter(team=policy.pk)
    room = policy.quota_bytes - quota.used_bytes(policy.pk)
    copy = due.filter(size__lte=room).order_by("due_at", "pk").first() if room > 0 else None
    if copy and due.filter(pk=copy.pk).update(lease=lease, lease_until=now + LEASE):
        return lease
    return None


def fetch_copy(lease: str) -> None:
    """Do one turn at the copy under this lease, and have the next one claimed.

    The lease is swapped for a new one first, so of a message delivered twice only one finds its copy.
    """
    own, now = uuid.uuid4(), timezone.now()
    if not MediaCopy.objects.filter(lease=lease, lease_until__gt=now).update(lease=own, lease_until=now + LEASE):
        return
    copy = MediaCopy.objects.filter(lease=own).exclude(dub=None).select_related("dub__run").first()
    try:
        if copy and copy.dub:
            _Turn(copy, copy.dub, own).take()
    finally:
        MediaCopy.objects.filter(lease=own).update(lease=None, lease_until=None)
    enqueue_due()


class _NoRoom(Exception):
    """The copy does not fit on the team's policy."""


class _Overtaken(Exception):
    """The copy was removed, or somebody else is at it."""


@dataclass
class _Turn:
    """One worker at one copy, until all of it is here or the turn is over."""

    copy: MediaCopy
    dub: Dub
    lease: uuid.UUID

    def take(self) -> None:
        copy = self.copy
        had = copy.received_bytes
        try:
            if self._is_here() or self._bring():
                self._store()
        except (_Overtaken, BlockingIOError):
            logger.info("Copy %s was removed, or is fetched by somebody else", copy.pk)
            self._wait("", FIRST_WAIT)
        except _NoRoom:
            self._wait_for_room()
        except part_files.UnsupportedMediaError as error:
            self._give_up(str(error))
        except (download.DownloadError, links.NoPlayableLinkError) as error:
            tries = 1 if copy.received_bytes - had >= PROGRESS_BYTES else copy.failures + 1
            if tries >= MAX_FAILURES:
                self._give_up(str(error))
            else:
                wait = min(FIRST_WAIT * (1 << (tries - 1)), LONGEST_WAIT)
                wait *= random.uniform(0.9, 1.1)  # noqa: S311  jitter, not a secret
                self._wait(str(error), wait, failures=tries, received_bytes=copy.received_bytes)
        except Exception as error:
            # Disks and storages fail with errors of their own kinds, and none is the copy's own fault.
            logger.exception("Copy %s could not be stored", copy.pk)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                # What lies here unfinished takes room from all else on this disk.
                part_files.delete(copy)
                self._wait(
                    "The server's disk is full. It is tried again once there is room.",
                    WAIT_FOR_DISK,
                    received_bytes=0,
                )
                if self._mine().exists():
                    default_storage.delete(copy.name)
            else:
                self._wait("The storage cannot be written to; the server's log says why.", WAIT_FOR_DISK)

    # --- Bringing it here --------------------------------------------------------------------------

    def _is_here(self) -> bool:
        """Has all of it come in an earlier turn, that could not store it?"""
        return bool(self.copy.validator) and part_files.length(self.copy) == self.copy.size > 0

    def _bring(self) -> bool:
        """Fetch on, by a fresh link if this one has ended. True when all of it is here."""
        kind: links.Kind = "video" if self.copy.kind == "video" else "audio"
        try:
            return self._read(links.playable_url(self.dub, kind))
        except download.LinkGoneError:
            return self._read(links.playable_url(self.dub, kind, renew=True))

    def _read(self, url: str) -> bool:
        copy = self.copy
        have = part_files.length(copy) if copy.validator else 0
        with download.open_download(
            url, start=have, validator=copy.validator, trusted=trusted_hosts(self.copy.team_id)
        ) as part:
            copy.received_bytes, copy.validator, copy.source = part.start, part.validator, without_signature(url)
            with part_files.open_for_writing(copy) as file:
                file.truncate(file.seek(part.start))
                self._reserve(part.size)
                is_over = self._write(part, file)
        if not is_over:
            self._wait("", timedelta(), failures=0, received_bytes=copy.received_bytes)
        elif part.size is None:
            self._reserve(copy.received_bytes)
        elif copy.received_bytes != part.size:
            raise download.DownloadError("The file broke off on its way.")
        if is_over and not copy.size:
            raise download.DownloadError("The file is empty.")
        return is_over

    def _write(self, part: download.FilePart, file: BinaryIO) -> bool:
        """Write what comes until it ends (True) or the turn does; what cannot be gone on with has one long turn."""
        copy = self.copy
        noted = turn = monotonic()
        at_turn = copy.received_bytes
        for piece in part.pieces:
            file.write(piece)
            copy.received_bytes += len(piece)
            now = monotonic()
            if now - noted >= NOTE_SECONDS:
                noted = now
                self._reserve(part.size)
            if now - turn >= TURN_SECONDS:
                if copy.received_bytes - at_turn < TURN_SECONDS * SLOWEST_BYTES_A_SECOND:
                    raise download.DownloadError("The host of the media sends it too slowly.")
                if part.validator and copy.received_bytes != part.size:
                    return False
                turn, at_turn = now, copy.received_bytes
        return True

    def _reserve(self, size: int | None) -> None:
        """Take room for the copy on the policy and the disk, and note how far it is. Raises _NoRoom or OSError."""
        copy = self.copy
        copy.size = copy.received_bytes + AHEAD_BYTES if size is None else size
        with transaction.atomic():
            # The policy's row is the lock under which its room is given out.
            policy = CopyPolicy.objects.select_for_update().filter(pk=copy.team_id).first()
            self._note(
                size=copy.size, received_bytes=copy.received_bytes, validator=copy.validator, source=copy.source
            )
            has_room = policy is not None and quota.used_bytes(policy.pk) <= policy.quota_bytes
        if not has_room:
            raise _NoRoom
        for folder in filter(None, (part_files.folder(), local_folder())):
            if shutil.disk_usage(folder).free - (copy.size - copy.received_bytes) < SPARE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # --- Storing it --------------------------------------------------------------------------------

    def _store(self) -> None:
        """Move what has come into the storage, and only then say that it is kept."""
        copy = self.copy
        with part_files.path(copy).open("rb") as part:
            copy.content_type, extension = part_files.detect_type(part.read(16), copy.kind)
            copy.name = copy.name.partition(".")[0] + extension
            sound = self._sound()
            # Noted first: should we die amid this, the row still knows the file.
            self._note(LEASE_TO_STORE, name=copy.name, content_type=copy.content_type)
            default_storage.delete(copy.name)
            default_storage.save(copy.name, part_files.WholeFile(part, copy.content_type))
        stored = default_storage.size(copy.name)
        if stored != copy.size:
            raise OSError(f"the storage holds {stored} bytes of {copy.size}")
        with transaction.atomic():
            before = MediaCopy.objects.filter(dub=copy.dub_id, kind=copy.kind, state=State.KEPT)
            before.update(dub=None, team=None)
            self._note(
                state=State.KEPT,
                state_at=timezone.now(),
                size=copy.size,
                received_bytes=copy.size,
                waveform=sound.values,
                length_ms=sound.length_ms,
                failures=0,
                message="",
                due_at=None,
            )
        part_files.delete(copy)

    def _sound(self) -> waveform.Waveform:
        """How loud it is, for the strip under the player; a video whose dub has audio too says nothing new."""
        copy = self.copy
        if copy.kind == "video" and links.is_playable(self.dub.audio_url):
            return waveform.EMPTY
        self._note(timedelta(seconds=waveform.MAX_SECONDS) + LEASE)
        try:
            return waveform.measure(part_files.path(copy), copy.content_type)
        except waveform.UnreadableMediaError as error:
            logger.warning("Copy %s is kept without its waveform: %s", copy.pk, error)
            return waveform.EMPTY

    # --- Noting how it went ------------------------------------------------------------------------

    def _note(self, lease: timedelta = LEASE, **news: object) -> None:
        """Write this down and keep the lease. Raises _Overtaken when the copy is no longer ours to fetch."""
        if not self._mine().exclude(dub=None).update(lease_until=timezone.now() + lease, **news):
            raise _Overtaken

    def _wait(self, message: str, wait: timedelta, **news: object) -> None:
        self._mine().update(message=message, due_at=timezone.now() + wait, **news)

    def _wait_for_room(self) -> None:
        copy, now = self.copy, timezone.now()
        part_files.delete(copy)
        policy = CopyPolicy.objects.get(pk=copy.team_id)
        # Nor are the others asked for whose sizes nobody knows: what does not fit now will not fit in a moment.
        others = MediaCopy.objects.due(now).filter(team=copy.team_id, size=0)
        others.update(due_at=now + WAIT_FOR_ROOM, message=f"There is no room left for copies. {ROOM}")
        used = filesizeformat(quota.used_bytes(policy.pk) - copy.size)
        taken = f"{used} of {policy.quota_bytes // quota.GB} GB are taken."
        self._wait(f"No room for {filesizeformat(copy.size)}: {taken} {ROOM}", WAIT_FOR_ROOM, received_bytes=0)

    def _give_up(self, message: str) -> None:
        part_files.delete(self.copy)
        self._mine().update(
            state=State.FAILED,
            state_at=timezone.now(),
            message=message,
            due_at=None,
            received_bytes=0,
            validator="",
        )

    def _mine(self) -> MediaCopyQuerySet:
        return MediaCopy.objects.filter(pk=self.copy.pk, lease=self.lease)
