"""Stored review checks: what a worker stores, what makes it outdated, and dismissals of many checks at once."""

import pytest
from django.utils import timezone

from results import camb
from results.dubs import checks
from results.dubs import languages as dub_languages
from results.models import Cue, DismissedCheck, Dub, OpenCheck, Run
from results.refresh import merge
from results.runs import archive
from results.runs.trash import delete_run
from results.transcripts.review import Kind
from teams.models import AuditEntry
from tests.factories import make_dub, make_key, make_ready_run, make_run, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
FAST = "x" * 70


@pytest.fixture
def dub():
    return make_dub(make_ready_run(make_team()), [FAST, "fine", "", FAST], "es-mx", is_language_detected=True)


def stored(dub: Dub) -> list[tuple[int, str]]:
    return [(row.position, row.kind) for row in dub.open_checks.order_by("position", "severity")]


def count_of(dub: Dub) -> int:
    return Run.objects.get(pk=dub.run_id).check_count


def test_a_worker_stores_the_checks_and_counts_those_of_the_run(dub):
    other = make_dub(dub.run, [FAST], "de-de", is_language_detected=True)
    checks.store_pending()
    assert stored(dub) == [(1, "fast"), (3, "empty"), (4, "fast")]
    assert stored(other) == [(1, "fast")]
    assert count_of(dub) == 4
    row = dub.open_checks.get(position=1)
    assert (row.amount, row.allowed, row.start_ms, row.language) == (35, 20, 0, "es")
    assert (row.team_id, row.run_id, row.severity) == (dub.team_id, dub.run_id, Kind.FAST.severity)


def test_the_language_is_read_before_the_checks_are_made(dub):
    Dub.objects.update(is_language_detected=False)
    checks.store_pending()
    assert stored(dub) == []
    Dub.objects.update(is_language_detected=True, foreign_lines=[[2, 2, "de"]])
    checks.store_pending()
    assert (2, "foreign") in stored(dub)


def test_refreshing_comes_before_a_backlog_of_checks(dub, monkeypatch, enqueued):
    monkeypatch.setattr(checks, "DUBS_WHILE_BUSY", 2)
    for language in ("de-de", "fr-fr"):
        make_dub(dub.run, [FAST], language, is_language_detected=True)
    make_key(dub.team)
    due = make_run(dub.team)
    checks.store_pending()
    assert Dub.objects.filter(has_current_checks=False).count() == 1
    assert enqueued == []  # the next come with beat's tick
    Run.objects.filter(pk=due.pk).update(due_at=None)
    checks.store_pending()
    assert not Dub.objects.filter(has_current_checks=False).exists()


def test_checks_that_stay_keep_their_rows(dub):
    checks.store_pending()
    kept = dub.open_checks.get(position=4).pk
    dub.cues.filter(position=1).update(text="fine now")
    checks.set_limits(dub.team, overlap_ms=None)
    checks.store_pending()
    assert stored(dub) == [(3, "empty"), (4, "fast")]
    assert dub.open_checks.get(position=4).pk == kept
    assert count_of(dub) == 2


def test_other_limits_are_applied_in_the_background(dub, enqueued):
    checks.store_pending()
    checks.set_limits(dub.team, speed=50)
    assert ("store_checks",) in enqueued
    checks.store_pending()
    assert stored(dub) == [(3, "empty")]
    checks.reset_limits(dub.team)
    checks.store_pending()
    assert (4, "fast") in stored(dub)


def test_a_refresh_that_changes_lines_or_a_language_outdates_the_checks(dub):
    checks.store_pending()
    given = camb.DubAnswer("es-mx", "", "https://x.example/a", (camb.CueAnswer(0, 2000, "Anna", FAST),))
    merging = merge.Merge([dub.run])
    merging.merge(dub.run, camb.RunAnswer(dub.run.camb_run_id or 0, (given,), "", (), b"{}"), timezone.now())
    merging.write()
    assert Dub.objects.get(pk=dub.pk).has_current_checks is False
    dub_languages.detect_languages()
    checks.store_pending()
    assert stored(dub) == [(1, "fast")]
    dub_languages.set_language(dub.run, dub, "de-de")
    dub_languages.detect_languages()
    checks.store_pending()
    assert set(OpenCheck.objects.values_list("language", flat=True)) == {"de"}


def test_the_checks_of_an_archived_run_are_gone_until_it_is_restored(dub):
    checks.store_pending()
    archive.archive_runs(dub.team, [dub.run_id])
    archive.sync_pending()
    assert stored(dub) == []
    checks.store_pending()
    assert stored(dub) == []
    archive.unarchive_runs(dub.team, [dub.run_id])
    archive.sync_pending()
    checks.store_pending()
    assert len(stored(dub)) == count_of(dub) == 3


def test_a_removed_run_leaves_no_checks(dub):
    checks.store_pending()
    delete_run(dub.run)
    assert not OpenCheck.objects.exists()


def test_one_turn_is_bounded_and_another_follows(dub, enqueued, monkeypatch):
    for _ in range(checks._DUBS_PER_CHUNK):
        make_dub(make_ready_run(dub.team), [FAST], is_language_detected=True)
    monkeypatch.setattr(checks, "MAX_SECONDS", 0)
    checks.store_pending()
    assert OpenCheck.objects.count() == checks._DUBS_PER_CHUNK
    assert enqueued == [("store_checks",)]
    checks.store_pending()
    assert Dub.objects.filter(has_current_checks=False).count() == 0


# --- What people decide ------------------------------------------------------------------------------


def test_a_dismissal_is_stored_at_once(dub):
    checks.store_pending()
    cue = Cue.objects.select_related("dub").get(dub=dub, position=1)
    checks.dismiss(cue, Kind.FAST, "Sung", make_user())
    assert (stored(dub), count_of(dub)) == ([(3, "empty"), (4, "fast")], 2)
    checks.reopen(cue, Kind.FAST)
    told = AuditEntry.objects.order_by("pk").values_list("detail", flat=True)
    assert [detail.rpartition(", ")[2] for detail in told] == [f"line {cue.position}"] * 2
    assert count_of(dub) == 3


def test_all_checks_of_a_kind_in_a_dub_are_dismissed_and_brought_back(dub):
    checks.store_pending()
    kim = make_user()
    checks.dismiss(dub.cues.select_related("dub").get(position=4), Kind.FAST, "Sung", kim)
    dub.cues.filter(position=2).update(text="y" * 70)
    count, at = checks.dismiss_all(dub, Kind.FAST, "Intended", kim)
    assert count == 2
    assert stored(dub) == [(3, "empty")]
    assert sorted(DismissedCheck.objects.values_list("reason", flat=True)) == ["Intended", "Intended", "Sung"]
    checks.reopen_all(dub, Kind.FAST, at)
    assert stored(dub) == [(1, "fast"), (2, "fast"), (3, "empty")]
    assert DismissedCheck.objects.get().reason == "Sung"


def test_a_stretch_of_foreign_lines_is_dismissed_alone(dub):
    Dub.objects.filter(pk=dub.pk).update(foreign_lines=[[1, 2, "de"], [4, 4, "de"]])
    dub.refresh_from_db()
    assert (checks.stretch_of(dub, 2), checks.stretch_of(dub, 3)) == (range(1, 3), None)
    checks.dismiss_all(dub, Kind.FOREIGN, "Quoted", make_user(), range(1, 3))
    assert [place for place in stored(dub) if place[1] == "foreign"] == [(4, "foreign")]
