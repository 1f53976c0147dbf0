"""The tasks of Celery workers: each takes ids and makes one call, without logic of its own."""

from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from results.db import expired
from results.dubs import checks, speakers
from results.dubs import languages as dub_languages
from results.media import copy_fetch, copy_sync, part_files, still_files
from results.notifications import collect, deliver, mailbox, periodic
from results.queue import beat
from results.queue.backlogs import single_instance
from results.refresh import ask, call_log, circuit_breaker, keys, poison, schedule
from results.runs import archive, retention, source_suggestions, trash
from results.search import saved, titles
from teams import audit


def _also_named(old: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the task by its name in the release before too: that one's beat and messages carry it."""

    def register(run: Callable[..., None]) -> Callable[..., None]:
        shared_task(name=f"results.tasks.{old}")(run)
        return run

    return register


def _background(task: Callable[[], None]) -> Callable[[], None]:
    """Make this a task that runs once at a time in a process, and rests after several workers have died of it."""
    return single_instance(poison.guarded(task))


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
@_also_named("refresh_now")
def refresh_requested(lease: str) -> None:
    ask.refresh_requested(lease)


@shared_task
def recover_from_clock_change() -> None:
    schedule.recover_from_clock_change()
    copy_fetch.recover_from_clock_change()
    deliver.recover_from_clock_change()


@shared_task
def test_key(team_id: int) -> None:
    keys.test_key(team_id)


@shared_task
@_background
def fetch_languages() -> None:
    _run_scheduled("fetch-languages", keys.fetch_languages)


@shared_task
@_also_named("send_search_alerts")
@_background
def match_saved_searches() -> None:
    saved.create_alerts()


@shared_task
@_also_named("check_languages")
@_background
def detect_languages() -> None:
    dub_languages.detect_languages()


@shared_task
@_background
def store_checks() -> None:
    checks.store_pending()


@shared_task
@_background
def apply_speaker_names() -> None:
    speakers.apply_pending()


@shared_task
@_also_named("sync_archived")
@_background
def apply_run_changes() -> None:
    archive.sync_pending()


@shared_task
@_also_named("fold_titles")
@_background
def fill_search_forms() -> None:
    titles.fill_search_forms()


@shared_task
@_background
def suggest_sources() -> None:
    source_suggestions.suggest_pending()


@shared_task
@_background
def sync_copies() -> None:
    copy_sync.sync_copies()


@shared_task
def fetch_copy(lease: str) -> None:
    copy_fetch.fetch_copy(lease)


@shared_task
@_background
def take_stills() -> None:
    """Take missing stills one after the other: while some are left, the next task follows at once."""
    beat.begin_scheduled("take-stills")
    is_more_left = still_files.take_missing()
    seconds = 1 if is_more_left else settings.CELERY_BEAT_SCHEDULE["take-stills"]["schedule"]
    beat.end_scheduled("take-stills", timedelta(seconds=seconds))


@shared_task
@_background
def delete_old_part_files() -> None:
    _run_scheduled("delete-old-part-files", part_files.delete_old)


@shared_task
@_background
def delete_old_calls() -> None:
    _run_scheduled("delete-old-calls", call_log.delete_old)


@shared_task
@_background
def delete_expired() -> None:
    _run_scheduled("delete-expired", expired.delete_expired)


@shared_task
@_background
def apply_retention() -> None:
    _run_scheduled("apply-retention", retention.apply_retention)


@shared_task
@_background
def delete_old_audit_entries() -> None:
    _run_scheduled("delete-old-audit-entries", audit.delete_old)


@shared_task
@_also_named("finish_removals")
@_background
def purge_trash() -> None:
    _run_scheduled("purge-trash", trash.purge_trash)


@shared_task
@_background
def read_bounces() -> None:
    _run_scheduled("read-bounces", mailbox.read_configured)


@shared_task
@_also_named("tell_events")
@_background
def notify() -> None:
    try:
        circuit_breaker.record_outages()
        collect.collect()
    finally:
        # What is written already goes out, whatever went wrong before.
        deliver.enqueue_due()


@shared_task
def deliver_messages(lease: str) -> None:
    deliver.deliver(lease)


@shared_task
@_background
def write_weekly_summaries() -> None:
    _run_scheduled("write-weekly-summaries", periodic.write_weekly)


@shared_task
@_background
def delete_old_events() -> None:
    _run_scheduled("delete-old-events", periodic.delete_old)
