"""Brings the list of copies in line with the media that dubs link to, and deletes removed copies."""

import logging
import uuid
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import IntegrityError

from results import clock
from results.media import copy_fetch, links, part_files, quota
from results.media.copies import without_signature
from results.models import CopyPolicy, Dub, MediaCopy
from results.refresh import claims

logger = logging.getLogger(__name__)

State = MediaCopy.State


def sync_copies() -> None:
    """Add copies of new media, delete the files of removed copies, and enqueue the copies that are due."""
    find_new_media()
    delete_removed()
    copy_fetch.enqueue_due()


def find_new_media() -> None:
    """Add a waiting copy for each medium in results stored since the last sync, for the teams that keep copies."""
    for policy in CopyPolicy.objects.filter(is_enabled=True):
        now = clock.now()
        dubs = Dub.objects.filter(run__team=policy.pk)
        if policy.synced_at:
            # `checked_at` is when CAMB.AI was asked; its answer may be stored as late as the lease lasts.
            dubs = dubs.filter(run__checked_at__gte=policy.synced_at - claims.LEASE_DURATION - timedelta(minutes=1))
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
    """Delete the files and rows of up to 1,000 copies whose dub is gone."""
    for copy in MediaCopy.objects.unleased(clock.now()).filter(dub=None)[:1000]:
        try:
            default_storage.delete(copy.name)
            part_files.delete(copy)
        except Exception:
            # Storages raise exceptions of their own kinds. The row stays, so that the file is not forgotten.
            logger.exception("The file of removed copy %s could not be deleted", copy.pk)
            return
        copy.delete()
