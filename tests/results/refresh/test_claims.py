"""Leases: which runs a thread may ask about, and how many leases a key may have out."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from unittest.mock import Mock

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from results import clock
from results.models import ApiKey, Run, WorkerHeartbeat
from results.refresh import ask, claims, heartbeat, schedule
from tests.factories import LINE, make_key, make_numbered_runs, make_run, make_runs, make_team

pytestmark = pytest.mark.django_db

READY = {"audio_url": "https://media.example/1.mp3", "transcript": [LINE]}


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.REFRESH_CALLS_PER_KEY, settings.REFRESH_CALLS_PER_SECOND = 2, 1000


@pytest.fixture
def runs(team):
    """200 runs of the team, numbered from 1."""
    return make_numbered_runs(team, 200)


def leased() -> set[int]:
    return set(Run.objects.exclude(lease=None).values_list("pk", flat=True))


def pks(lease: claims.Lease) -> list[int]:
    return [run.pk for run in lease.runs]


def test_a_lease_covers_several_calls_while_much_is_due(team, runs):
    lease = claims.claim(team.pk)
    assert 4 <= len(claims.plan_calls(lease.runs)) <= claims.MAX_CALLS
    assert leased() == set(pks(lease))


def test_a_lease_covers_one_call_at_the_end_of_a_sweep(team, settings):
    settings.REFRESH_CALLS_PER_KEY = 4
    make_numbered_runs(team, 20)
    leases = [claims.claim(team.pk) for _ in range(4)]
    assert [len(lease.runs) for lease in leases] == [5, 5, 5, 5]


def test_a_key_has_no_more_leases_out_than_calls_are_allowed_in_flight(team, runs):
    first, second = claims.claim(team.pk), claims.claim(team.pk)
    assert set(pks(first)).isdisjoint(pks(second))
    assert claims.claim(team.pk) is None
    claims.release(first.id, pks(first))
    assert claims.claim(team.pk)


def test_the_rate_counts_calls_and_not_leases(team, runs, settings, clock):
    settings.REFRESH_CALLS_PER_KEY, settings.REFRESH_CALLS_PER_SECOND = 8, 5
    Run.objects.update(due_at=timezone.now())
    calls = 0
    while lease := claims.claim(team.pk):
        calls += len(claims.plan_calls(lease.runs))
    assert calls == 5
    clock(1)
    assert claims.claim(team.pk)


def test_a_rate_below_one_call_a_second_is_kept_too(team, runs, settings, clock):
    settings.REFRESH_CALLS_PER_SECOND = 0.3
    assert len(claims.plan_calls(claims.claim(team.pk).runs)) == 1
    clock(3)
    assert claims.claim(team.pk) is None
    clock(1)
    assert claims.claim(team.pk)


def test_a_new_key_and_a_key_in_trouble_have_one_lease_out_for_one_call(team, runs):
    ApiKey.objects.update(state="untried")
    assert len(claims.claim(team.pk).runs) == 5
    assert claims.claim(team.pk) is None


def test_keys_take_turns_and_thousands_of_due_runs_take_no_turn_of_another(runs):
    other = make_team()
    make_key(other, "other-key")
    run = make_run(other, camb_run_id=9_000)
    turns = [claims.claim_next().key.team_id for _ in range(3)]
    assert sorted(turns[:2]) == sorted({turns[0], other.pk})
    assert turns[2] != other.pk
    run.refresh_from_db()
    assert run.lease is not None


def test_a_key_for_one_thread_alone_is_leased_with_all_that_is_due(team, settings):
    settings.WORKER_THREADS = 2
    make_numbered_runs(team, 23)
    other = make_team()
    make_key(other, "other-key")
    make_run(other, due_at=timezone.now() - timedelta(hours=1))
    leases = {lease.key.team_id: lease for lease in (claims.claim_next(), claims.claim_next())}
    assert [len(leases[each.pk].runs) for each in (team, other)] == [23, 1]
    assert not any(lease.has_more for lease in leases.values())


def test_nothing_more_is_claimed_of_a_key_whose_due_runs_are_all_leased(camb, team, settings, monkeypatch):
    settings.WORKER_THREADS = 1
    camb.unknown = READY
    make_numbered_runs(team, 5)
    claim = Mock(wraps=claims.claim)
    monkeypatch.setattr(claims, "claim", claim)
    ask.refresh()
    assert claim.call_count == 1
    assert not Run.objects.due(clock.now()).exists()


def test_open_slots_are_counted_over_all_keys_up_to_a_bound(team, runs):
    other = make_team()
    make_key(other, "other-key")
    make_run(other)
    assert (claims.open_slots(16), claims.open_slots(2)) == (3, 2)
    claims.claim(team.pk)
    assert claims.open_slots(16) == 2


def test_runs_are_given_back_only_by_the_lease_that_holds_them(team, runs):
    one, two = claims.claim(team.pk), claims.claim(team.pk)
    first, *rest = pks(one)
    claims.release(one.id, [first, *pks(two)])
    assert leased() == {*rest, *pks(two)}


def test_of_a_message_delivered_twice_only_one_finds_its_runs(team, runs):
    lease = claims.claim(team.pk)
    taken = claims.take(str(lease.id))
    assert sorted(pks(taken)) == sorted(pks(lease))
    assert taken.id != lease.id
    assert claims.take(str(lease.id)) is None


def test_a_claim_finds_the_runs_that_are_due_and_unleased_by_the_rules_of_all(team, worker_process):
    now, second = clock.now(), timedelta(seconds=1)
    dead = now - WorkerHeartbeat.DEAD_AFTER - second
    ahead = now + WorkerHeartbeat.DEAD_AFTER + second
    others = [WorkerHeartbeat.objects.create(name="other", seen_at=seen_at).pk for seen_at in (dead, ahead)]
    for due_at in (None, now - second, now + second):
        for ends_in in (None, -second, second, 3 * Run.LEASE):
            for worker in (None, worker_process, *others):
                lease = {} if ends_in is None else {"lease": uuid.uuid4(), "lease_until": now + ends_in}
                make_run(team, due_at=due_at, leased_by=worker, **lease)
    with transaction.atomic():
        assert {run.pk for run in claims._lock_due(team.pk, now, most=1000)} == set(Run.objects.due(now).pks())
    assert claims._fetch(claims._COUNT_DUE, team.pk, now, most=1000) == [(Run.objects.due(now).count(),)]
    assert claims._fetch(claims._COUNT_LEASES, team.pk, now) == [(Run.objects.leased(now).count(),)]


@pytest.mark.parametrize("lease_id", ["", "not a lease", "5f6f0096-2bb4-425f-a880-f7f6fd44463b"])
def test_a_malformed_or_unknown_lease_id_finds_nothing(team, runs, lease_id):
    assert claims.take(lease_id) is None


def test_runs_that_are_due_longest_are_claimed_first(team, runs):
    now = clock.now()
    for wait, run in enumerate(runs):
        run.due_at = now - timedelta(seconds=wait)
    Run.objects.bulk_update(runs, ["due_at"])
    lease = claims.claim(team.pk)
    assert pks(lease) == [run.pk for run in runs[: -len(lease.runs) - 1 : -1]]


def test_a_lease_goes_back_when_the_key_may_not_be_used_any_more(team, runs):
    lease = claims.claim(team.pk)
    ApiKey.objects.update(retry_at=clock.now() + timedelta(minutes=1))
    assert claims.take(str(lease.id)) is None
    assert leased() == set()


def test_a_run_whose_id_made_calls_fail_twice_is_asked_about_alone(team):
    guilty, *others = make_runs(team, 4)
    Run.objects.filter(pk=guilty.pk).update(call_failures=2)
    assert [pks(claims.claim(team.pk)) for _ in range(2)] == [[run.pk for run in others], [guilty.pk]]


def test_keys_take_turns_although_the_clock_was_set_back(team):
    late = make_key(make_team(), claimed_at=clock.now() + timedelta(hours=1)).team
    for owner in (team, late):
        make_numbered_runs(owner, 50)
    schedule.recover_from_clock_change()
    assert [claims.claim_next().key.team for _ in range(2)] == [team, late]


# --- Workers that die --------------------------------------------------------------------------------


@pytest.fixture
def worker_process(monkeypatch):
    """This process as a worker whose heartbeat has just been stored."""
    monkeypatch.setattr(heartbeat, "worker_id", None)
    monkeypatch.setattr(heartbeat, "held_leases", set())
    heartbeat.beat()
    return heartbeat.worker_id


def test_the_leases_of_a_worker_bind_while_its_heartbeat_is_fresh(team, runs, worker_process):
    lease = claims.claim(team.pk)
    assert set(Run.objects.filter(pk__in=pks(lease)).values_list("leased_by", flat=True)) == {worker_process}
    now = clock.now()
    assert set(pks(lease)).isdisjoint(Run.objects.due(now).pks())
    WorkerHeartbeat.objects.update(seen_at=now - WorkerHeartbeat.DEAD_AFTER - timedelta(seconds=1))
    assert set(pks(lease)) <= set(Run.objects.due(now).pks())
    assert not Run.objects.leased(now).exists()


def test_a_worker_whose_heartbeat_is_late_keeps_its_leases_when_it_claims_more(team, runs, worker_process):
    first = claims.claim(team.pk)
    late = clock.now() - WorkerHeartbeat.DEAD_AFTER - timedelta(seconds=1)
    WorkerHeartbeat.objects.update(seen_at=late)
    second = claims.claim(team.pk)
    assert set(pks(first)).isdisjoint(pks(second))


def test_a_lease_claimed_before_the_first_heartbeat_binds_until_it_ends(team, runs, monkeypatch):
    monkeypatch.setattr(heartbeat, "worker_id", None)
    lease = claims.claim(team.pk)
    heartbeat.beat()
    assert set(pks(lease)).isdisjoint(Run.objects.due(clock.now()).pks())


def test_a_heartbeat_from_the_future_was_written_before_the_clock_was_set_back(team, runs, worker_process):
    claims.claim(team.pk)
    WorkerHeartbeat.objects.update(seen_at=clock.now() + timedelta(hours=1))
    assert Run.objects.due(clock.now()).count() == 200


def test_a_heartbeat_releases_leases_that_the_worker_no_longer_holds(team, runs, worker_process):
    held, lost = claims.claim(team.pk), claims.claim(team.pk)
    claims.forget(lost.id)
    heartbeat.beat()
    assert leased() == set(pks(held))


def test_a_worker_that_stops_leaves_its_runs_to_others_at_once(team, runs, worker_process):
    claims.claim(team.pk)
    heartbeat.stop()
    heartbeat._stopped.clear()
    assert Run.objects.due(clock.now()).count() == 200


@pytest.fixture
def next_worker(worker_process, monkeypatch):
    """Let the worker die, and another one take its place."""

    def replace() -> None:
        WorkerHeartbeat.objects.update(seen_at=clock.now() - timedelta(minutes=1))
        monkeypatch.setattr(heartbeat, "worker_id", None)
        monkeypatch.setattr(heartbeat, "held_leases", set())
        heartbeat.beat()

    return replace


def test_a_run_whose_answer_ends_every_worker_is_left_alone_and_the_others_come(camb, team, next_worker, caplog):
    guilty, *others = make_runs(team, 12)
    asked_with: list[int] = []
    camb.unknown = READY

    def refresh() -> None:
        """Ask about what is due, lease after lease; the worker dies of the answer about the guilty run."""
        while lease := claims.claim(team.pk):
            if guilty.pk in pks(lease):
                asked_with.append(len(lease.runs))
                return
            ask.refresh_lease(lease)

    for _ in range(3):
        refresh()
        next_worker()
    refresh()  # the guilty run and those in its leases wait now
    for _ in range(12):
        Run.objects.filter(due_at__isnull=False, status="new").update(due_at=clock.now() - timedelta(seconds=1))
        refresh()
        next_worker()
    guilty.refresh_from_db()
    assert (guilty.due_at, guilty.lease, guilty.reason) == (None, None, str(claims.FATAL))
    assert set(Run.objects.filter(pk__in=[run.pk for run in others]).values_list("status", "lost_leases")) == {
        ("ready", 0)
    }
    assert asked_with[3:] == [1, 1]
    assert f"Run {guilty.pk} is left alone: 5 workers that asked about it died" in caplog.text
    # A person may have it asked about again, once CAMB.AI or the server has been mended.
    Run.objects.filter(pk=guilty.pk).update(due_at=clock.now())
    ask.refresh_lease(claims.claim(team.pk))
    guilty.refresh_from_db()
    assert (guilty.status, guilty.lost_leases, guilty.reason) == ("ready", 0, "")


def test_runs_of_two_workers_that_died_are_asked_about_at_once_and_together(team, next_worker):
    make_runs(team, 5)
    for _ in range(2):
        claims.claim(team.pk)
        next_worker()
    assert len(claims.claim(team.pk).runs) == 5


def test_a_lease_of_a_web_request_that_ended_counts_for_no_dead_worker(team, monkeypatch):
    monkeypatch.setattr(heartbeat, "worker_id", None)
    make_runs(team, 5)
    for _ in range(6):
        assert len(claims.claim(team.pk).runs) == 5
        Run.objects.update(lease_until=clock.now())
    assert set(Run.objects.values_list("lost_leases", flat=True)) == {0}


def test_a_claim_that_finds_nothing_leaves_no_lease_behind(team, worker_process):
    assert claims.claim(team.pk) is None
    assert claims.take(str(uuid.uuid4())) is None
    assert heartbeat.held_leases == set()


def test_a_refreshed_lease_is_forgotten(camb, team, runs, worker_process):
    camb.unknown = READY
    ask.refresh_lease(claims.claim(team.pk))
    assert (heartbeat.held_leases, leased()) == (set(), set())


@contextmanager
def written_by_another_transaction(rows: QuerySet, **fields: object) -> Iterator[None]:
    """Hold these rows in the open transaction of another thread."""
    written, may_end = Event(), Event()

    def write() -> None:
        with transaction.atomic():
            rows.update(**fields)
            written.set()
            assert may_end.wait(60)
        connection.close()

    writer = Thread(target=write, daemon=True)
    writer.start()
    try:
        assert written.wait(60)
        yield
    finally:
        may_end.set()
        writer.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_a_run_that_another_transaction_is_writing_is_passed_by(team, runs):
    with written_by_another_transaction(Run.objects.filter(pk=runs[0].pk), title="Being written"):
        lease = claims.claim(team.pk)
    assert lease
    assert runs[0].pk not in leased()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_a_key_that_another_thread_claims_from_is_passed_by_while_each_thread_has_its_own(team, runs, settings):
    settings.WORKER_THREADS = 2
    other = make_team()
    make_key(other, "other-key")
    make_run(other)
    with written_by_another_transaction(ApiKey.objects.filter(pk=team.pk), claimed_at=None):
        assert claims.claim_next().key.team_id == other.pk
