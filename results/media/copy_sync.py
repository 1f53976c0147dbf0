"""Which copies are to be made, and which are to go?"""

import logging
import uuid
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import IntegrityError
from django.utils import timezone

from results.media import copy_fetch, links, part_files, quota
from results.media.copies import without_signature
from results.models import CopyPolicy, Dub, MediaCopy
from results.refresh import claims

logger = logging.getLogger(__name__)

State = MediaCopy.State


def sync_copies() -> None:
    """See what is new, remove what nobody wants any more, and ring for what is due."""
    find_new_media()
    delete_removed()
    copy_fetch.enqueue_due()


def find_new_media() -> None:
    """Note the media of new answers as to be fetched, in the teams that keep copies."""
    for policy in CopyPolicy.objects.filter(is_enabled=True):
        now = timezone.now()
        dubs = Dub.objects.filter(run__team=policy.pk)
        if policy.synced_at:
            # An answer is dated by its asking and may be stored as late as its lease lasts.
            dubs = dubs.filter(run__checked_at__gte=policy.synced_at - claims.LEASE_DURATION - timedelta(minutes=1))
        pks = list(dubs.order_by("pk").values_list("pk", flat=True))
        try:
            for start in range(0, len(pks), 500):
                _want(list(Dub.objects.select_related("run").filter(pk__in=pks[start : start + 500])))
        except IntegrityError:
            continue  # a dub was removed at this very moment; the next look finds the others
        CopyPolicy.objects.filter(pk=policy.pk, synced_at=policy.synced_at).update(synced_at=now)


def _want(dubs: list[Dub]) -> None:
    """Add the copies that these dubs lack, and see that those that there are stand for what is linked now."""
    there = {(copy.dub_id, copy.kind, copy.state): copy for copy in MediaCopy.objects.filter(dub__in=dubs)}
    new = []
    for dub in dubs:
        for kind, url in (("video", dub.video_url), ("audio", dub.audio_url)):
            waiting, kept, failed = (
                there.get((dub.pk, kind, state)) for state in (State.WAITING, State.KEPT, State.FAILED)
            )
            if not links.is_playable(url):
                continue
            under_way = waiting or failed
            if kept and kept.source == without_signature(url):
                if under_way:
                    MediaCopy.objects.filter(pk=under_way.pk).update(dub=None, team=None)
            elif under_way is None:
                # What is kept stays until this takes its place: it may be the last there is.
                new.append(
                    MediaCopy(team_id=dub.team_id, dub=dub, kind=kind, name=f"{dub.team_id}/{uuid.uuid4().hex}")
                )
            elif failed and dub.run.checked_at and dub.run.checked_at > failed.state_at:
                # Whoever refreshed the run since wants it tried again.
                quota.make_due(pk=failed.pk)
    MediaCopy.objects.bulk_create(new, ignore_conflicts=True)


def delete_removed() -> None:
    """Remove the files whose dub is gone."""
    for copy in MediaCopy.objects.unleased(timezone.now()).filter(dub=None)[:1000]:
        try:
            default_storage.delete(copy.name)
            part_files.delete(copy)
        except Exception:
            # Storages fail with errors of their own kinds; the row stays, and with it the memory of the file.
            logger.exception("The file of removed copy %s could not be deleted", copy.pk)
            return
        copy.delete()
