"""The tasks of Celery workers: each takes ids and makes one call, without logic of its own."""

from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from results import beat
from results.dubs import languages as dub_languages
from results.dubs import speakers
from results.media import copy_fetch, copy_sync, part_files
from results.refresh import ask, call_log, keys, schedule
from results.runs import archive, remove, source_suggestions
from results.search import saved, titles


def _run_scheduled(name: str, run: Callable[[], object]) -> None:
    """Run a task that beat sends seldom, and note when it is due again; one that fails is due after ten minutes."""
    beat.begin_scheduled(name)
    run()
    beat.end_scheduled(name, timedelta(seconds=settings.CELERY_BEAT_SCHEDULE[name]["schedule"]))


@shared_task
def refresh_due() -> None:
    ask.enqueue_due()


@shared_task
def refresh() -> None:
    ask.refresh()


@shared_task
def refresh_now(lease: str) -> None:
    ask.refresh_now(lease)


@shared_task
def recover_from_clock_change() -> None:
    schedule.recover_from_clock_change()


@shared_task
def test_key(team_id: int) -> None:
    keys.test_key(team_id)


@shared_task
def fetch_languages() -> None:
    _run_scheduled("fetch-languages", keys.fetch_languages)


@shared_task
def send_search_alerts() -> None:
    saved.create_alerts()


@shared_task
def check_languages() -> None:
    dub_languages.check_languages()


@shared_task
def apply_speaker_names() -> None:
    speakers.apply_pending()


@shared_task
def sync_archived() -> None:
    archive.sync_pending()


@shared_task
def fold_titles() -> None:
    titles.fold_pending()


@shared_task
def suggest_sources() -> None:
    source_suggestions.suggest_pending()


@shared_task
def sync_copies() -> None:
    copy_sync.sync_copies()


@shared_task
def fetch_copy(lease: str) -> None:
    copy_fetch.fetch_copy(lease)


@shared_task
def delete_old_part_files() -> None:
    _run_scheduled("delete-old-part-files", part_files.delete_old)


@shared_task
def delete_old_calls() -> None:
    _run_scheduled("delete-old-calls", call_log.delete_old)


@shared_task
def finish_removals() -> None:
    _run_scheduled("finish-removals", remove.finish_removals)
