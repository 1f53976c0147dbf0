"""How does work reach a Celery worker? Ids in, one call, no logic."""

from celery import shared_task

from results import archiving, history, keys, refresh, speakers, tracking
from results.copies import fetching, parts, tending
from results.search import saved


@shared_task
def refresh_due() -> None:
    refresh.ring_due()


@shared_task
def refresh_batch(lease: str) -> None:
    refresh.refresh_batch(lease)


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
    archiving.settle_next()


@shared_task
def tend_copies() -> None:
    tending.tend()


@shared_task
def fetch_copy(lease: str) -> None:
    fetching.fetch(lease)


@shared_task
def drop_old_parts() -> None:
    parts.drop_old()


@shared_task
def forget_old_calls() -> None:
    history.forget_old()


@shared_task
def finish_removals() -> None:
    tracking.finish_removals()
