"""What media do we keep ourselves, and how does it get here?

    beat → tend → look (what is new?) → claim_due (a lease a copy) → fetch(lease), a turn at a time → the storage

A file comes into a part file on this machine first, in turns that a worker may die in: the next turn goes on where
the part ends. Only when all of it is here does it move into the storage, and only then does its row say that it is
kept: nothing half-written is ever played. A lease is what it is in results.refresh.
"""

import errno
import fcntl
import logging
import os
import random
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path, PurePath
from time import monotonic
from typing import BinaryIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, Sum
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from results import bell, download, media, refresh, tracking
from results.models import ApiKey, Copy, CopyQuerySet, Dub, Shelf
from teams.models import Team

logger = logging.getLogger(__name__)

GB = 2**30

# On all machines together. Each takes one of a worker's threads, and answers to refreshes need those too.
AT_ONCE = 4
AT_ONCE_PER_TEAM = 2
LEASE = timedelta(minutes=2)
# A copy under way to the storage moves no more bytes that we could see.
LEASE_TO_STORE = timedelta(hours=1)

TURN_SECONDS = 60
NOTE_SECONDS = 3.0
SLOWEST_BYTES_A_SECOND = 16 * 1024
# Left on this machine's disk, where the database may live too.
SPARE_BYTES = 512 * 2**20

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=6)
MOST_TRIES = 12
WAIT_FOR_ROOM = timedelta(hours=1)
WAIT_FOR_DISK = timedelta(minutes=15)
ROOM = "An owner can allow more on the team's page; removing runs makes room too."
OLD_PART = timedelta(days=2)
# So much more than ever before, and a failure is not one of many in a row.
PROGRESS_BYTES = 2**20
# Room that is taken at a time for a file that does not say how long it is.
AHEAD_BYTES = 64 * 2**20

State = Copy.State


# --- What a team wants -------------------------------------------------------------------------------


def shelf_of(team: Team) -> Shelf:
    """The team's shelf as it is set, or as it would be."""
    return Shelf.objects.filter(pk=team.pk).first() or Shelf(
        team=team, most_bytes=min(10, settings.KEEP_MOST_GB) * GB
    )


def set_shelf(team: Team, *, is_on: bool, most_gb: int) -> None:
    """Keep copies from now on, of what there is too, up to so much; or no more of them: what is kept stays."""
    with transaction.atomic():
        fields = {"is_on": is_on, "most_bytes": most_gb * GB, "looked_at": None}
        Shelf.objects.update_or_create(team=team, defaults=fields)
        _now_due(team_id=team.pk)
        bell.ring("tend_copies")


def remove_all(team: Team) -> None:
    """Keep nothing any more, and have all that is kept removed."""
    with transaction.atomic():
        Shelf.objects.filter(pk=team.pk).update(is_on=False)
        Copy.objects.filter(team=team).update(dub=None, team=None)
        bell.ring("tend_copies")


def _now_due(**which: object) -> None:
    waiting = Copy.objects.filter(**which).exclude(state=State.KEPT)
    waiting.update(state=State.WAITING, due_at=timezone.now(), tries=0, message="")


@dataclass(frozen=True)
class Stock:
    """What lies on a team's shelf: bytes used, and how many copies are kept, on their way, and given up."""

    used: int
    kept: int
    waiting: int
    failed: int


def stock_of(team: Team) -> Stock:
    counts = dict(Copy.objects.filter(team=team).values_list("state").annotate(Count("pk")))
    return Stock(
        _used(team.pk), counts.get(State.KEPT, 0), counts.get(State.WAITING, 0), counts.get(State.FAILED, 0)
    )


def in_trouble(team: Team, most: int = 5) -> list[Copy]:
    """The newest copies that could not be fetched, each with its sentence."""
    troubled = Copy.objects.filter(team=team).exclude(message="").exclude(state=State.KEPT).exclude(dub=None)
    return list(troubled.select_related("dub__run").order_by("-pk")[:most])


def _used(team_id: int) -> int:
    """Bytes that the team's copies take up: those kept, and those that are being fetched right now."""
    counted = Q(state=State.KEPT) | Q(lease_until__gt=timezone.now())
    return Copy.objects.filter(counted, team=team_id).aggregate(sum=Sum("size"))["sum"] or 0


# --- What there is to play ---------------------------------------------------------------------------


def trusted(team_id: int | None) -> set[download.Host]:
    """The stand-in of the demo is on this machine; the demo's own team, and no other, is led to it."""
    demo = urlsplit(settings.DEMO_BASE_URL)
    is_demo = ApiKey.objects.filter(pk=team_id, is_demo=True).exists()
    return {(demo.hostname or "", demo.port or 80)} if is_demo else set()


def kept(dub: Dub, kind: media.Kind) -> Copy | None:
    """The copy of what the dub links to now."""
    source = _unsigned(dub.video_url if kind == "video" else dub.audio_url)
    return Copy.objects.filter(dub=dub, kind=kind, state=State.KEPT, source=source).first()


def local_path(copy: Copy) -> Path | None:
    """Where its file lies on this machine; None when the storage is elsewhere."""
    try:
        return Path(default_storage.path(copy.name))
    except NotImplementedError:
        return None


def signed_url(copy: Copy, content_disposition: str) -> str:
    """An address, for a while, under which a storage elsewhere gives the file to whoever holds it."""
    parameters = {"ResponseContentType": copy.content_type, "ResponseContentDisposition": content_disposition}
    url: str = default_storage.url(copy.name, parameters=parameters)  # type: ignore[call-arg]  # as S3's takes it
    return url


def is_there(copy: Copy) -> bool:
    """Is its file in the storage? If somebody took it away, it is fetched again."""
    if default_storage.exists(copy.name):
        return True
    logger.warning("The file of copy %s is gone from the storage", copy.pk)
    news = {"state": State.WAITING, "state_at": timezone.now(), "due_at": timezone.now(), "got": 0, "validator": ""}
    Copy.objects.filter(pk=copy.pk, state=State.KEPT).update(**news)
    return False


# --- What is to be done ------------------------------------------------------------------------------


def tend() -> None:
    """See what is new, remove what nobody wants any more, and ring for what is due."""
    look()
    drop_removed()
    ring_due()


def look() -> None:
    """Note the media of new answers as to be fetched, in the teams that keep copies."""
    for shelf in Shelf.objects.filter(is_on=True):
        now = timezone.now()
        dubs = Dub.objects.filter(run__team=shelf.pk)
        if shelf.looked_at:
            # An answer is dated by its asking and may be stored as late as its lease lasts.
            dubs = dubs.filter(run__checked_at__gte=shelf.looked_at - refresh.LEASE - timedelta(minutes=1))
        pks = list(dubs.order_by("pk").values_list("pk", flat=True))
        try:
            for start in range(0, len(pks), 500):
                _want(list(Dub.objects.select_related("run").filter(pk__in=pks[start : start + 500])))
        except IntegrityError:
            continue  # a dub was removed at this very moment; the next look finds the others
        Shelf.objects.filter(pk=shelf.pk, looked_at=shelf.looked_at).update(looked_at=now)


def _want(dubs: list[Dub]) -> None:
    """Add the copies that these dubs lack, and see that those that there are stand for what is linked now."""
    there = {(copy.dub_id, copy.kind): copy for copy in Copy.objects.filter(dub__in=dubs)}
    new = []
    for dub in dubs:
        for kind, url in (("video", dub.video_url), ("audio", dub.audio_url)):
            copy = there.get((dub.pk, kind))
            if not media.is_playable(url):
                continue
            if copy and copy.state == State.KEPT and copy.source != _unsigned(url):
                Copy.objects.filter(pk=copy.pk).update(dub=None, team=None)
                copy = None
            if copy is None:
                new.append(Copy(team_id=dub.team_id, dub=dub, kind=kind, name=f"{dub.team_id}/{uuid.uuid4().hex}"))
            elif copy.state == State.FAILED and dub.run.checked_at and dub.run.checked_at > copy.state_at:
                # Whoever refreshed the run since wants it tried again.
                _now_due(pk=copy.pk)
    Copy.objects.bulk_create(new, ignore_conflicts=True)


def _unsigned(url: str) -> str:
    """The link without its signature, which is another each time it is given."""
    return url.partition("?")[0]


def drop_removed() -> None:
    """Remove the files whose dub is gone."""
    for copy in Copy.objects.unleased(timezone.now()).filter(dub=None)[:1000]:
        try:
            default_storage.delete(copy.name)
            _drop_parts(copy)
        except Exception:
            # Storages fail with errors of their own kinds; the row stays, and with it the memory of the file.
            logger.exception("The file of removed copy %s could not be deleted", copy.pk)
            return
        copy.delete()


def drop_old_parts() -> None:
    """Remove from this machine the parts that nobody has gone on with for days."""
    end = (timezone.now() - OLD_PART).timestamp()
    for part in _parts_folder().iterdir():
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < end:
                part.unlink()


# --- Who fetches -------------------------------------------------------------------------------------


def ring_due() -> None:
    for lease in claim_due():
        bell.ring("fetch_copy", str(lease))


def claim_due() -> list[uuid.UUID]:
    """Lease copies that are due, by turns between teams, as many as may be under way at once."""
    leased = Counter(Copy.objects.filter(lease_until__gt=timezone.now()).values_list("team", flat=True))
    room = AT_ONCE - leased.total()
    shelves = list(Shelf.objects.filter(is_on=True)) if room > 0 else []
    random.shuffle(shelves)
    leases: list[uuid.UUID] = []
    for count in range(AT_ONCE_PER_TEAM):
        for shelf in shelves:
            if len(leases) < room and leased[shelf.pk] <= count and (lease := _claim_one(shelf)):
                leased[shelf.pk] += 1
                leases.append(lease)
    return leases


def _claim_one(shelf: Shelf) -> uuid.UUID | None:
    """Lease the team's next copy that fits; one whose size nobody knows yet may."""
    now, lease = timezone.now(), uuid.uuid4()
    due = Copy.objects.due(now).filter(team=shelf.pk)
    room = shelf.most_bytes - _used(shelf.pk)
    copy = due.filter(size__lte=room).order_by("due_at", "pk").first() if room > 0 else None
    if copy and due.filter(pk=copy.pk).update(lease=lease, lease_until=now + LEASE):
        return lease
    return None


def fetch(lease: str) -> None:
    """Do one turn at the copy under this lease, and have the next one claimed.

    The lease is swapped for a new one first, so of a message delivered twice only one finds its copy.
    """
    own, now = uuid.uuid4(), timezone.now()
    if not Copy.objects.filter(lease=lease, lease_until__gt=now).update(lease=own, lease_until=now + LEASE):
        return
    copy = Copy.objects.filter(lease=own).exclude(dub=None).select_related("dub__run").first()
    try:
        if copy and copy.dub:
            _Turn(copy, copy.dub, own).take()
    finally:
        Copy.objects.filter(lease=own).update(lease=None, lease_until=None)
    ring_due()


class _NoRoom(Exception):
    """The copy does not fit on the team's shelf."""


class _Unfit(Exception):
    """What came is nothing to keep, and will be no other thing the next time."""


class _Overtaken(Exception):
    """The copy was removed, or somebody else is at it."""


@dataclass
class _Turn:
    """One worker at one copy, until all of it is here or the turn is over."""

    copy: Copy
    dub: Dub
    lease: uuid.UUID

    def take(self) -> None:
        copy = self.copy
        had = copy.got
        try:
            if self._is_here() or self._bring():
                self._store()
        except _Overtaken:
            logger.info("Copy %s was removed, or is fetched by somebody else", copy.pk)
            self._wait("", FIRST_WAIT)
        except _NoRoom:
            self._wait_for_room()
        except _Unfit as error:
            self._give_up(str(error))
        except (download.Trouble, media.Dead) as error:
            tries = 1 if copy.got - had >= PROGRESS_BYTES else copy.tries + 1
            if tries >= MOST_TRIES:
                self._give_up(str(error))
            else:
                wait = min(FIRST_WAIT * (1 << (tries - 1)), LONGEST_WAIT)
                self._wait(str(error), wait * random.uniform(0.9, 1.1), tries=tries, got=copy.got)  # noqa: S311
        except Exception as error:
            # Disks and storages fail with errors of their own kinds, and none is the copy's own fault.
            logger.exception("Copy %s could not be stored", copy.pk)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                # What lies here unfinished takes room from all else on this disk.
                _drop_parts(copy)
                self._wait("The server's disk is full. It is tried again once there is room.", WAIT_FOR_DISK, got=0)
            else:
                self._wait("The storage cannot be written to; the server's log says why.", WAIT_FOR_DISK)

    # --- Bringing it here --------------------------------------------------------------------------

    def _is_here(self) -> bool:
        """Has all of it come in an earlier turn, that could not store it?"""
        return bool(self.copy.validator) and _length(self.copy) == self.copy.size > 0

    def _bring(self) -> bool:
        """Fetch on, by a fresh link if this one has ended. True when all of it is here."""
        kind: media.Kind = "video" if self.copy.kind == "video" else "audio"
        try:
            return self._read(media.live_url(self.dub, kind, tracking.renew_links))
        except download.Gone:
            return self._read(media.live_url(self.dub, kind, tracking.renew_links, renew=True))

    def _read(self, url: str) -> bool:
        copy = self.copy
        have = _length(copy) if copy.validator else 0
        with download.opened(url, start=have, validator=copy.validator, trusted=trusted(self.copy.team_id)) as part:
            copy.got, copy.validator, copy.source = part.start, part.validator, _unsigned(url)
            with _opened_part(copy) as file:
                file.truncate(file.seek(part.start))
                self._reserve(part.size)
                is_over = self._write(part, file)
        if not is_over:
            self._wait("", timedelta(), tries=0, got=copy.got)
        elif part.size is None:
            self._reserve(copy.got)
        elif copy.got != part.size:
            raise download.Trouble("The file broke off on its way.")
        if is_over and not copy.size:
            raise download.Trouble("The file is empty.")
        return is_over

    def _write(self, part: download.Part, file: BinaryIO) -> bool:
        """Write what comes until it ends (True) or the turn does; what cannot be gone on with has one long turn."""
        copy = self.copy
        noted = turn = monotonic()
        at_turn = copy.got
        for piece in part.pieces:
            file.write(piece)
            copy.got += len(piece)
            now = monotonic()
            if now - noted >= NOTE_SECONDS:
                noted = now
                self._reserve(part.size)
            if now - turn >= TURN_SECONDS:
                if copy.got - at_turn < TURN_SECONDS * SLOWEST_BYTES_A_SECOND:
                    raise download.Trouble("The host of the media sends it too slowly.")
                if part.validator and copy.got != part.size:
                    return False
                turn, at_turn = now, copy.got
        return True

    def _reserve(self, size: int | None) -> None:
        """Take room for the copy on the shelf and the disk, and note how far it is. Raises _NoRoom or OSError."""
        copy = self.copy
        copy.size = copy.got + AHEAD_BYTES if size is None else size
        with transaction.atomic():
            # The shelf's row is the lock under which its room is given out.
            shelf = Shelf.objects.select_for_update().filter(pk=copy.team_id).first()
            self._note(size=copy.size, got=copy.got, validator=copy.validator, source=copy.source)
            has_room = shelf is not None and _used(shelf.pk) <= shelf.most_bytes
        if not has_room:
            raise _NoRoom
        if shutil.disk_usage(_parts_folder()).free - (copy.size - copy.got) < SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # --- Storing it --------------------------------------------------------------------------------

    def _store(self) -> None:
        """Move what has come into the storage, and only then say that it is kept."""
        copy = self.copy
        with _part(copy).open("rb") as part:
            copy.content_type, extension = _recognised(part.read(16), copy.kind)
            copy.name = copy.name.partition(".")[0] + extension
            # Noted first: should we die amid this, the row still knows the file.
            self._note(LEASE_TO_STORE, name=copy.name, content_type=copy.content_type)
            default_storage.delete(copy.name)
            default_storage.save(copy.name, _Whole(part, copy.content_type))
        stored = default_storage.size(copy.name)
        if stored != copy.size:
            raise OSError(f"the storage holds {stored} bytes of {copy.size}")
        self._note(
            state=State.KEPT,
            state_at=timezone.now(),
            size=copy.size,
            got=copy.size,
            tries=0,
            message="",
            due_at=None,
        )
        _drop_parts(copy)

    # --- Noting how it went ------------------------------------------------------------------------

    def _note(self, lease: timedelta = LEASE, **news: object) -> None:
        """Write this down and keep the lease. Raises _Overtaken when the copy is no longer ours to fetch."""
        if not self._mine().exclude(dub=None).update(lease_until=timezone.now() + lease, **news):
            raise _Overtaken

    def _wait(self, message: str, wait: timedelta, **news: object) -> None:
        self._mine().update(message=message, due_at=timezone.now() + wait, **news)

    def _wait_for_room(self) -> None:
        copy, now = self.copy, timezone.now()
        _drop_parts(copy)
        shelf = Shelf.objects.get(pk=copy.team_id)
        # Nor are the others asked for whose sizes nobody knows: what does not fit now will not fit in a moment.
        others = Copy.objects.due(now).filter(team=copy.team_id, size=0)
        others.update(due_at=now + WAIT_FOR_ROOM, message=f"There is no room left for copies. {ROOM}")
        taken = f"{filesizeformat(_used(shelf.pk) - copy.size)} of {shelf.most_bytes // GB} GB are taken."
        self._wait(f"No room for {filesizeformat(copy.size)}: {taken} {ROOM}", WAIT_FOR_ROOM, got=0)

    def _give_up(self, message: str) -> None:
        _drop_parts(self.copy)
        self._mine().update(
            state=State.FAILED, state_at=timezone.now(), message=message, due_at=None, got=0, validator=""
        )

    def _mine(self) -> CopyQuerySet:
        return Copy.objects.filter(pk=self.copy.pk, lease=self.lease)


# --- Files -------------------------------------------------------------------------------------------


def _parts_folder() -> Path:
    folder: Path = settings.DATA_DIR / "copying"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _part(copy: Copy) -> Path:
    """Where its bytes lie until they are all here. Other content is another file, whichever machine began it."""
    mark = sha256(copy.validator.encode()).hexdigest()[:16]
    return _parts_folder() / f"{PurePath(copy.name).stem}-{mark}"


def _drop_parts(copy: Copy) -> None:
    for part in _parts_folder().glob(f"{PurePath(copy.name).stem}-*"):
        part.unlink(missing_ok=True)


def _length(copy: Copy) -> int:
    """How many bytes of this content lie on this machine."""
    with suppress(FileNotFoundError):
        return _part(copy).stat().st_size
    return 0


@contextmanager
def _opened_part(copy: Copy) -> Iterator[BinaryIO]:
    """The part to write on, for us alone: a worker that was held up beyond its lease may come back to it."""
    with os.fdopen(os.open(_part(copy), os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _Overtaken from error
        yield file


class _Whole(File):  # type: ignore[type-arg]  # Django's has no [] at run time
    """All of a file: a local storage may move it, another reads it."""

    def __init__(self, file: BinaryIO, content_type: str) -> None:
        super().__init__(file)
        self.content_type = content_type

    def temporary_file_path(self) -> str:
        return str(self.name)


def _recognised(head: bytes, kind: str) -> tuple[str, str]:
    """The content type and extension by a file's first bytes. Raises _Unfit for what is no video or audio.

    The host's own word does not count: we serve the file under our name, where a page would run as one of ours.
    """
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return f"{kind}/mp4", ".mp4" if kind == "video" else ".m4a"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return f"{kind}/webm", ".webm"
    if head.startswith(b"OggS"):
        return f"{kind}/ogg", ".ogg"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav", ".wav"
    if head.startswith(b"fLaC"):
        return "audio/flac", ".flac"
    # The first bits of a frame of MPEG audio, whose layer tells AAC from MP3.
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if is_frame and head[1] & 0x06 == 0:
        return "audio/aac", ".aac"
    if is_frame or head.startswith(b"ID3"):
        return "audio/mpeg", ".mp3"
    raise _Unfit("What the link gives is no video or audio that browsers play. Refresh the run to try again.")
