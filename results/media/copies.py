"""Copies of media in our own storage: which copy of a dub can be played, and where its file is.

The way of a copy:
beat → copy_sync.sync_copies → find_new_media → copy_fetch.claim_due (one lease per copy)
     → copy_fetch.fetch_copy(lease), a minute at a time → the storage
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit
from zlib import crc32

from django.conf import settings
from django.core.files.storage import default_storage

from results.db import chunks
from results.db.replica import fetch_rows
from results.media import download, links
from results.models import ApiKey, Dub, MediaCopy, Run
from teams.read_models import read_models

logger = logging.getLogger(__name__)

State = MediaCopy.State

# Raw SQL, as most pages of runs ask, and the ORM takes longer than the database.
_ARE_KEPT = "select 1 from results_copypolicy where team_id = %s and is_enabled"


def trusted_hosts(team_id: int | None) -> set[download.Host]:
    """Return the hosts that this team's downloads may reach although they are not on the public internet.

    The demo's stand-in for CAMB.AI runs on this machine, and only the demo's own team may reach it.
    """
    demo = urlsplit(settings.DEMO_BASE_URL)
    is_demo = ApiKey.objects.filter(pk=team_id, is_demo=True).exists()
    return {(demo.hostname or "", demo.port or 80)} if is_demo else set()


def playable_copy(dub: Dub, kind: links.Kind) -> MediaCopy | None:
    """Return the copy to play in place of the dub's link; None when there is none."""
    return choose_copy(dub, kind, MediaCopy.objects.filter(dub=dub, kind=kind))


def choose_copy(dub: Dub, kind: links.Kind, copies: Iterable[MediaCopy]) -> MediaCopy | None:
    """Return the one of these copies of the dub to play in place of its link; None when there is none.

    The copy of an earlier link is played only while its successor cannot be fetched.
    """
    source = without_signature(dub.video_url if kind == "video" else dub.audio_url)
    by_state = {copy.state: copy for copy in copies if copy.kind == kind}
    copy, successor = by_state.pop(State.KEPT, None), next(iter(by_state.values()), None)
    is_successor_failing = successor is not None and (successor.state == State.FAILED or successor.failures > 0)
    return copy if copy and (copy.source == source or is_successor_failing) else None


def of_run(run_id: int) -> list[MediaCopy]:
    """Return the copies of all dubs of this run."""
    return read_models(
        MediaCopy, "where dub_id in (select id from results_dub where run_id = %s) order by id", [run_id]
    )


def announce(dub: Dub) -> None:
    """Count what is new about the kept media of this dub as a change of its run, so that open lists show it."""
    chunks.update_in_chunks(dub.team, [dub.run_id])


def are_expected(dubs: list[Dub], stored: Iterable[MediaCopy]) -> bool:
    """Return whether any medium of these dubs is still to be copied. All dubs belong to one run.

    `stored` are the copies that there are of them.
    """
    settled = {(copy.dub_id, copy.kind) for copy in stored if copy.state != State.WAITING}
    media = (
        (dub.pk, kind, url) for dub in dubs for kind, url in (("video", dub.video_url), ("audio", dub.audio_url))
    )
    is_any_missing = any(links.is_playable(url) and (pk, kind) not in settled for pk, kind, url in media)
    return is_any_missing and bool(fetch_rows(_ARE_KEPT, [dubs[0].team_id]))


def progress_token(run: Run) -> str:
    """Return the `token_of` the run's copies."""
    return token_of(MediaCopy.objects.filter(dub__run=run).defer("waveform").order_by("pk"))


def token_of(stored: Iterable[MediaCopy]) -> str:
    """Return a checksum of what a page shows of these copies of its run, for polls to notice a change."""
    return str(crc32(repr([(copy.pk, copy.state, copy.percent, copy.message) for copy in stored]).encode()))


def local_path(copy: MediaCopy) -> Path | None:
    """Return the path of the copy's file on this machine; None when the storage is elsewhere."""
    try:
        return Path(default_storage.path(copy.name))
    except NotImplementedError:
        return None


def local_folder() -> Path | None:
    """Return the folder of all copies on this machine, created if missing; None when the storage is elsewhere."""
    try:
        folder = Path(default_storage.path(""))
    except NotImplementedError:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def signed_url(name: str, content_type: str, content_disposition: str) -> str | None:
    """Return a signed URL of this file in a storage elsewhere; the URL needs no other proof and expires.

    Where the storage cannot sign one, the log says why, and None is returned.
    """
    parameters = {"ResponseContentType": content_type, "ResponseContentDisposition": content_disposition}
    try:
        return default_storage.url(name, parameters=parameters)  # type: ignore[call-arg]  # as S3's takes it
    except Exception as error:
        # Storages raise exceptions of their own kinds.
        logger.warning("The storage signs no address of %s: %s", name, error)
        return None


def has_file(copy: MediaCopy) -> bool:
    """Return whether this machine finds the copy's file, and log it if not.

    The row stays as it is: another machine may have the file, or a mount or bucket may be away for a while.
    """
    try:
        if default_storage.exists(copy.name):
            return True
        logger.warning("The file of copy %s is missing in the storage of this machine", copy.pk)
    except Exception as error:
        # Storages raise exceptions of their own kinds.
        logger.warning("The storage of this machine does not answer for copy %s: %s", copy.pk, error)
    return False


def without_signature(url: str) -> str:
    """Return the link without its query: the signature in it differs each time CAMB.AI gives the link."""
    return url.partition("?")[0]
