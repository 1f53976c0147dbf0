"""Events are written once, in the transaction of what they tell of, and nothing when nothing happened."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from results import camb as camb_client
from results.models import ApiKey, Event, Run
from results.notifications import sentences
from results.refresh import circuit_breaker, run_events
from results.refresh.run_events import Line
from tests.factories import LINE, make_run, ready

pytestmark = pytest.mark.django_db


@pytest.fixture
def events_after(team, camb, sweep):
    """Have CAMB.AI give these answers about the run, one after the other; return the run's events."""
    run = make_run(team, camb_run_id=7)

    def refresh(*answers):
        for answer in answers:
            camb.runs[7] = answer
            Run.objects.filter(pk=run.pk).update(due_at=run.created_at)
            sweep()
        return list(Event.objects.order_by("pk").values_list("kind", flat=True))

    return refresh


def test_a_run_that_becomes_ready_is_told_once(events_after):
    assert events_after({}, ready(), ready(), ready()) == ["ready"]


def test_a_run_that_failed_is_told_with_the_reason(events_after):
    assert events_after({"status": "ERROR", "exception_reason": "OUT_OF_MEMORY"}) == ["failed"]
    assert Event.objects.get().detail["reason"] == Run.objects.get().reason != ""


def test_a_run_is_told_as_partly_ready_once_with_what_is_missing_and_then_as_ready(events_after):
    partly = {"es-es": ready(), "fr-fr": ready(transcript=None)}
    assert events_after({}, partly, partly, {"es-es": ready(), "fr-fr": ready()}) == ["partly", "ready"]
    event = Event.objects.get(kind="partly")
    assert event.detail == {"missing": {"fr-fr": ["transcript"]}}
    assert sentences.sentence(event) == "French (France): no transcript yet"


def test_a_dub_that_arrives_unfinished_after_the_run_was_ready_is_a_change(events_after):
    assert events_after({"es-es": ready()}, {"es-es": ready(), "fr-fr": ready(audio_url=None)}) == [
        "ready",
        "changed",
    ]


def test_a_transcript_that_changes_after_the_run_was_ready_is_told_with_the_difference(events_after):
    changed = ready(
        transcript=[{**LINE, "text": "The kettle boils."}, {**LINE, "start": 3, "end": 4, "text": "So?"}]
    )
    assert events_after(ready(), changed) == ["ready", "changed"]
    event = Event.objects.get(kind="changed")
    assert (event.at_ms, event.detail) == (
        500,
        {"added": 2, "removed": 1, "before": "The kettle is on.", "after": "The kettle boils."},
    )


def test_an_answer_without_news_costs_no_query_more_for_events(events_after):
    events_after(ready())
    with CaptureQueriesContext(connection) as queries:
        events_after(ready())
    of_events = [
        query["sql"] for query in queries if "results_event" in query["sql"] and "ORDER BY" not in query["sql"]
    ]
    assert of_events == []


def test_an_answer_that_cannot_be_saved_tells_nothing(events_after, monkeypatch):
    def fail(*_):
        raise ValueError("no")

    monkeypatch.setattr("results.refresh.save.next_due", fail)
    assert events_after(ready()) == []


@pytest.mark.parametrize(
    ("old", "new", "at_ms", "detail"),
    [
        ([], [Line(5, "a")], 5, {"added": 1, "removed": 0, "after": "a"}),
        ([Line(5, "a"), Line(9, "b")], [Line(5, "a")], 9, {"added": 0, "removed": 1, "before": "b"}),
        ([Line(9, "b")], [Line(8, "b")], 8, {"added": 0, "removed": 0, "before": "b", "after": "b"}),
    ],
)  # fmt: skip
def test_the_first_line_that_differs_is_named(old, new, at_ms, detail):
    assert run_events.compare_lines("es", old, new) == ("es", at_ms, detail)


# --- The key and the service ---------------------------------------------------------------------------


def key_events():
    return [(event.kind, event.detail["state"]) for event in Event.objects.order_by("pk")]


def key_of(team) -> ApiKey:
    return ApiKey.objects.get(pk=team.pk)


def test_a_refused_key_is_told_once_and_then_that_it_works_again(team):
    for _ in range(2):
        circuit_breaker.record_failure(key_of(team), refusal())
    assert key_events() == [("key", "refused")]
    circuit_breaker.record_success(key_of(team))
    circuit_breaker.record_success(key_of(team))
    assert key_events() == [("key", "refused"), ("key", "working")]


def refusal():
    return camb_client.Refused("CAMB.AI refused the key.", http_status=401)


def outage():
    return camb_client.Unavailable("CAMB.AI did not answer.")


def test_an_absence_is_told_once_it_has_lasted_and_then_its_end(team, clock):
    circuit_breaker.record_failure(key_of(team), outage(), is_test=True)
    circuit_breaker.record_outages()
    assert key_events() == []
    clock(circuit_breaker.OUTAGE_AFTER / timedelta(seconds=1))
    circuit_breaker.record_outages()
    circuit_breaker.record_outages()
    assert key_events() == [("away", "unavailable")]
    circuit_breaker.record_success(key_of(team))
    assert key_events() == [("away", "unavailable"), ("away", "working")]


def test_a_short_absence_is_told_to_no_one(team, clock):
    circuit_breaker.record_failure(key_of(team), outage(), is_test=True)
    circuit_breaker.record_success(key_of(team))
    clock(3600)
    circuit_breaker.record_outages()
    assert key_events() == []
