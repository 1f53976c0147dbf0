"""Brings the list of copies in line with the media that dubs link to, and deletes removed copies."""

import logging
import uuid
from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.db import IntegrityError
from django.db.models import F, Q

from results import clock
from results.media import copy_fetch, copy_storage, links, part_files, quota, still_files
from results.media.copies import without_signature
from results.models import CopyPolicy, Dub, MediaCopy, Retention
from results.queue.backlogs import isolated

logger = logging.getLogger(__name__)

State = MediaCopy.State

# `checked_at` is when the first call of a lease began. The lease is renewed while a batch that CAMB.AI refuses is
# halved and asked about again, in up to 15 calls; the time of five more is left to store the answers.
MAX_LEASE_TIME = timedelta(seconds=20 * settings.CAMB_TOTAL_SECONDS)
# Nearly all are stored after one call. Only the first sync of each minute looks for those that took longer: after a
# large sweep each look reads every dub of it.
USUAL_LEASE_TIME = timedelta(seconds=1.5 * settings.CAMB_TOTAL_SECONDS)
REMOVED_AT_ONCE = 1000
MAX_SECONDS = 60


def sync_copies() -> None:
    """Add copies of new media, delete the files of removed copies, and enqueue the copies that are due."""
    if copy_storage.are_allowed():
        find_new_media()
        copy_fetch.enqueue_due()
    delete_removed()


def find_new_media() -> None:
    """Add a waiting copy for each medium in results stored since the last sync, for the teams that keep copies."""
    for policy in CopyPolicy.objects.filter(is_enabled=True, team__removed_at=None):
        with isolated("The new media of team %s could not be added", policy.pk):
            _find_new_media_of(policy)


def _find_new_media_of(policy: CopyPolicy) -> None:
    now = clock.now()
    dubs = Dub.objects.present().filter(run__team=policy.pk)
    if policy.synced_at:
        # A sync before the clock was set back counts as one of now.
        synced_at = min(policy.synced_at, now)
        is_first_of_minute = synced_at.replace(second=0, microsecond=0) < now.replace(second=0, microsecond=0)
        lease_time = MAX_LEASE_TIME if is_first_of_minute else USUAL_LEASE_TIME
        dubs = dubs.filter(run__checked_at__gte=synced_at - lease_time)
    if days := Retention.objects.filter(pk=policy.pk).values_list("media_days", flat=True).first():
        # Copies of older media were kept for as long as the team wants.
        dubs = dubs.filter(media_fetched_at__gte=clock.days_ago(days))
    pks = list(dubs.order_by("pk").values_list("pk", flat=True))
    try:
        for start in range(0, len(pks), 500):
            chunk = Dub.objects.select_related("run").filter(pk__in=pks[start : start + 500])
            _sync_dubs(list(chunk.only("team_id", "video_url", "audio_url", "run__checked_at")))
    except IntegrityError:
        return  # a dub was removed meanwhile; the next sync finds the others
    CopyPolicy.objects.filter(pk=policy.pk, synced_at=policy.synced_at).update(synced_at=now)


def _sync_dubs(dubs: list[Dub]) -> None:
    """Add the copies that these dubs lack, and drop those of links that the dubs no longer have."""
    copies = MediaCopy.objects.filter(dub__in=dubs).only("dub_id", "kind", "state", "state_at", "source")
    existing = {(copy.dub_id, copy.kind, copy.state): copy for copy in copies}
    new = []
    for dub in dubs:
        for kind, url in (("video", dub.video_url), ("audio", dub.audio_url)):
            waiting, kept, failed = (
                existing.get((dub.pk, kind, state)) for state in (State.WAITING, State.KEPT, State.FAILED)
            )
            if not links.is_playable(url):
                continue
            successor = waiting or failed
            if kept and kept.source == without_signature(url):
                if successor:
                    MediaCopy.objects.filter(pk=successor.pk).update(dub=None, team=None)
            elif successor is None:
                # The kept copy stays until this one replaces it: it may be the last copy there is.
                new.append(
                    MediaCopy(team_id=dub.team_id, dub=dub, kind=kind, name=f"{dub.team_id}/{uuid.uuid4().hex}")
                )
            elif failed and dub.run.checked_at and dub.run.checked_at > failed.state_at:
                # A refresh since the failure asks for another try.
                quota.make_due(pk=failed.pk)
    MediaCopy.objects.bulk_create(new, ignore_conflicts=True)


def delete_removed() -> None:
    """Delete up to REMOVED_AT_ONCE copies whose dub is gone, with their files, if these lie in this storage.

    A row goes only once its file is known to be gone. Those of another machine's folder wait for that machine. A
    row that stays is tried again after all others, so that files that cannot be deleted hold up no others.
    """
    try:
        mark = copy_storage.own_mark()
    except OSError as error:
        logger.warning("The folder of copies cannot be used: %s", error)
        return
    removed = MediaCopy.objects.unleased(clock.now()).filter(dub=None)
    removed = removed.filter(Q(content_type="") | Q(storage__in=["", mark])).defer("waveform")
    deadline = monotonic() + MAX_SECONDS
    staying, faults = list[int](), list[tuple[int, Exception]]()
    for copy in removed.order_by("failures", "-storage", "pk")[:REMOVED_AT_ONCE]:
        if monotonic() > deadline:
            break
        try:
            is_gone = copy_storage.delete_file(copy, mark)
            still_files.delete(copy)
            part_files.delete(copy)
        except Exception as error:
            # Storages raise exceptions of their own kinds. The row stays, so that the file is not forgotten.
            faults.append((copy.pk, error))
            is_gone = False
        if is_gone:
            copy.delete()
        else:
            staying.append(copy.pk)
    MediaCopy.objects.filter(pk__in=staying).update(failures=F("failures") + 1)
    if faults:
        pk, first = faults[0]
        logger.error(
            "The files of %s removed copies could not be deleted; the first is copy %s",
            len(faults),
            pk,
            exc_info=first,
        )
