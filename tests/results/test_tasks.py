"""A worker knows each renamed task by its name in the release before too."""

import pytest
from celery import current_app

from results import tasks

RENAMED = [
    ("check_languages", "detect_languages"),
    ("finish_removals", "purge_trash"),
    ("fold_titles", "fill_search_forms"),
    ("sync_archived", "apply_run_changes"),
    ("send_search_alerts", "match_saved_searches"),
    ("refresh_now", "refresh_requested"),
    ("tell_events", "notify"),
]


@pytest.mark.parametrize(("old", "new"), RENAMED)
def test_a_task_is_known_by_its_name_in_the_release_before(old, new):
    assert current_app.tasks[f"results.tasks.{old}"].run is getattr(tasks, new).run
