"""Changes of very many runs: a request does some, a worker the rest, and none is lost, repeated or out of order."""

import pytest

from results.models import LargeChange, Run, Source
from results.runs import archive, large_changes, trash
from teams.models import AuditEntry
from tests.factories import make_numbered_runs, make_run, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
RUNS = 35


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch):
    """Let a request change five runs at most, and a turn of the worker too."""
    monkeypatch.setattr(large_changes, "RUNS_AT_ONCE", 10)
    monkeypatch.setattr(large_changes, "_RUNS_PER_CHUNK", 5)
    monkeypatch.setattr(large_changes, "REQUEST_SECONDS", -1)
    monkeypatch.setattr(large_changes, "_PAUSE_SECONDS", 0)


@pytest.fixture
def run_pks(team) -> list[int]:
    make_numbered_runs(team, RUNS)
    return Run.objects.filter(team=team).order_by("pk").pks()


def work_on(steps: int = 100) -> None:
    for _ in range(steps):
        large_changes.go_on_with_all(0)


def entries_of(team) -> list[tuple[str, int]]:
    return list(AuditEntry.objects.filter(team=team).order_by("pk").values_list("kind", "count"))


def test_a_request_removes_some_and_a_worker_the_rest_at_the_same_time(team, run_pks):
    removal = trash.remove_runs(team, run_pks, by="Ann")
    assert removal.count == RUNS
    assert trash.runs_of_removal(team, removal.at).count() == 5
    assert entries_of(team) == [("runs-removed", RUNS)]
    work_on(3)
    assert trash.runs_of_removal(team, removal.at).count() == 20
    work_on()
    assert trash.runs_of_removal(team, removal.at).count() == RUNS
    assert not LargeChange.objects.exists()
    assert entries_of(team) == [("runs-removed", RUNS)]
    assert set(Run.objects.values_list("removed_by", flat=True)) == {"Ann"}


def test_undo_restores_exactly_what_was_removed_and_removes_no_more(team, run_pks):
    archive.archive_runs(team, run_pks[:3])
    trash.remove_runs(team, run_pks[3:4], by="Ben")
    removal = trash.remove_runs(team, run_pks, by="Ann")
    work_on(2)
    trash.undo_removal(team, removal.at)
    work_on()
    assert Run.objects.filter(archived_at=None).count() == RUNS - 4
    assert set(Run.objects.archived().pks()) == set(run_pks[:3])
    assert set(Run.objects.removed().pks()) == {run_pks[3]}


def test_a_killed_step_is_done_once_more_and_counted_once(team, run_pks, monkeypatch):
    removal = trash.remove_runs(team, run_pks, by="Ann")
    whole = large_changes._change_chunk

    def die(*step):
        whole(*step)
        raise KeyboardInterrupt

    monkeypatch.setattr(large_changes, "_change_chunk", die)
    with pytest.raises(KeyboardInterrupt):
        work_on(1)
    assert trash.runs_of_removal(team, removal.at).count() == 5
    monkeypatch.setattr(large_changes, "_change_chunk", whole)
    work_on()
    assert trash.runs_of_removal(team, removal.at).count() == RUNS


def test_later_changes_follow_in_their_order(team, run_pks):
    archive.archive_runs(team, run_pks)
    archive.unarchive_runs(team, run_pks)
    removal = trash.remove_runs(team, run_pks[-1:], by="Ann")
    archive.archive_runs(team, run_pks[:1])
    assert Run.objects.archived().count() == 20  # each request did one step of what was asked for first
    work_on()
    assert set(Run.objects.archived().pks()) == {run_pks[0]}
    assert trash.runs_of_removal(team, removal.at).pks() == run_pks[-1:]
    assert [kind for kind, _count in entries_of(team)] == [
        "runs-archived", "runs-unarchived", "runs-removed", "runs-archived",
    ]  # fmt: skip


def test_changes_go_on_by_the_periodic_task_and_team_by_team(team, run_pks, monkeypatch):
    other = make_team("Other")
    make_numbered_runs(other, 12)
    archive.archive_runs(team, run_pks)
    archive.archive_runs(other, Run.objects.filter(team=other).pks())
    for _ in range(10):
        archive.sync_pending()
    assert Run.objects.current().count() == 0
    assert Run.objects.filter(is_indexed=True, archived_at__isnull=False).count() == 0


def test_a_change_names_runs_of_its_team_only_and_each_once(team, run_pks):
    stranger = make_run(make_team("Other"))
    assert archive.archive_runs(team, [*run_pks, *run_pks[:5], stranger.pk]) == RUNS
    work_on()
    assert list(Run.objects.current()) == [stranger]


def test_what_is_left_of_a_source_is_shown_anew(team, run_pks):
    source = Source.objects.create(team=team)
    left = make_run(team, camb_run_id=9999, source=source)
    Run.objects.filter(pk=run_pks[-1]).update(source=source)
    before = Run.objects.get(pk=left.pk).version
    trash.remove_runs(team, run_pks, by="Ann")
    work_on()
    assert Run.objects.get(pk=left.pk).version > before


def test_a_deleted_team_takes_its_changes_along(team, run_pks):
    archive.archive_runs(team, run_pks)
    team.delete()
    work_on(1)
    assert not LargeChange.objects.exists()
