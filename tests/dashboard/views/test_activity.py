"""The Activity page and its poll, and the call history of a run."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.pages import activity
from dashboard.views.runs import history
from results import clock
from results.dubs import languages as dub_languages
from results.models import Attempt, Call, Run, TeamVersion, WorkerHeartbeat
from results.refresh.call_stats import CallSummary, ResponseTimes, TimeStep
from results.runs.request import RefreshProgress
from teams.models import Membership, Team
from tests.dashboard.page_helpers import signed_in, text_of_html
from tests.factories import (
    make_dub,
    make_key,
    make_member,
    make_ready_run,
    make_run,
    make_team,
    make_user,
    make_worker,
)

pytestmark = pytest.mark.django_db

Outcome = Call.Outcome
HOSTILE = "<script>alert('x')</script>{{ 1 }}\u202e" + "w" * 5000


def viewer_of(team: Team) -> Client:
    return signed_in(make_member(team, Membership.Role.VIEWER))


def make_call(team: Team, *runs: Run, age: float = 0, change: str = "", **fields) -> Call:
    """Make a call that was made `age` seconds ago, with an attempt on each run."""
    at = timezone.now() - timedelta(seconds=age)
    fields = {"ms": 200, "http_status": 200, "outcome": Outcome.ANSWERED, "run_count": len(runs)} | fields
    call = Call.objects.create(team=team, at=at, **fields)
    for run in runs:
        Attempt.objects.create(call=call, run=run, change=change)
    return call


def activity_html(client: Client, team: Team, query: str = "") -> str:
    """Return the HTML of the team's Activity page."""
    response = client.get(f"/t/{team.slug}/activity/{query}")
    assert response.status_code == 200
    return response.content.decode()


def section(html: str, id: str) -> str:
    """Return the page from this element to the next one that the poll replaces."""
    return re.split(r'id="activity-\w+"', html.split(f'id="{id}"')[1])[0]


# --- Access ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/t/{slug}/activity/", "/t/{slug}/activity/live/"])
def test_the_activity_page_is_for_the_team_only(address):
    team = make_team()
    address = address.format(slug=team.slug)
    assert Client().get(address).status_code == 302
    assert signed_in(make_user()).get(address).status_code == 404
    assert viewer_of(team).get(address).status_code == 200
    assert viewer_of(team).post(address).status_code == 405


@pytest.mark.parametrize("address", ["/runs/{pk}/history/", "/runs/{pk}/history/rows/"])
def test_a_history_is_for_the_runs_team_only(address):
    run = make_run()
    address = address.format(pk=run.pk)
    assert Client().get(address).status_code == 302
    assert signed_in(make_user()).get(address).status_code == 404
    assert viewer_of(run.team).get(address).status_code == 200


def test_another_teams_calls_are_not_shown():
    team, other = make_team(), make_team()
    make_call(other, make_run(other, title="Secret of the others"))
    html = activity_html(viewer_of(team), team)
    assert "Secret of the others" not in html
    assert "No calls about runs yet" in html


# --- The page ----------------------------------------------------------------------------------------


def test_a_team_without_calls_is_told_the_next_step():
    team = make_team()
    html = activity_html(signed_in(make_member(team)), team)
    assert "<svg viewBox" not in html
    assert f'href="/t/{team.slug}/runs/add/"' in html
    assert "/runs/add/" not in activity_html(viewer_of(team), team)


@pytest.mark.parametrize(("query", "bars"), [("", 60), ("?range=1h", 60), ("?range=24h", 48), ("?range=7d", 84)])
def test_the_chart_and_its_table_count_the_calls(query, bars):
    team = make_team()
    for age in (0, 1, 2):
        make_call(team, age=age)
    make_call(team, age=1, outcome=Outcome.UNAVAILABLE, http_status=503)
    html = activity_html(viewer_of(team), team, query)
    svg = html.split('id="chart-title"')[1].split("</svg>")[0]
    numbers = [tuple(map(int, found)) for found in re.findall(r": (\d+) answered, (\d+) failed</title>", svg)]
    assert len(numbers) == bars
    assert tuple(map(sum, zip(*numbers, strict=True))) == (3, 1)
    assert "3 answered, 1 failed." in svg
    cells = re.findall(r'class="number">([^<]+)</td>', section(html, "activity-steps"))
    assert (sum(map(int, cells[::4])), sum(map(int, cells[1::4]))) == (3, 1)
    assert set(cells[2::4] + cells[3::4]) == {"200 ms"}
    assert " style=" not in html


def test_a_bar_is_as_high_as_its_calls():
    steps = [TimeStep(datetime(2026, 1, 1, tzinfo=UTC), *counts) for counts in ((0, 0), (5, 15), (40, 0))]
    chart = activity.Chart.of(CallSummary(steps, [], None), activity.PERIODS[0])
    assert (chart.top, chart.scale, chart.width) == (40, ("40", "20"), 30)
    assert [bar[:5] for bar in chart.bars] == [
        (0, "100.00", "0.00", "100.00", "0.00"),
        (10, "87.50", "12.50", "50.00", "37.50"),
        (20, "0.00", "100.00", "0.00", "0.00"),
    ]
    assert [bar.label for bar in chart.bars] == [
        "2 min ago: 0 answered, 0 failed",
        "1 min ago: 5 answered, 15 failed",
        "now: 40 answered, 0 failed",
    ]
    assert chart.steps == [steps[2], steps[1]]


def test_one_failure_among_thousands_is_at_least_3_px_high():
    steps = [TimeStep(datetime(2026, 1, 1, tzinfo=UTC), *counts) for counts in ((4000, 1), (3999, 1))]
    for bar in activity.Chart.of(CallSummary(steps, [], None), activity.PERIODS[0]).bars:
        failed_px, ends = float(bar.failed_height) * 120 / 100, float(bar.failed_y)
        assert failed_px >= 3
        assert ends >= 0
        assert float(bar.answered_y) == pytest.approx(ends + float(bar.failed_height), abs=0.02)


def test_response_times_are_lines_that_break_where_nothing_was_answered():
    def step(median_ms: int = 0, p95_ms: int = 0) -> TimeStep:
        times = ResponseTimes(median_ms, p95_ms, 1) if p95_ms else None
        return TimeStep(datetime(2026, 1, 1, tzinfo=UTC), 1, 0, times)

    steps = [step(100, 400), step(200, 400), step(), step(300, 1300)]
    chart = activity.TimesChart.of(steps, activity.PERIODS[0])
    assert chart is not None
    assert (chart.width, chart.scale) == (40, ("2 s", "1 s"))
    assert chart.median == "M0 95.00H10V90.00H20M30 85.00H40"
    assert chart.p95 == "M0 80.00H10V80.00H20M30 35.00H40"
    assert [point.label for point in chart.points] == [
        "3 min ago: median 100 ms, 95th percentile 400 ms",
        "2 min ago: median 200 ms, 95th percentile 400 ms",
        "now: median 300 ms, 95th percentile 1,300 ms",
    ]
    assert activity.TimesChart.of([step()], activity.PERIODS[0]) is None


def test_the_scale_is_short_enough_to_stand_beside_the_grid():
    assert [activity._short(top) for top in (2, 40, 100, 1500, 30_000, 400_000, 8_000_000)] == [
        "2", "40", "100", "1.5k", "30k", "400k", "8M",
    ]  # fmt: skip


def test_bars_begin_at_the_readers_own_hours():
    zone = ZoneInfo("Asia/Kathmandu")  # 5:45 ahead
    window = activity.get_period("7d", datetime(2026, 1, 1, tzinfo=UTC), zone).window
    now = datetime(2026, 1, 1, 9, 50, tzinfo=UTC)
    starts = [window.start(number).astimezone(zone) for number in window.numbers(now)]
    assert {(start.hour % 2, start.minute) for start in starts} == {(0, 0)}
    assert starts[-1] <= now < starts[-1] + timedelta(hours=2)


def test_calls_and_ready_runs_are_counted_in_the_readers_steps(team, reader, client):
    reader.time_zone = "Asia/Kathmandu"
    reader.save()
    make_call(team, age=5)
    now = timezone.now()
    make_run(team, status="ready", due_at=None, changed_at=now, checked_at=now)
    make_run(team, status="ready", due_at=None, changed_at=now - timedelta(days=9), checked_at=now)
    html = activity_html(client, team, "?range=7d")
    assert "1 run became ready" in html
    assert "now: 1 run</title>" in html or "2 h ago: 1 run</title>" in html
    assert (
        sum(int(n) for n in re.findall(r": (\d+) answered, 0 failed</title>", html.split('id="chart-title"')[1]))
        == 1
    )


def test_the_strip_shows_each_half_hour_of_a_day():
    steps = [TimeStep(datetime(2026, 1, 1, tzinfo=UTC), *counts) for counts in ((0, 0), (1, 0), (1, 1), (0, 2))]
    assert [cell.state for cell in activity.day_cells(steps, 1800)] == ["none", "answered", "mixed", "failed"]


def test_an_outage_is_one_line_and_other_calls_stay_single(team, reader, client):
    run = make_run(team, title="Harbour")
    make_call(team, run, age=9000)
    for age in (7200, 7000, 6720):
        make_call(team, run, age=age, http_status=None, outcome=Outcome.UNAVAILABLE, message="No answer in time.")
    for age in (600, 500):
        make_call(team, run, age=age, http_status=404, outcome=Outcome.REFUSED, message="No such run.")
    make_call(team, age=400, http_status=503, outcome=Outcome.UNAVAILABLE, message="Down.")
    html = section(activity_html(client, team), "activity-calls")
    began, ended = (timezone.localtime(timezone.now() - timedelta(seconds=age), UTC) for age in (7200, 6720))
    assert html.count("<tr") == 1 + 5
    text = text_of_html(html)
    assert f"CAMB.AI did not answer {began:%H:%M} – {ended:%H:%M} , 3 calls No answer in time." in text
    assert text.count("No such run.") == 2


def test_the_incidents_of_a_day_are_told_in_one_line_each(team, reader, client):
    for age in (7200, 7000, 6720):
        make_call(team, age=age, http_status=None, outcome=Outcome.UNAVAILABLE)
    make_call(team, age=6800)  # an answer amid an outage does not end it
    for age in (90, 60, 30):
        make_call(team, age=age, http_status=404, outcome=Outcome.REFUSED)  # about single runs: no incident
    make_call(team, age=20, http_status=503, outcome=Outcome.UNAVAILABLE)
    for age in (40 * 3600, 40 * 3600 - 9):
        make_call(team, age=age, http_status=429, outcome=Outcome.UNAVAILABLE)
    html = section(activity_html(client, team), "activity-summary")
    lines = re.findall(r"<li>(.*?)</li>", html.split('class="incidents"')[1].split("</ul>")[0], re.DOTALL)
    began, ended = (timezone.localtime(timezone.now() - timedelta(seconds=age), UTC) for age in (7200, 6720))
    assert [text_of_html(line) for line in lines] == [
        f"CAMB.AI did not answer {began:%H:%M} – {ended:%H:%M} , 3 calls"
    ]


def test_an_outage_of_many_calls_does_not_hide_what_was_before_it(team, reader, client, monkeypatch):
    monkeypatch.setattr(activity, "PAGE_SIZE", 2)
    make_call(team, age=9000, ms=4321)
    for age in range(100, 130):
        make_call(team, age=age, http_status=503, outcome=Outcome.UNAVAILABLE)
    html = section(activity_html(client, team), "activity-calls")
    assert "30 calls" in html
    assert "4,321 ms" in html
    assert 'rel="next"' not in html


@pytest.mark.parametrize(
    ("number", "top"), [(0, 2), (2, 2), (3, 4), (11, 20), (99, 100), (100, 100), (101, 200), (2001, 3000)]
)
def test_the_scale_ends_with_a_number_that_reads_well(number, top):
    assert activity._round_up(number) == top
    assert top % 2 == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "now"), (60, "1 min ago"), (5400, "1 h 30 min ago"), (93600, "1 d 2 h ago")]
)
def test_ages_are_given_in_days_hours_and_minutes(seconds, text):
    assert activity._ago(seconds) == text


def test_a_call_shows_its_runs_and_its_outcome():
    team = make_team()
    run = make_run(team, title="Harbour Lights")
    make_call(team, run, ms=1234, http_status=None, outcome=Outcome.UNAVAILABLE, message=HOSTILE, run_count=3)
    html = section(activity_html(viewer_of(team), team), "activity-calls")
    assert f'href="/runs/{run.pk}/"' in html
    assert "no answer" in html
    assert "1,234 ms" in html
    assert 'class="status failed"' in html
    assert "CAMB.AI failed" in html
    assert "2 runs removed since" in html
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "w" * 300 not in html


def test_failures_are_counted_by_outcome_and_status():
    team = make_team()
    make_call(team, outcome=Outcome.REFUSED, http_status=401)
    make_call(team, outcome=Outcome.UNAVAILABLE, http_status=None)
    make_call(team, outcome=Outcome.UNAVAILABLE, http_status=None)
    text = text_of_html(section(activity_html(viewer_of(team), team), "activity-next"))
    assert "CAMB.AI failed no answer 2 Refused HTTP 401 1" in text


def test_the_ten_next_checks_are_listed_soonest_first():
    team = make_team()
    now = timezone.now()
    for minutes in range(-1, 13):
        make_run(team, title=f"due {minutes}", due_at=now + timedelta(minutes=minutes))
    make_run(team, title="finished", due_at=None)
    html = section(activity_html(viewer_of(team), team), "activity-next")
    assert re.findall(r"<bdi>(.*?)</bdi>", html) == [f"due {minutes}" for minutes in range(-1, 9)]
    assert "2 due now · 14 unfinished" in text_of_html(html)


def test_only_leases_of_live_workers_count_as_being_asked(team, reader, client):
    worker = WorkerHeartbeat.objects.create(name="worker", seen_at=timezone.now())
    lease = {"lease": uuid4(), "lease_until": timezone.now() + timedelta(seconds=30)}
    make_run(team, **lease, leased_by=worker.pk)
    make_run(team, **lease)
    assert "2 being checked" in text_of_html(activity_html(client, team))
    worker.delete()
    assert "1 being checked" in text_of_html(activity_html(client, team))


def test_the_next_checks_go_by_the_clock_of_the_database(team, reader, client, monkeypatch):
    ahead = timezone.now() + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: ahead)
    make_run(team, due_at=ahead - timedelta(minutes=1))
    assert "1 due now" in text_of_html(activity_html(client, team))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (None, "This team has no CAMB.AI key yet"),
        ({"state": "working"}, "Working No calls yet"),
        (
            {"state": "refused", "message": "CAMB.AI refused the key <b>. Paste another."},
            "Refused CAMB.AI refused the key &lt;b&gt;. Paste another. See the team's key No calls yet · next call",
        ),
    ],
)
def test_the_state_of_the_key_is_shown(fields, text):
    team = make_team()
    if fields:
        if "message" in fields:
            fields = fields | {"retry_at": timezone.now() + timedelta(minutes=5)}
        make_key(team, **fields)
    assert text in text_of_html(section(activity_html(viewer_of(team), team), "activity-next"))


@pytest.mark.parametrize(
    ("key", "strip", "run"),
    [
        (None, "Checks start once the team has a key", "needs a key"),
        ({}, "Next check in 3m", "in 3m"),
        ({"state": "unpaid", "retry_at": timedelta(minutes=29)}, "Checks are paused · next check", "paused"),
    ],
)
def test_strip_and_list_agree_on_the_next_check(key, strip, run):
    team, now = make_team(), timezone.now()
    make_call(team, make_run(team, title="Pilot", due_at=now + timedelta(minutes=3, seconds=30)))
    if key is not None:
        make_key(team, **key | ({"retry_at": now + key["retry_at"]} if key else {}))
    html = activity_html(viewer_of(team), team)
    assert f"{strip} " in text_of_html(section(html, "activity-summary"))
    assert f"Pilot {run}" in text_of_html(section(html, "activity-next"))


def test_no_check_is_promised_while_there_is_no_worker(team, reader, client):
    make_key(team)
    make_call(team, make_run(team, title="Pilot", due_at=timezone.now() + timedelta(minutes=3)))
    make_worker(timezone.now() - timedelta(minutes=5))
    html = activity_html(client, team)
    assert "Checks on this server stopped 5m ago " in text_of_html(section(html, "activity-summary"))
    assert "Pilot paused" in text_of_html(section(html, "activity-next"))


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (RefreshProgress(1240, 5000, 124), "1,240 of 5,000 checked, about 2 min left"),
        (RefreshProgress(0, 7, None), "0 of 7 checked"),
        (RefreshProgress(6, 7, 3), "6 of 7 checked, about 3 s left"),
        (RefreshProgress(10, 90000, 3 * 3600), "10 of 90,000 checked, about 3 h left"),
    ],
)
def test_the_progress_of_a_refresh_is_shown_with_its_numbers(monkeypatch, progress, text):
    monkeypatch.setattr("dashboard.views.activity.refresh_progress", lambda team: progress)
    team = make_team()
    make_call(team)
    html = section(activity_html(viewer_of(team), team), "activity-summary")
    assert f'<progress max="{progress.total}" value="{progress.checked}"' in html
    assert f"{text} Calls" in text_of_html(html)


@pytest.mark.parametrize(("query", "queries"), [("", 23), ("?range=24h", 22)])
def test_thirty_calls_take_as_many_queries_as_one(query, queries, django_assert_num_queries):
    def fill(rows: int) -> tuple[Client, Team]:
        team = make_team()
        make_key(team)
        for age in range(rows):
            make_call(team, make_run(team), make_run(team), age=60 * age)
        client = viewer_of(team)
        activity_html(client, team)  # the session remembers the team
        return client, team

    few, many = fill(1), fill(30)
    clock.now()  # PostgreSQL is asked for its time every two seconds
    with django_assert_num_queries(queries):
        activity_html(*few, query)
    clock.now()  # PostgreSQL is asked for its time every two seconds
    with django_assert_num_queries(queries):
        activity_html(*many, query)


def test_calls_are_paged_newest_first_without_gaps_or_repetitions(monkeypatch):
    monkeypatch.setattr(activity, "PAGE_SIZE", 2)
    team = make_team()
    at = timezone.now()
    # Three calls have the same time, and a page ends between them.
    made = [make_call(team, ms=1000 + n) for n in range(5)]
    Call.objects.filter(pk__in=[call.pk for call in made[1:4]]).update(at=at)
    Call.objects.filter(pk=made[0].pk).update(at=at - timedelta(minutes=1))
    Call.objects.filter(pk=made[4].pk).update(at=at + timedelta(microseconds=1))
    client, query, seen = viewer_of(team), "", []
    while True:
        html = activity_html(client, team, query)
        seen.append(re.findall(r"(1,00\d) ms", section(html, "activity-calls")))
        older = re.search(r'rel="next" href="([^"#]+)', html)
        if not older:
            break
        query = older[1].replace("&amp;", "&")
    assert seen == [["1,004", "1,003"], ["1,002", "1,001"], ["1,000"]]
    assert "data-poll" not in html
    assert "Older calls" in html


@pytest.mark.parametrize("place", ["x", "1-", "-1", "1-²", "9" * 18 + "-1", "1" * 17 + "-" + "9" * 30, "\0"])
def test_a_malformed_cursor_or_range_counts_as_absent(place):
    team = make_team()
    make_call(team)
    html = viewer_of(team).get(f"/t/{team.slug}/activity/", {"before": place, "range": place}).content.decode()
    assert "Newest calls" in html
    assert 'href="?range=1h" aria-current="page"' in html


def test_a_cursor_far_in_the_future_or_past_is_valid():
    team = make_team()
    make_call(team, ms=777)
    client = viewer_of(team)
    assert "777 ms" in activity_html(client, team, f"?before={'9' * 17}-1")
    assert "No older calls" in activity_html(client, team, "?before=0-0")


# --- Live --------------------------------------------------------------------------------------------


def poll_activity_page(client: Client, html: str, *, after_seconds: int = 1000):
    """Send the page's own poll, as if the page had been loaded this many seconds ago."""
    poller = re.search(r'id="activity-poller"[^>]*hx-get="(.+?)" hx-vals="(.+?)"', html)
    assert poller
    values = json.loads(unescape(poller[2]))
    values["at"] -= after_seconds
    return client.get(f"{unescape(poller[1])}&{urlencode(values)}")


@pytest.fixture
def _frozen_time(monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.mark.usefixtures("_frozen_time")
def test_a_poll_answers_204_until_something_changes():
    team = make_team()
    make_call(team)
    client = viewer_of(team)
    html = activity_html(client, team)
    assert poll_activity_page(client, html).status_code == 204
    make_call(team, ms=4321)
    body = poll_activity_page(client, html).content.decode()
    assert "4,321 ms" in body
    assert sorted(re.findall(r'<\w+ id="(activity-\w+)"[^>]*hx-swap-oob="true"', body)) == [
        "activity-calls", "activity-next", "activity-poller", "activity-steps", "activity-summary",
    ]  # fmt: skip
    assert poll_activity_page(client, body).status_code == 204
    TeamVersion.bump(team.pk)
    assert poll_activity_page(client, body).status_code == 200


def test_the_chart_moves_with_time_alone(monkeypatch):
    team = make_team()
    client = viewer_of(team)
    html = activity_html(client, team)
    later = timezone.now() + timedelta(minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert poll_activity_page(client, html, after_seconds=0).status_code == 200


@pytest.mark.usefixtures("_frozen_time")
def test_a_longer_window_is_updated_less_often():
    team = make_team()
    client = viewer_of(team)
    for query, interval_s in (("?range=1h", 1), ("?range=24h", 30), ("?range=7d", 120)):
        html = activity_html(client, team, query)
        make_call(team)
        assert [
            poll_activity_page(client, html, after_seconds=interval_s + more).status_code for more in (-1, 0)
        ] == [204, 200]


# --- A run's history ---------------------------------------------------------------------------------


def test_a_history_lists_every_attempt_newest_first():
    run = make_run(title="Harbour <Lights>")
    make_call(run.team, run, make_run(run.team), change="new → ready", ms=321)
    make_call(run.team, run, http_status=503, outcome=Outcome.UNAVAILABLE, message=HOSTILE)
    make_call(run.team, make_run(run.team), message="not about this run")
    html = viewer_of(run.team).get(f"/runs/{run.pk}/history/rows/").content.decode()
    rows = [text_of_html(row) for row in html.split("<tr>")[2:]]
    assert [re.sub(r"^.*? UTC ", "", row)[:46] for row in rows] == [
        "CAMB.AI failed 503 200 ms 1 &lt;script&gt;aler",
        "Answered 200 321 ms 2 new → ready",
    ]
    assert "<script>alert" not in html
    assert "not about this run" not in html


def test_the_history_page_contains_the_fragment():
    run = make_run(title="Harbour <Lights>")
    make_call(run.team, run)
    client = viewer_of(run.team)
    page, rows = (client.get(f"/runs/{run.pk}/history/{part}").content.decode() for part in ("", "rows/"))
    assert rows.startswith('<div id="run-history">')
    assert rows.strip() in page
    assert "<bdi>Harbour &lt;Lights&gt;</bdi>" in page


def test_the_history_of_a_run_without_attempts_says_so():
    run = make_run()
    html = viewer_of(run.team).get(f"/runs/{run.pk}/history/").content.decode()
    assert "No recent calls to CAMB.AI about this run." in html


def test_a_history_is_paged(monkeypatch):
    monkeypatch.setattr(history, "ATTEMPTS", 2)
    run = make_run()
    for number in range(3):
        make_call(run.team, run, change=f"change {number}")
    client = viewer_of(run.team)
    html = client.get(f"/runs/{run.pk}/history/").content.decode()
    assert re.findall(r"change \d", html) == ["change 2", "change 1"]
    older = re.search(r'href="([^"]+)" hx-get="([^"]+)"', html)
    assert older
    for address in older.groups():
        assert re.findall(r"change \d", client.get(address).content.decode()) == ["change 0"]
    assert "No older calls." in client.get(f"/runs/{run.pk}/history/?before=0").content.decode()
    for malformed in ("x", "²", "9" * 30):
        html = client.get(f"/runs/{run.pk}/history/", {"before": malformed}).content.decode()
        assert re.findall(r"change \d", html) == ["change 2", "change 1"]


def test_thirty_attempts_take_as_many_queries_as_one(django_assert_num_queries):
    few, many = make_run(), make_run()
    make_call(few.team, few)
    for _ in range(30):
        make_call(many.team, many)
    for run in (few, many):
        client = viewer_of(run.team)
        with django_assert_num_queries(8):
            client.get(f"/runs/{run.pk}/history/")


def test_the_page_tells_of_a_backlog_of_languages_to_be_read(client, team, reader, monkeypatch):
    monkeypatch.setattr(dub_languages, "DUBS_PER_TASK", 1)
    run = make_ready_run(team)
    make_dub(run, ["Hola."], "es-es"), make_dub(run, ["Hallo."], "de-de")
    make_call(team, run)
    assert "the language of 2 dubs is being detected" in client.get(f"/t/{team.slug}/activity/").text
    dub_languages.detect_languages()
    assert "being read" not in client.get(f"/t/{team.slug}/activity/").text
