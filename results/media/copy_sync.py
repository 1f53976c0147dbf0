"""Brings the list of copies in line with the media that dubs link to, and deletes removed copies."""

import logging
import uuid
from datetime import timedelta

from django.db import IntegrityError
from django.db.models import Q

from results import clock
from results.media import copy_fetch, copy_storage, links, part_files, quota, still_files
from results.media.copies import without_signature
from results.models import CopyPolicy, Dub, MediaCopy, Retention
from results.refresh import claims

logger = logging.getLogger(__name__)

State = MediaCopy.State


def sync_copies() -> None:
    """Add copies of new media, delete the files of removed copies, and enqueue the copies that are due."""
    if copy_storage.are_allowed():
        find_new_media()
        copy_fetch.enqueue_due()
    delete_removed()


def find_new_media() -> None:
    """Add a waiting copy for each medium in results stored since the last sync, for the teams that keep copies."""
    for policy in CopyPolicy.objects.filter(is_enabled=True, team__removed_at=None):
        now = clock.now()
        dubs = Dub.objects.present().filter(run__team=policy.pk)
        if policy.synced_at:
            # `checked_at` is when CAMB.AI was asked; its answer may be stored as late as the lease lasts.
            dubs = dubs.filter(run__checked_at__gte=policy.synced_at - claims.LEASE_DURATION - timedelta(minutes=1))
        if days := Retention.objects.filter(pk=policy.pk).values_list("media_days", flat=True).first():
            # Copies of older media were kept for as long as the team wants.
            dubs = dubs.filter(media_fetched_at__gte=now - timedelta(days=days))
        pks = list(dubs.order_by("pk").values_list("pk", flat=True))
        try:
            for start in range(0, len(pks), 500):
                _sync_dubs(list(Dub.objects.select_related("run").filter(pk__in=pks[start : start + 500])))
        except IntegrityError:
            continue  # a dub was removed meanwhile; the next sync finds the others
        CopyPolicy.objects.filter(pk=policy.pk, synced_at=policy.synced_at).update(synced_at=now)


def _sync_dubs(dubs: list[Dub]) -> None:
    """Add the copies that these dubs lack, and drop those of links that the dubs no longer have."""
    existing = {(copy.dub_id, copy.kind, copy.state): copy for copy in MediaCopy.objects.filter(dub__in=dubs)}
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
    """Delete the files and rows of up to 1,000 copies whose dub is gone and whose files lie in this storage.

    A row goes only once its file is known to be gone. Those of another machine's folder wait for that machine.
    """
    try:
        mark = copy_storage.own_mark()
    except OSError as error:
        logger.warning("The folder of copies cannot be used: %s", error)
        return
    removed = MediaCopy.objects.unleased(clock.now()).filter(dub=None)
    removed = removed.filter(Q(content_type="") | Q(storage__in=["", mark])).defer("waveform")
    # Last those without a mark, as some of them may wait for ever.
    for copy in removed.order_by("-storage", "pk")[:1000]:
        try:
            is_gone = copy_storage.delete_file(copy, mark)
            still_files.delete(copy)
            part_files.delete(copy)
        except Exception:
            # Storages raise exceptions of their own kinds. The row stays, so that the file is not forgotten.
            logger.exception("The file of removed copy %s could not be deleted", copy.pk)
            return
        if is_gone:
            copy.delete()
