"""How does work reach a Celery worker? Ids in, one call, no logic."""

from celery import shared_task

from results import speakers
from results.media import copy_fetch, copy_sync, part_files
from results.refresh import ask, calls, keys
from results.runs import archive, remove
from results.search import saved


@shared_task
def refresh_due() -> None:
    ask.ring_due()


@shared_task
def refresh_batch(lease: str) -> None:
    ask.refresh_batch(lease)


@shared_task
def test_key(team_id: int) -> None:
    keys.test(team_id)


@shared_task
def learn_languages() -> None:
    keys.learn_languages()


@shared_task
def tell_saved_searches() -> None:
    saved.tell()


@shared_task
def settle_speakers() -> None:
    speakers.settle_next()


@shared_task
def settle_archived() -> None:
    archive.settle_next()


@shared_task
def tend_copies() -> None:
    copy_sync.tend()


@shared_task
def fetch_copy(lease: str) -> None:
    copy_fetch.fetch(lease)


@shared_task
def drop_old_parts() -> None:
    part_files.drop_old()


@shared_task
def forget_old_calls() -> None:
    calls.forget_old()


@shared_task
def finish_removals() -> None:
    remove.finish_removals()
