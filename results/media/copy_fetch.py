"""Fetches copies: downloads each file bit by bit and moves it into the storage, surviving crashes on the way.

A file is first downloaded into a part file on this machine. A worker may die at any time; the next fetch resumes
where the part file ends. Only a complete file moves into the storage, and only then does its row become KEPT: no
half-written file is ever played. Leases work as in `results.refresh.claims`.
"""

import errno
import logging
import os
import random
import shutil
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import BinaryIO

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from results import clock, queue
from results.media import (
    copy_storage,
    download,
    links,
    part_files,
    quota,
    sandbox,
    still_files,
    stills,
    waveform,
)
from results.media.copies import announce, local_folder, trusted_hosts, without_signature
from results.models import CopyPolicy, Dub, MediaCopy, MediaCopyQuerySet
from results.refresh import heartbeat
from results.runs.time_unit import check_time_unit

logger = logging.getLogger(__name__)

# On all machines together. Each fetch takes one of a worker's threads, which refreshes need too.
MAX_FETCHES = 4
MAX_FETCHES_PER_TEAM = 2
LEASE_DURATION = timedelta(minutes=2)
# While a file moves into the storage, no progress can be seen that would renew the lease.
STORE_LEASE_DURATION = MediaCopy.STORE_LEASE

MAX_SECONDS = 60
SAVE_PROGRESS_SECONDS = 3.0
MIN_BYTES_PER_SECOND = 16 * 1024
# Left free on this machine's disks, which may hold the database too.
SPARE_BYTES = 512 * 2**20

FIRST_WAIT = timedelta(seconds=30)
MAX_WAIT = timedelta(hours=6)
MAX_JITTER = 1.1
MAX_FAILURES = 12
DISK_WAIT = timedelta(minutes=15)
# A failed fetch that received this much counts as the first failure, not as one more in a row.
PROGRESS_BYTES = 2**20
# Reserved at a time for a file whose host does not give its size.
RESERVE_AHEAD_BYTES = 64 * 2**20

State = MediaCopy.State


def enqueue_due() -> None:
    """Enqueue a task for each copy that `claim_due` leases."""
    for lease in claim_due() if copy_storage.are_allowed() else []:
        queue.enqueue("fetch_copy", str(lease))


def claim_due() -> list[uuid.UUID]:
    """Lease due copies and return the leases: at most MAX_FETCHES at once, round-robin over the teams."""
    leased = Counter(MediaCopy.objects.leased(clock.now()).values_list("team", flat=True))
    room = MAX_FETCHES - leased.total()
    policies = list(CopyPolicy.objects.filter(is_enabled=True)) if room > 0 else []
    random.shuffle(policies)
    leases: list[uuid.UUID] = []
    for already_leased in range(MAX_FETCHES_PER_TEAM):
        for policy in policies:
            if len(leases) < room and leased[policy.pk] <= already_leased and (lease := _claim_one(policy)):
                leased[policy.pk] += 1
                leases.append(lease)
    return leases


def _claim_one(policy: CopyPolicy) -> uuid.UUID | None:
    """Lease the team's next due copy that fits into its quota; a copy of unknown size (0) fits any free room."""
    now, lease = clock.now(), uuid.uuid4()
    due = MediaCopy.objects.due(now).filter(team=policy.pk)
    room = policy.quota_bytes - quota.used_bytes(policy.pk)
    copy = due.filter(size__lte=room).order_by("due_at", "pk").first() if room > 0 else None
    if copy and due.filter(pk=copy.pk).update(lease=lease, **_lease_fields(now)):
        return lease
    return None


def recover_from_clock_change() -> None:
    """Make due what is further ahead than the longest wait: it was scheduled before the clock was set back."""
    now = clock.now()
    MediaCopy.objects.filter(due_at__gt=now + MAX_WAIT * MAX_JITTER).update(due_at=now)


def fetch_copy(lease: str) -> None:
    """Go on with the copy under this lease, then enqueue further due copies.

    The lease is first replaced by a new one, so a message that is delivered twice finds the copy only once.
    """
    own, now = uuid.uuid4(), clock.now()
    leased = MediaCopy.objects.leased(now).filter(lease=lease)
    if not leased.update(lease=own, **_lease_fields(now)):
        return
    copy = MediaCopy.objects.filter(lease=own).exclude(dub=None).select_related("dub__run").first()
    try:
        if copy and copy.dub:
            _Fetch(copy, copy.dub, own).run()
            if copy.length_ms:
                check_time_unit(copy.dub.run_id)
    finally:
        MediaCopy.objects.filter(lease=own).update(lease=None, lease_until=None, leased_by=None)
    enqueue_due()


def _lease_fields(now: datetime) -> dict[str, object]:
    return {"lease_until": now + LEASE_DURATION, "leased_by": heartbeat.worker_id}


def _backoff(failures: int) -> timedelta:
    """Return the wait after so many failures in a row: an exponential backoff with jitter, up to MAX_WAIT."""
    wait = min(FIRST_WAIT * (1 << (failures - 1)), MAX_WAIT)
    return wait * random.uniform(0.9, MAX_JITTER)  # noqa: S311  jitter, not a secret


class _QuotaExceeded(Exception):
    """The copy does not fit into the team's quota."""


class _LeaseLost(Exception):
    """The copy was removed, or another worker holds its lease now."""


@dataclass
class _Fetch:
    """One fetch of a copy: it ends when the file is complete, after MAX_SECONDS, or with an error."""

    copy: MediaCopy
    dub: Dub
    lease: uuid.UUID

    def run(self) -> None:
        """Continue the download, store a complete file, and save when to try again after an error."""
        copy = self.copy
        received_before = copy.received_bytes
        try:
            if self._is_complete() or self._download():
                self._store_or_leave()
        except (_LeaseLost, BlockingIOError):
            logger.info("Copy %s was removed, or another worker is fetching it", copy.pk)
            self._postpone("", FIRST_WAIT)
        except _QuotaExceeded:
            part_files.delete(copy)
            message = quota.no_room_message(copy)
            quota.record_copies_stopped(copy.team_id, "quota", message)
            quota.postpone_unsized(copy.team_id)
            self._postpone(message, quota.WAIT, received_bytes=0)
        except part_files.UnsupportedMediaError as error:
            self._give_up(str(error))
        except (download.DownloadError, links.NoPlayableLinkError) as error:
            failures = 1 if copy.received_bytes - received_before >= PROGRESS_BYTES else copy.failures + 1
            if failures >= MAX_FAILURES:
                self._give_up(str(error))
            else:
                self._postpone(
                    str(error), _backoff(failures), failures=failures, received_bytes=copy.received_bytes
                )
        except Exception as error:
            # Disks and storages raise exceptions of their own kinds. None counts as a failure of the copy.
            logger.exception("Copy %s could not be stored", copy.pk)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                # A part file that cannot be finished takes space from everything else on this disk.
                part_files.delete(copy)
                message = _("The server's disk is full. The copy starts again once there is room.")
                quota.record_copies_stopped(copy.team_id, "disk", message)
                self._postpone(message, DISK_WAIT, received_bytes=0)
                if self._own_row().exists():
                    default_storage.delete(copy.name)
            else:
                self._postpone(
                    _("The storage cannot be written to. Ask the administrator of this server."), DISK_WAIT
                )

    # --- Download ----------------------------------------------------------------------------------

    def _is_complete(self) -> bool:
        """Return whether an earlier fetch downloaded the whole file but could not store it."""
        return bool(self.copy.validator) and part_files.length(self.copy) == self.copy.size > 0

    def _download(self) -> bool:
        """Continue the download, with a fresh link if this one has expired. Return whether the file is complete."""
        kind: links.Kind = "video" if self.copy.kind == "video" else "audio"
        try:
            return self._download_from(links.live_url(self.dub, kind))
        except download.LinkGoneError:
            return self._download_from(links.live_url(self.dub, kind, renew=True))

    def _download_from(self, url: str) -> bool:
        """Continue the download from this URL. Return whether the file is complete.

        Raises DownloadError, _QuotaExceeded, _LeaseLost, OSError, and BlockingIOError while another worker writes.
        """
        copy = self.copy
        start = part_files.length(copy) if copy.validator else 0
        with download.open_download(
            url, start=start, validator=copy.validator, trusted=trusted_hosts(self.copy.team_id)
        ) as part:
            copy.received_bytes, copy.validator, copy.source = part.start, part.validator, without_signature(url)
            with part_files.open_for_writing(copy) as file:
                file.truncate(file.seek(part.start))
                self._reserve(part.size)
                is_at_end = self._write(part, file)
        if not is_at_end:
            self._postpone("", timedelta(), failures=0, received_bytes=copy.received_bytes)
        elif part.size is None:
            self._reserve(copy.received_bytes)
        elif copy.received_bytes != part.size:
            raise download.DownloadError(download.INTERRUPTED)
        if is_at_end and not copy.size:
            raise download.DownloadError(_("The file is empty."))
        return is_at_end

    def _write(self, part: download.FilePart, file: BinaryIO) -> bool:
        """Write the pieces to the part file until the file ends (True), the time is up or the worker stops (False).

        Without a validator the download cannot be resumed, so its fetch lasts until the end. Raises DownloadError
        when less than MIN_BYTES_PER_SECOND arrive over MAX_SECONDS.
        """
        copy = self.copy
        saved_at = fetch_began_at = monotonic()
        received_before = copy.received_bytes
        for piece in part.pieces:
            file.write(piece)
            copy.received_bytes += len(piece)
            now = monotonic()
            can_resume = bool(part.validator) and copy.received_bytes != part.size
            if can_resume and queue.is_worker_stopping():
                return False
            if now - saved_at >= SAVE_PROGRESS_SECONDS:
                saved_at = now
                self._reserve(part.size)
            if now - fetch_began_at >= MAX_SECONDS:
                if copy.received_bytes - received_before < MAX_SECONDS * MIN_BYTES_PER_SECOND:
                    raise download.DownloadError(_("The media host sends the file too slowly."))
                if can_resume:
                    return False
                fetch_began_at, received_before = now, copy.received_bytes
        return True

    def _reserve(self, size: int | None) -> None:
        """Reserve the copy's bytes in the team's quota, save the progress, and check the free disk space.

        `size` is of the whole file, or None if unknown. Raises _QuotaExceeded, _LeaseLost, or OSError (ENOSPC).
        """
        copy = self.copy
        copy.size = copy.received_bytes + RESERVE_AHEAD_BYTES if size is None else size
        with transaction.atomic():
            # Locking the policy's row serializes reservations: two workers must not both get the last of the quota.
            policy = CopyPolicy.objects.select_for_update().filter(pk=copy.team_id).first()
            self._save(
                size=copy.size, received_bytes=copy.received_bytes, validator=copy.validator, source=copy.source
            )
            has_room = policy is not None and quota.used_bytes(policy.pk) <= policy.quota_bytes
        if not has_room:
            raise _QuotaExceeded
        for folder in filter(None, (part_files.folder(), local_folder())):
            if shutil.disk_usage(folder).free - (copy.size - copy.received_bytes) < SPARE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # --- Storage -----------------------------------------------------------------------------------

    def _store_or_leave(self) -> None:
        """Store the complete file; a worker that stops has no time for that and leaves it to the next fetch."""
        if self.copy.validator and queue.is_worker_stopping():
            self._postpone("", timedelta(), failures=0, received_bytes=self.copy.received_bytes)
        else:
            self._store()

    def _store(self) -> None:
        """Move the complete file into the storage, and only then set the copy to KEPT.

        Raises BlockingIOError while a worker that has lost its lease still does so.
        """
        copy = self.copy
        with part_files.path(copy).open("rb") as part, part_files.open_for_writing(copy):
            copy.content_type, extension = part_files.detect_type(part.read(16), copy.kind)
            copy.name = copy.name.partition(".")[0] + extension
            measured, still = self._measure_waveform(), self._take_still()
            # Saved first: if this worker dies while storing, the row still knows the file.
            mark = copy_storage.own_mark()
            self._save(STORE_LEASE_DURATION, name=copy.name, content_type=copy.content_type, storage=mark)
            default_storage.delete(copy.name)
            default_storage.save(copy.name, part_files.WholeFile(part, copy.content_type))
            if still:
                still_files.store(copy, still)
        stored = default_storage.size(copy.name)
        if stored != copy.size:
            raise OSError(f"the storage has {stored} of {copy.size} bytes")
        with transaction.atomic():
            replaced = MediaCopy.objects.filter(dub=copy.dub_id, kind=copy.kind, state=State.KEPT)
            replaced.update(dub=None, team=None)
            self._save(
                state=State.KEPT,
                state_at=clock.now(),
                size=copy.size,
                received_bytes=copy.size,
                waveform=measured.values,
                length_ms=measured.length_ms,
                still_bytes=None if still is None else still.size,
                failures=0,
                message="",
                due_at=None,
            )
        # Not in this transaction: others lock the team's policy before its copies, and could deadlock with it.
        quota.record_copies_resumed(copy.team_id)
        copy.length_ms = measured.length_ms
        announce(self.dub)
        part_files.delete(copy)

    def _measure_waveform(self) -> waveform.Waveform:
        """Return the waveform for the strip under the player; empty for a video whose dub has audio too.

        The audio's own copy then gives the same waveform.
        """
        copy = self.copy
        if copy.kind == "video" and links.is_playable(self.dub.audio_url):
            return waveform.EMPTY
        self._save(timedelta(seconds=sandbox.MAX_SECONDS) + LEASE_DURATION)
        try:
            return waveform.measure(part_files.path(copy), copy.content_type)
        except sandbox.UnreadableMediaError as error:
            logger.warning("Copy %s is kept without its waveform: %s", copy.pk, error)
            return waveform.EMPTY

    def _take_still(self) -> stills.Still | None:
        """Return the still of a video; None for audio, and while the quota has no room for it."""
        copy = self.copy
        if copy.kind != "video" or not quota.has_room(self.dub.team_id, stills.MAX_BYTES):
            return None
        self._save(timedelta(seconds=sandbox.MAX_SECONDS) + LEASE_DURATION)
        return still_files.take(copy, part_files.path(copy))

    # --- The copy's row ----------------------------------------------------------------------------

    def _save(self, lease: timedelta = LEASE_DURATION, **fields: object) -> None:
        """Save these fields and extend the lease. Raises _LeaseLost when the copy is no longer this worker's."""
        if not self._own_row().exclude(dub=None).update(lease_until=clock.now() + lease, **fields):
            raise _LeaseLost

    def _postpone(self, message: str, wait: timedelta, **fields: object) -> None:
        """Save the message for the team and when the copy is due again."""
        self._own_row().update(message=message, due_at=clock.now() + wait, **fields)

    def _give_up(self, message: str) -> None:
        """Set the copy to FAILED; a later refresh of its run starts it again."""
        part_files.delete(self.copy)
        self._own_row().update(
            state=State.FAILED,
            state_at=clock.now(),
            message=message,
            due_at=None,
            received_bytes=0,
            validator="",
        )

    def _own_row(self) -> MediaCopyQuerySet:
        """Return a query for the copy's row that finds it only under this worker's lease."""
        return MediaCopy.objects.filter(pk=self.copy.pk, lease=self.lease)
