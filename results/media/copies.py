"""Which media do we keep ourselves, and where does it lie?

beat → tending.tend → look (what is new?) → fetching.claim_due (a lease a copy) → fetch(lease), a turn at a time
     → the storage
"""

import logging
from pathlib import Path
from urllib.parse import urlsplit
from zlib import crc32

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone

from results.media import download, links
from results.models import ApiKey, CopyPolicy, Dub, MediaCopy, Run

logger = logging.getLogger(__name__)

State = MediaCopy.State


def trusted_hosts(team_id: int | None) -> set[download.Host]:
    """The stand-in of the demo is on this machine; the demo's own team, and no other, is led to it."""
    demo = urlsplit(settings.DEMO_BASE_URL)
    is_demo = ApiKey.objects.filter(pk=team_id, is_demo=True).exists()
    return {(demo.hostname or "", demo.port or 80)} if is_demo else set()


def playable_copy(dub: Dub, kind: links.Kind) -> MediaCopy | None:
    """The copy of what the dub links to now, or of what it linked to before, as long as this cannot be fetched."""
    source = without_signature(dub.video_url if kind == "video" else dub.audio_url)
    there = {copy.state: copy for copy in MediaCopy.objects.filter(dub=dub, kind=kind)}
    copy, next_one = there.pop(State.KEPT, None), next(iter(there.values()), None)
    is_next_in_trouble = next_one is not None and (next_one.state == State.FAILED or next_one.failures > 0)
    return copy if copy and (copy.source == source or is_next_in_trouble) else None


def are_expected(dubs: list[Dub]) -> bool:
    """Is anything of these dubs of one run still to be kept?"""
    if not CopyPolicy.objects.filter(pk=dubs[0].team_id, is_enabled=True).exists():
        return False
    settled = set(MediaCopy.objects.filter(dub__in=dubs).exclude(state=State.WAITING).values_list("dub", "kind"))
    media = (
        (dub.pk, kind, url) for dub in dubs for kind, url in (("video", dub.video_url), ("audio", dub.audio_url))
    )
    return any(links.is_playable(url) and (pk, kind) not in settled for pk, kind, url in media)


def progress_token(run: Run) -> str:
    """How far the run's copies are: another text whenever what is said of them is another."""
    there = MediaCopy.objects.filter(dub__run=run).defer("waveform").order_by("pk")
    return str(crc32(repr([(copy.pk, copy.state, copy.percent, copy.message) for copy in there]).encode()))


def local_path(copy: MediaCopy) -> Path | None:
    """Where its file lies on this machine; None when the storage is elsewhere."""
    try:
        return Path(default_storage.path(copy.name))
    except NotImplementedError:
        return None


def local_folder() -> Path | None:
    """Where all files lie on this machine; None when the storage is elsewhere."""
    try:
        folder = Path(default_storage.path(""))
    except NotImplementedError:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def signed_url(copy: MediaCopy, content_disposition: str) -> str:
    """An address, for a while, under which a storage elsewhere gives the file to whoever holds it."""
    parameters = {"ResponseContentType": copy.content_type, "ResponseContentDisposition": content_disposition}
    url: str = default_storage.url(copy.name, parameters=parameters)  # type: ignore[call-arg]  # as S3's takes it
    return url


def is_file_there(copy: MediaCopy) -> bool:
    """Is its file in the storage? If somebody took it away, it is fetched again."""
    if default_storage.exists(copy.name):
        return True
    logger.warning("The file of copy %s is gone from the storage", copy.pk)
    news = {
        "state": State.WAITING,
        "state_at": timezone.now(),
        "due_at": timezone.now(),
        "received_bytes": 0,
        "validator": "",
    }
    gone = MediaCopy.objects.filter(pk=copy.pk, state=State.KEPT)
    try:
        with transaction.atomic():
            gone.update(**news)
    except IntegrityError:
        # What is to take its place is on its way already.
        gone.update(dub=None, team=None)
    return False


def without_signature(url: str) -> str:
    """The link without its signature, which is another each time it is given."""
    return url.partition("?")[0]
