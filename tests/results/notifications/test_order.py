"""A reader who has read up to an event misses none: a team's ids are in the order of the commits."""

import random
import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from results import camb as camb_client
from results import clock
from results.media import quota
from results.models import CopyPolicy, Event, Receiver, SavedSearch, TeamVersion
from results.notifications import deliver, periodic
from results.refresh import circuit_breaker
from results.search import saved
from tests.dashboard.api.test_api import script_of
from tests.factories import make_dub, make_ready_run, make_run, ready

WRITERS, EVENTS = 4, 15


@contextmanager
def statements():
    """Note the statements that count a change or insert an event, in their order."""
    seen: list[str] = []

    def note(execute, sql, params, many, context):
        tables = ("UPDATE results_teamversion", "INSERT INTO results_event ")
        seen.extend(table.split()[0] for table in tables if sql.replace('"', "").startswith(table))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


def refresh(team, sweep, camb) -> None:
    make_run(team, camb_run_id=7)
    camb.runs[7] = ready()
    sweep()


def key(team, *_) -> None:
    circuit_breaker.record_failure(team.api_key, camb_client.Refused("No.", http_status=401))
    team.api_key.refresh_from_db()


def copies(team, *_) -> None:
    CopyPolicy.objects.create(team=team, quota_bytes=1)
    quota.record_copies_stopped(team.pk, "quota", "Full.")


def found(team, *_) -> None:
    dub = make_dub(make_ready_run(team), ["Hola"], "es")
    search = SavedSearch.objects.create(team=team, owner=team.memberships.get().user, q="hola")
    with transaction.atomic():
        saved._record_found(dub, [(search, 1)])


def off(team, *_) -> None:
    deliver.switch_off(Receiver.objects.create(team=team, way="webhook", name="Hook"), "HTTP 410.")


def weekly(team, *_) -> None:
    periodic._write_weekly(team.pk, {"ready": 1}, clock.now())


@pytest.mark.django_db
@pytest.mark.parametrize("write", [refresh, key, copies, found, off, weekly])
def test_each_event_is_inserted_behind_the_lock_of_its_team(team, sweep, camb, write):
    with statements() as seen:
        write(team, sweep, camb)
    assert Event.objects.exists()
    assert "UPDATE" in seen[: seen.index("INSERT")]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_script_misses_no_event_while_others_commit_late(team):
    script, seen, after = script_of(team), [], 0
    failures: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(EVENTS):
                with transaction.atomic():
                    TeamVersion.bump(team.pk)
                    Event.objects.create(team=team, kind="away", detail={"state": "unavailable"})
                    time.sleep(random.random() / 100)  # commits late
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    while True:
        is_over = not any(writer.is_alive() for writer in writers)
        page = script.get("/events", after=after, limit=7).json()
        seen += [event["id"] for event in page["events"]]
        after = page["next"]
        if is_over and not page["events"]:
            break
    assert failures == []
    assert seen == list(Event.objects.order_by("pk").values_list("pk", flat=True))
    assert len(seen) == WRITERS * EVENTS
