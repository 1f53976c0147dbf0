"""How does work reach a Celery worker? Ids in, one call, no logic."""

from celery import shared_task

from results import speakers
from results.media import copy_fetch, copy_sync, part_files
from results.refresh import ask, calls, keys
from results.runs import archive, remove
from results.search import saved


@shared_task
def refresh_due() -> None:
    ask.enqueue_due()


@shared_task
def refresh_batch(lease: str) -> None:
    ask.refresh_batch(lease)


@shared_task
def test_key(team_id: int) -> None:
    keys.test_key(team_id)


@shared_task
def fetch_languages() -> None:
    keys.fetch_languages()


@shared_task
def send_search_alerts() -> None:
    saved.send_alerts()


@shared_task
def apply_speaker_names() -> None:
    speakers.apply_pending()


@shared_task
def sync_archived() -> None:
    archive.sync_pending()


@shared_task
def sync_copies() -> None:
    copy_sync.sync_copies()


@shared_task
def fetch_copy(lease: str) -> None:
    copy_fetch.fetch_copy(lease)


@shared_task
def delete_old_part_files() -> None:
    part_files.delete_old()


@shared_task
def delete_old_calls() -> None:
    calls.delete_old()


@shared_task
def finish_removals() -> None:
    remove.finish_removals()
