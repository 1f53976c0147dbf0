"""The list of runs: access, rows, filters, pages and tabs, and its poll."""

import json
import re
from datetime import UTC, timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.pages.run_query import PAGE_SIZE
from results import clock, tags
from results.models import ApiKey, Run, TeamVersion, WorkerHeartbeat
from results.runs.add import add_runs
from results.runs.archive import archive_runs, unarchive_runs
from teams.models import Membership, Team
from tests.dashboard.page_helpers import shown, signed_in, text_of
from tests.factories import make_key, make_member, make_run, make_team, make_user, make_worker

pytestmark = pytest.mark.django_db
Role = Membership.Role


# --- Access -------------------------------------------------------------------------------------------

OF_TEAM = [
    ("runs-list", "get"),
    ("runs-list-poll", "get"),
    ("runs-add", "get"),
    ("runs-add", "post"),
    ("runs-bulk-refresh", "post"),
]
OF_RUN = [
    ("runs-edit-title", "get"),
    ("runs-edit-title", "post"),
    ("runs-edit-refresh", "post"),
    ("runs-edit-remove", "get"),
    ("runs-edit-remove", "post"),
]
READING = [("runs-list", "get"), ("runs-list-poll", "get")]


def team_or_run_url(name: str, team: Team) -> str:
    """Return the URL of this name for the team, or for a new run of the team."""
    if any(name == of_team for of_team, _method in OF_TEAM):
        return reverse(name, args=[team.slug])
    return reverse(name, args=[make_run(team, title="Untouched").pk])


@pytest.mark.parametrize(("name", "method"), OF_TEAM + OF_RUN)
def test_an_anonymous_user_is_sent_to_the_log_in_page(name, method, team):
    url = team_or_run_url(name, team)
    response = getattr(Client(), method)(url)
    assert (response.status_code, response["Location"]) == (302, f"{reverse('account_login')}?next={url}")


@pytest.mark.parametrize(("name", "method"), OF_TEAM + OF_RUN)
def test_an_outsider_gets_404(name, method, team):
    response = getattr(signed_in(make_user()), method)(
        team_or_run_url(name, team), {"title": "Taken", "text": "7", "save": 1}
    )
    assert response.status_code == 404
    assert list(Run.objects.exclude(title="Untouched")) == []


@pytest.mark.parametrize(("name", "method"), [pair for pair in OF_TEAM + OF_RUN if pair not in READING])
def test_a_viewer_may_not_change_anything(name, method, team):
    viewer = signed_in(make_member(team, Role.VIEWER))
    response = getattr(viewer, method)(team_or_run_url(name, team), {"title": "Taken", "text": "7", "save": 1})
    assert response.status_code == 403
    assert "Viewers cannot change anything in this team" in text_of(response)
    assert list(Run.objects.exclude(title="Untouched")) == []


def test_a_viewer_sees_the_runs_and_no_way_to_change_them(team):
    run = make_run(team)
    page = signed_in(make_member(team, Role.VIEWER)).get(reverse("runs-list", args=[team.slug]))
    assert shown(page) == [run.pk]
    assert reverse("runs-add", args=[team.slug]) not in page.content.decode()
    assert reverse("runs-edit-title", args=[run.pk]) not in page.content.decode()


@pytest.mark.parametrize(
    ("name", "method"),
    [("runs-list", "post"), ("runs-list-poll", "post"), ("runs-edit-refresh", "get"), ("runs-add", "put")],
)
def test_other_methods_are_refused(name, method, team, member):
    assert getattr(member, method)(team_or_run_url(name, team)).status_code == 405


def test_a_poll_without_a_session_redirects_the_whole_page(team):
    url = reverse("runs-list-poll", args=[team.slug])
    page = f"http://testserver{reverse('runs-list', args=[team.slug])}"
    response = Client().get(url, headers={"HX-Request": "true", "HX-Current-URL": page})
    assert response.headers["HX-Redirect"] == f"{reverse('account_login')}?next=%2Ft%2Fdub%2Fruns%2F"


# --- The list -----------------------------------------------------------------------------------------


def test_a_row_shows_all_fields_of_a_run(team, member):
    now = timezone.now()
    make_key(team)
    make_run(
        team,
        camb_run_id=1344,
        title="Harbour lights",
        status=Run.Status.PARTLY,
        languages=["es-es", "ja-jp", "pt-br", "pt-pt", "hi-in"],
        duration_ms=3_723_000,
        cue_count=1220,
        added_by=make_user(name="Mira"),
        checked_at=now,
        due_at=now + timedelta(minutes=1),
    )
    row = text_of(member.get(reverse("runs-list", args=[team.slug]))).rpartition("Added by Checked ")[2]
    assert row.startswith(
        "ES Harbour lights 1344 Spanish, Japanese, Portuguese +1 Partly ready 1:02:03 1,220 Mira"
        f" {now:%Y-%m-%d %H:%M} UTC · next {now + timedelta(minutes=1):%Y-%m-%d %H:%M} UTC"
    )


def test_typed_text_is_escaped(team, member):
    make_run(team, title="<script>alert(1)</script>", reason="<b>why</b>", status=Run.Status.FAILED, due_at=None)
    page = member.get(reverse("runs-list", args=[team.slug]), {"q": '"><script>'}).content.decode()
    page += member.get(reverse("runs-list", args=[team.slug])).content.decode()
    assert "<script>alert" not in page
    assert '"><script>' not in page
    assert "<b>why" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_failed_run_says_why_in_its_row(team, member):
    make_run(team, status=Run.Status.FAILED, reason="The source is age-restricted.", due_at=None)
    assert "The source is age-restricted." in text_of(member.get(reverse("runs-list", args=[team.slug])))


def test_runs_of_other_teams_are_not_shown(team, member):
    make_run(make_team())
    assert "Add your first runs" in text_of(member.get(reverse("runs-list", args=[team.slug])))


def test_the_strip_sums_up_the_team(team, member):
    make_key(team)
    for status in ("ready", "ready", "failed", "not_found"):
        make_run(team, status=status, due_at=None)
    make_run(team, status="waiting", due_at=timezone.now())
    page = text_of(member.get(reverse("runs-list", args=[team.slug])))
    assert "2 of 5 ready · 1 failed · 1 not found · next check" in page


def test_a_team_without_a_key_is_told_so(team, member):
    make_run(team)
    page = text_of(member.get(reverse("runs-list", args=[team.slug])))
    assert "This team has no CAMB.AI key yet" in page
    assert "needs a key" in page


@pytest.mark.parametrize(
    ("state", "way"),
    [(ApiKey.State.REFUSED, "See the team's key"), (ApiKey.State.UNAVAILABLE, "See the calls")],
)
def test_a_problem_with_the_key_is_shown(team, member, state, way):
    make_key(team, state=state, message="Nothing comes back.")
    make_run(team)
    page = text_of(member.get(reverse("runs-list", args=[team.slug])))
    assert f"Nothing comes back. {way}" in page
    assert "paused" in page


def test_rows_promise_no_check_while_there_is_no_worker(team, member):
    make_key(team)
    make_run(team, status="waiting", due_at=timezone.now() + timedelta(minutes=3))
    worker = make_worker()
    assert "paused" not in text_of(list_page(member, team))
    WorkerHeartbeat.objects.filter(pk=worker.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    page = list_page(member, team)
    assert "paused" in text_of(page)
    assert "data-due" not in page.content.decode()


def test_a_poll_brings_all_rows_when_checks_pause(team, member):
    key, run = make_key(team), make_run(team, due_at=timezone.now())
    version = TeamVersion.bump(team.pk)
    values = poll_values(list_page(member, team)) | {"since": version - 1}
    assert shown(member.get(reverse("runs-list-poll", args=[team.slug]), values)) == []
    ApiKey.objects.filter(pk=key.pk).update(state=ApiKey.State.REFUSED)
    TeamVersion.bump(team.pk)
    response = member.get(reverse("runs-list-poll", args=[team.slug]), values)
    assert shown(response) == [run.pk]
    assert "paused" in text_of(response)
    assert poll_values(response)["pause"] == "paused"


def test_tabs_filter_by_status(team, member):
    ready = make_run(team, status="ready")
    make_run(team, status="waiting")
    page = member.get(reverse("runs-list", args=[team.slug]), {"status": "ready"})
    assert shown(page) == [ready.pk]
    assert "All 2 Waiting 1 Ready 1" in text_of(page)


@pytest.mark.parametrize("q", ["lights", "LIGHTS", "1344", "13", "１３４４", " lights "])
def test_the_filter_finds_titles_and_ids(q, team, member):
    run = make_run(team, camb_run_id=1344, title="Harbour lights")
    make_run(team, camb_run_id=99, title="Kyoto")
    assert shown(member.get(reverse("runs-list", args=[team.slug]), {"q": q})) == [run.pk]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "\0"},
        {"q": "%"},
        {"q": "9" * 5000},
        {"q": "²"},
        {"status": "nonsense"},
        {"order": "title"},
        {"after": "x", "before": "-1"},
        {"after": "9" * 400},
        {"status": ["a", "b"]},
    ],
)
def test_malformed_queries_never_fail(query, team, member):
    make_run(team)
    assert member.get(reverse("runs-list", args=[team.slug]), query).status_code == 200
    assert (
        member.get(reverse("runs-list-poll", args=[team.slug]), query | {"since": "x", "ids": "1,,x"}).status_code
        == 204
    )


@pytest.mark.parametrize("order", ["", "oldest"])
def test_pages_lead_forwards_and_back(order, team, member):
    pks = [make_run(team).pk for _ in range(2 * PAGE_SIZE + 10)]
    expected = pks if order else pks[::-1]
    url = reverse("runs-list", args=[team.slug])
    seen, ways = [], []
    address = f"?order={order}"
    while address:
        page = member.get(url + address)
        seen.append(shown(page))
        ways.append(page.context["page"].before)
        address = page.context["page"].after
    assert seen == [expected[:PAGE_SIZE], expected[PAGE_SIZE : 2 * PAGE_SIZE], expected[2 * PAGE_SIZE :]]
    assert ways[0] == ""
    back = member.get(url + ways[2])
    assert shown(back) == seen[1]
    back = member.get(url + back.context["page"].before)
    assert shown(back) == seen[0]
    assert back.context["page"].before == ""


@pytest.mark.parametrize("order", ["", "oldest"])
def test_both_orders_are_offered_and_the_chosen_one_is_marked(order, team, member):
    make_run(team), make_run(team)
    html = member.get(reverse("runs-list", args=[team.slug]), {"status": "new", "order": order}).content.decode()
    newest, oldest = re.findall(r'<a href="([^"]*)"( aria-current="true")?>(Newest|Oldest) first', html)
    mark = ' aria-current="true"'
    assert newest == ("?status=new", "" if order else mark, "Newest")
    assert oldest == ("?status=new&amp;order=oldest", mark if order else "", "Oldest")


def test_thirty_runs_take_as_many_queries_as_one(team, member, django_assert_num_queries):
    make_key(team)
    url = reverse("runs-list", args=[team.slug])
    tags.add_tags(team, {make_run(team, added_by=make_user()).pk: ["launch"]})
    member.get(url)  # the session remembers the team
    clock.now()  # PostgreSQL is asked for its time every two seconds
    with django_assert_num_queries(18):
        assert len(shown(member.get(url))) == 1
    for number in range(29):
        status = "waiting" if number % 2 else "ready"
        run = make_run(team, added_by=make_user(), status=status, languages=["es-es"])
        tags.add_tags(team, {run.pk: ["launch", f"tag {number}"]})
    clock.now()  # PostgreSQL is asked for its time every two seconds
    with django_assert_num_queries(18):
        assert len(shown(member.get(url))) == 30


def test_a_waiting_run_says_when_it_is_usually_ready(team, member):
    now = timezone.now()
    make_key(team)
    run = make_run(team, status="waiting")
    html = list_page(member, team).content.decode()
    assert "Usually ready by" not in html
    for minutes in (10, 20, 30, 40, 50):
        began = now - timedelta(minutes=minutes)
        make_run(team, status="ready", due_at=None, created_at=began, changed_at=now)
    at = timezone.localtime(run.created_at + timedelta(minutes=30), UTC)
    html = list_page(member, team).content.decode()
    assert re.search(rf'<span\s+class="ready-by">Usually ready by ({at:%Y-%m-%d} )?{at:%H:%M}</span>', html)
    page = member.get(reverse("runs-detail", args=[run.pk])).content.decode()
    assert re.search(rf"Usually ready by ({at:%Y-%m-%d} )?{at:%H:%M} \([^<]+, based on 5 runs\)", page)


# --- Tags ---------------------------------------------------------------------------------------------


def list_page(client: Client, team: Team, **query):
    return client.get(reverse("runs-list", args=[team.slug]), query)


def test_a_row_shows_two_tags_and_the_number_of_the_others(team, member):
    run = make_run(team, camb_run_id=1344, title="Harbour lights")
    tags.add_tags(team, {run.pk: ["launch", "new", "odd", "old"]})
    html = list_page(member, team, tag="new").content.decode()
    assert '<a class="tag" href="?tag=new&amp;tag=launch"><bdi>launch</bdi></a>' in html
    assert '<span class="tag" title="odd, old">+2</span>' in html


def test_tags_filter_in_any_spelling_and_each_can_be_removed(team, member):
    both, one, _none = (make_run(team, camb_run_id=number, status="ready") for number in (711, 712, 713))
    tags.add_tags(team, {both.pk: ["Two words", "launch"], one.pk: ["launch"]})
    assert shown(list_page(member, team, tag="LAUNCH")) == [one.pk, both.pk]
    page = list_page(member, team, tag=["launch", "two  WORDS"], status="ready", q="7")
    assert shown(page) == [both.pk]
    assert "All 1 Ready 1" in text_of(page)
    chip = '<a class="chip" href="?q=7&amp;tag=two+WORDS&amp;status=ready">'
    assert chip in page.content.decode()
    for name, value in (("tag", "launch"), ("tag", "two WORDS"), ("status", "ready")):
        assert page.content.decode().count(f'<input type="hidden" name="{name}" value="{value}">') == 3
    assert "No runs match these filters" in text_of(list_page(member, team, tag="nothing"))


def test_a_tag_of_another_team_appears_nowhere(team, member):
    foreign = make_run(make_team())
    tags.add_tags(foreign.team, {foreign.pk: ["secret"]})
    run = make_run(team)
    pages = (
        list_page(member, team),
        member.get(reverse("runs-detail", args=[run.pk])),
        member.get(reverse("runs-edit-tags", args=[run.pk])),
    )
    assert ["secret" in page.content.decode() for page in pages] == [False] * 3
    assert shown(list_page(member, team, tag="secret")) == []


def test_hostile_tags_are_escaped(team, member):
    run = make_run(team)
    names = ["<script>alert(1)</script>", "&quot;'>", "\u05d0\u05d1", "=1+1", "%", "a&b=c"]
    tags.add_tags(team, {run.pk: names})
    assert sorted(names) == sorted(run.tag_names)
    html = (
        list_page(member, team).content.decode()
        + member.get(reverse("runs-detail", args=[run.pk])).content.decode()
    )
    assert "<script>alert" not in html
    for name in names:
        assert shown(list_page(member, team, tag=name)) == [run.pk]


# --- Archived runs ------------------------------------------------------------------------------------


def archive(*runs: Run) -> None:
    archive_runs(runs[0].team, [run.pk for run in runs])


def test_archived_runs_are_in_their_own_tab_only(team, member):
    here, away = make_run(team, camb_run_id=1, status="ready"), make_run(team, camb_run_id=2, status="ready")
    archive(away)
    assert shown(list_page(member, team)) == [here.pk]
    assert "1 of 1 ready" in text_of(list_page(member, team))
    assert "All 1 Ready 1 Archived 1" in text_of(list_page(member, team))
    assert shown(list_page(member, team, status="ready")) == [here.pk]
    page = list_page(member, team, status="archived")
    assert shown(page) == [away.pk]
    html = page.content.decode()
    assert reverse("runs-bulk-unarchive", args=[team.slug]) in html
    assert reverse("runs-bulk-archive", args=[team.slug]) not in html
    assert shown(list_page(member, team, status="archived", q="1")) == []


def test_a_team_whose_runs_are_all_archived_is_told_so(team, member):
    archive(make_run(team))
    page = text_of(list_page(member, team))
    assert "All runs are archived." in page
    assert "All 0 Archived 1" in page
    assert "Add your first runs" not in page


def test_the_palette_offers_no_archived_run(team, member):
    here, away = make_run(team, title="Harbour 1"), make_run(team, title="Harbour 2")
    archive(away)
    entries = member.get(reverse("palette-entries", args=[team.slug]), {"q": "harbour"}).content.decode()
    assert (str(here) in entries, str(away) in entries) == (True, False)


# --- The list's poll ----------------------------------------------------------------------------------


def poll_runs_list(client: Client, team: Team, since: int, *runs: Run):
    """Send the poll of a list that shows these runs."""
    ids = ",".join(str(run.pk) for run in runs)
    return client.get(reverse("runs-list-poll", args=[team.slug]), {"since": str(since), "ids": ids})


def poll_values(response) -> dict:
    """Return the parameters of the page's next poll."""
    return json.loads(unescape(re.search(r'hx-vals="([^"]*)"', response.content.decode())[1]))


def poll_again(client: Client, team: Team, before, **query):
    """Send the poll that a page sends after this answer."""
    return client.get(reverse("runs-list-poll", args=[team.slug]), query | poll_values(before))


def announcement(response) -> str:
    """Return the text that announces new runs."""
    html = re.search(r'(?s)<p id="runs-new".*?</p>', response.content.decode())[0]
    html = re.sub(r'<span [^>]*aria-hidden="true">.*?</span>', "", html)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def change(run: Run, **fields) -> int:
    """Change the run as a saved answer does, and return the new version."""
    version = TeamVersion.bump(run.team_id)
    Run.objects.filter(pk=run.pk).update(version=version, **fields)
    return version


def test_the_list_polls_slowly_once_all_runs_are_finished(team, member):
    run = make_run(team, status="waiting")
    assert "data-poll hx-trigger" in list_page(member, team).content.decode()
    change(run, status="ready", due_at=None)
    assert 'data-poll="idle" hx-trigger' in list_page(member, team).content.decode()
    run.delete()
    assert 'data-poll="idle" hx-trigger' in list_page(member, team).content.decode()


def test_a_poll_brings_the_rows_that_changed(team, member):
    same, changed = make_run(team), make_run(team, title="Harbour lights")
    since = change(same, status="waiting")
    version = change(changed, status="ready", due_at=None)
    response = poll_runs_list(member, team, since, same, changed)
    assert shown(response) == [changed.pk]
    content = response.content.decode()
    assert f'<tr id="run-{changed.pk}" hx-swap-oob="true">' in content
    assert "Harbour lights: Ready." in text_of(response)
    assert "1 of 2 ready" in text_of(response)
    # The next poll continues from this version.
    assert poll_values(response) == {
        "pause": "needs a key",
        "since": version,
        "loaded": 0,
        "announced": 0,
        "ids": f"{same.pk},{changed.pk}",
    }


def test_a_poll_after_the_last_answer_slows_the_polling_down(team, member):
    run = make_run(team)
    change(run, status="ready", due_at=None)
    response = poll_runs_list(member, team, 0, run)
    assert '<div id="runs-poller" hidden hx-swap-oob="true" data-poll="idle"' in response.content.decode()


def test_a_poll_deletes_the_rows_of_removed_runs(team, member):
    run = make_run(team)
    TeamVersion.bump(team.pk)
    gone = run.pk
    run.delete()
    response = member.get(reverse("runs-list-poll", args=[team.slug]), {"since": 0, "ids": gone})
    assert f'<tr id="run-{gone}" hx-swap-oob="delete"></tr>' in response.content.decode()


def test_a_run_that_was_archived_meanwhile_keeps_its_row(team, member):
    run = make_run(team)
    archive(run)
    response = poll_runs_list(member, team, 0, run)
    assert shown(response) == [run.pk]
    assert "Archived" in text_of(response).partition(str(run))[2]


def test_new_and_restored_runs_are_counted_and_not_inserted(team, member):
    away = make_run(team)
    archive(away)
    for _ in range(3):
        make_run(team)
    page = list_page(member, team)
    assert (len(shown(page)), announcement(page)) == (3, "")
    add_runs(team, [(9_001, ""), (9_002, "")], None)
    first = poll_again(member, team, page)
    assert (shown(first), announcement(first)) == ([], "2 new runs · Show")
    assert "2 new runs. " in text_of(first) + " "
    unarchive_runs(team, [away.pk])
    second = poll_again(member, team, first)
    assert announcement(second) == "3 new runs · Show"
    TeamVersion.bump(team.pk)
    third = poll_again(member, team, second)
    # A screen reader is told once; the link stays.
    assert (announcement(third), "3 new runs. " in text_of(third)) == ("3 new runs · Show", False)
    assert len(shown(list_page(member, team))) == 6


def test_only_new_runs_of_this_page_are_counted(team, member):
    def announced(query, **changed) -> str:
        page = list_page(member, team, **query)
        for run in Run.objects.filter(team=team, **changed):
            change(run)
        add_runs(team, [(9_000 + Run.objects.count(), "new")], None)
        return announcement(poll_again(member, team, page, **query))

    old = [make_run(team, title="old", status="ready") for _ in range(2 * PAGE_SIZE)]
    assert announced({}, pk=old[0].pk) == "1 new run · Show"
    assert announced({"after": old[PAGE_SIZE].pk}, pk=old[-1].pk) == ""
    assert announced({"order": "oldest"}, pk=old[-1].pk) == ""
    assert announced({"status": "ready"}, pk=old[0].pk) == ""
    assert announced({"q": "old"}) == ""
    page = list_page(member, team, status="waiting")
    change(old[0], status="waiting")
    assert announcement(poll_again(member, team, page, status="waiting")) == "1 new run · Show"


def test_a_poll_of_thirty_rows_takes_as_many_queries_as_one(team, member, django_assert_num_queries):
    make_key(team)
    runs = [make_run(team, added_by=make_user(), status="ready") for _ in range(30)]
    tags.add_tags(team, {run.pk: ["launch", f"tag {run.pk}"] for run in runs})
    poll_runs_list(member, team, 0, runs[1])
    for shown_runs in (runs[:1], runs):
        clock.now()  # PostgreSQL is asked for its time every two seconds
        with django_assert_num_queries(16):
            assert len(shown(poll_runs_list(member, team, 0, *shown_runs))) == len(shown_runs)


def test_the_first_runs_of_a_team_are_counted(team, member):
    page = list_page(member, team)
    add_runs(team, [(1, "")], None)
    response = poll_again(member, team, page)
    assert announcement(response) == "1 new run · Show"
    content = response.content.decode()
    # That page has no part that the poll could replace.
    assert [part in content for part in ("runs-strip", "runs-tabs", "hx-target")] == [False] * 3


def test_a_poll_does_not_count_another_teams_new_runs(team, member):
    make_run(team)
    page = list_page(member, team)
    make_run(make_team(), version=10**6)
    TeamVersion.bump(team.pk)
    assert announcement(poll_again(member, team, page)) == ""


def test_a_poll_does_not_show_another_teams_run(team, member):
    foreign = make_run(make_team(), title="Secret")
    change(foreign, status="ready")
    TeamVersion.bump(team.pk)
    response = poll_runs_list(member, team, 0, foreign)
    assert "Secret" not in response.content.decode()


def test_many_finished_runs_are_announced_as_a_number(team, member):
    runs = [make_run(team) for _ in range(4)]
    for run in runs:
        change(run, status="ready", due_at=None)
    assert "4 runs have finished." in text_of(poll_runs_list(member, team, 0, *runs))


# --- Reasons and headings ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["failed", "not_found"])
def test_a_reason_is_whole_in_the_row_and_read_in_full_on_its_tab(team, member, status):
    reason = "CAMB.AI cannot read this file. " * 8 + "Upload it again."
    make_run(team, status=status, reason=reason)
    for query, is_in_full in (("", False), (f"?status={status}", True), (f"?status={status}&by=source", False)):
        page = member.get(reverse("runs-list", args=[team.slug]) + query).content.decode()
        assert (" in-full" in page, page.count(f">{reason}<")) == (is_in_full, 0 if "by=" in query else 1)


def test_headings_say_what_lengths_and_lines_are(team, member):
    make_run(team)
    page = text_of(member.get(reverse("runs-list", args=[team.slug])))
    assert "Length : Length of the media, or of its transcript Lines : Lines of the longest dub" in page
