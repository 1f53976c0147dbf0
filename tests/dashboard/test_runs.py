"""Who sees which runs, how does the list live, and what becomes of a pasted text, a new title, a removed run?"""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.views.runs import PAGE
from results.models import ApiKey, Pulse, Run
from teams.models import Membership, Team
from tests.factories import make_member, make_run, make_team, make_user

pytestmark = pytest.mark.django_db
Role = Membership.Role
TASK = "b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f"


@pytest.fixture
def team() -> Team:
    return make_team("Harbour")


@pytest.fixture
def member(team) -> Client:
    return signed_in(make_member(team))


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def make_key(team: Team, **fields) -> ApiKey:
    key = ApiKey(team=team, **({"state": ApiKey.State.WORKING} | fields))
    key.secret = "a-key-for-tests"
    key.save()
    return key


def shown(response) -> list[int]:
    """The ids of the rows of a page, from top to bottom."""
    return [int(pk) for pk in re.findall(r'<tr id="run-(\d+)"', response.content.decode())]


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# --- Who may ------------------------------------------------------------------------------------------

OF_TEAM = [
    ("runs-list", "get"),
    ("runs-poll", "get"),
    ("runs-add", "get"),
    ("runs-add", "post"),
    ("runs-refresh-many", "post"),
]
OF_RUN = [
    ("runs-title", "get"),
    ("runs-title", "post"),
    ("runs-refresh", "post"),
    ("runs-remove", "get"),
    ("runs-remove", "post"),
]
READING = [("runs-list", "get"), ("runs-poll", "get")]


def address(name: str, team: Team) -> str:
    if any(name == of_team for of_team, _method in OF_TEAM):
        return reverse(name, args=[team.slug])
    return reverse(name, args=[make_run(team, title="Untouched").pk])


@pytest.mark.parametrize(("name", "method"), OF_TEAM + OF_RUN)
def test_a_stranger_is_sent_to_the_log_in(name, method, team):
    url = address(name, team)
    response = getattr(Client(), method)(url)
    assert (response.status_code, response["Location"]) == (302, f"{reverse('account_login')}?next={url}")


@pytest.mark.parametrize(("name", "method"), OF_TEAM + OF_RUN)
def test_for_an_outsider_there_is_no_such_page(name, method, team):
    response = getattr(signed_in(make_user()), method)(
        address(name, team), {"title": "Taken", "text": "7", "save": 1}
    )
    assert response.status_code == 404
    assert list(Run.objects.exclude(title="Untouched")) == []


@pytest.mark.parametrize(("name", "method"), [pair for pair in OF_TEAM + OF_RUN if pair not in READING])
def test_a_viewer_may_not_change_anything(name, method, team):
    viewer = signed_in(make_member(team, Role.VIEWER))
    response = getattr(viewer, method)(address(name, team), {"title": "Taken", "text": "7", "save": 1})
    assert response.status_code == 403
    assert "Viewers can watch, read and search" in text_of(response)
    assert list(Run.objects.exclude(title="Untouched")) == []


def test_a_viewer_sees_the_runs_and_no_way_to_change_them(team):
    run = make_run(team)
    page = signed_in(make_member(team, Role.VIEWER)).get(reverse("runs-list", args=[team.slug]))
    assert shown(page) == [run.pk]
    assert reverse("runs-add", args=[team.slug]) not in page.content.decode()
    assert reverse("runs-title", args=[run.pk]) not in page.content.decode()


@pytest.mark.parametrize(
    ("name", "method"), [("runs-list", "post"), ("runs-poll", "post"), ("runs-refresh", "get"), ("runs-add", "put")]
)
def test_other_methods_are_refused(name, method, team, member):
    assert getattr(member, method)(address(name, team)).status_code == 405


def test_a_lost_log_in_leads_the_whole_page_to_the_log_in(team):
    url = reverse("runs-poll", args=[team.slug])
    page = f"http://testserver{reverse('runs-list', args=[team.slug])}"
    response = Client().get(url, headers={"HX-Request": "true", "HX-Current-URL": page})
    assert response.headers["HX-Redirect"] == f"{reverse('account_login')}?next=%2Ft%2Fharbour%2Fruns%2F"


# --- The list -----------------------------------------------------------------------------------------


def test_a_row_says_what_is_known(team, member):
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
    row = text_of(member.get(reverse("runs-list", args=[team.slug]))).split("Checked ")[1]
    assert row.startswith(
        "Harbour lights 1344 Spanish, Japanese, Portuguese +1 Partly ready 1:02:03 1220 Mira"
        f" {now:%Y-%m-%d %H:%M} UTC · again {now + timedelta(minutes=1):%Y-%m-%d %H:%M} UTC"
    )


def test_what_people_type_is_only_text(team, member):
    make_run(team, title="<script>alert(1)</script>", reason="<b>why</b>", status=Run.Status.FAILED, due_at=None)
    page = member.get(reverse("runs-list", args=[team.slug]), {"q": '"><script>'}).content.decode()
    page += member.get(reverse("runs-list", args=[team.slug])).content.decode()
    assert "<script>alert" not in page
    assert '"><script>' not in page
    assert "<b>why" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_failed_run_says_why_in_its_row(team, member):
    make_run(team, status=Run.Status.FAILED, reason="The source is age-restricted.", due_at=None)
    assert "Failed The source is age-restricted." in text_of(member.get(reverse("runs-list", args=[team.slug])))


def test_runs_of_other_teams_are_not_shown(team, member):
    make_run(make_team())
    assert "No runs yet" in text_of(member.get(reverse("runs-list", args=[team.slug])))


def test_the_strip_sums_the_team_up(team, member):
    make_key(team)
    for status in ("ready", "ready", "failed", "not_found"):
        make_run(team, status=status, due_at=None)
    make_run(team, status="waiting", due_at=timezone.now())
    page = text_of(member.get(reverse("runs-list", args=[team.slug])))
    assert "2 of 5 ready · 1 failed · 1 not found · next check" in page


def test_a_team_without_a_key_is_told(team, member):
    make_run(team)
    page = text_of(member.get(reverse("runs-list", args=[team.slug])))
    assert "This team has no CAMB.AI key yet" in page
    assert "waits for a key" in page


def test_trouble_of_the_key_is_told(team, member):
    make_key(team, state=ApiKey.State.REFUSED, message="CAMB.AI refused the key. Paste a new one.")
    make_run(team)
    page = text_of(member.get(reverse("runs-list", args=[team.slug])))
    assert "CAMB.AI refused the key. Paste a new one. See the team's key" in page
    assert "paused" in page


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
def test_odd_addresses_never_fail(query, team, member):
    make_run(team)
    assert member.get(reverse("runs-list", args=[team.slug]), query).status_code == 200
    assert (
        member.get(reverse("runs-poll", args=[team.slug]), query | {"since": "x", "ids": "1,,x"}).status_code == 204
    )


@pytest.mark.parametrize("order", ["", "oldest"])
def test_pages_lead_to_and_fro(order, team, member):
    pks = [make_run(team).pk for _ in range(2 * PAGE + 10)]
    expected = pks if order else pks[::-1]
    url = reverse("runs-list", args=[team.slug])
    seen, ways = [], []
    address = f"?order={order}"
    while address:
        page = member.get(url + address)
        seen.append(shown(page))
        ways.append(page.context["page"].before)
        address = page.context["page"].after
    assert seen == [expected[:PAGE], expected[PAGE : 2 * PAGE], expected[2 * PAGE :]]
    assert ways[0] == ""
    back = member.get(url + ways[2])
    assert shown(back) == seen[1]
    back = member.get(url + back.context["page"].before)
    assert shown(back) == seen[0]
    assert back.context["page"].before == ""


def test_the_list_asks_as_often_for_thirty_runs_as_for_one(team, member, django_assert_num_queries):
    make_key(team)
    url = reverse("runs-list", args=[team.slug])
    make_run(team, added_by=make_user())
    member.get(url)  # the session remembers the team
    with django_assert_num_queries(11):
        assert len(shown(member.get(url))) == 1
    for _ in range(29):
        make_run(team, added_by=make_user(), status="ready", languages=["es-es"])
    with django_assert_num_queries(11):
        assert len(shown(member.get(url))) == 30


# --- The list's poll ----------------------------------------------------------------------------------


def poll(client: Client, team: Team, since: int, *runs: Run):
    ids = ",".join(str(run.pk) for run in runs)
    return client.get(reverse("runs-poll", args=[team.slug]), {"since": str(since), "ids": ids})


def change(run: Run, **fields) -> int:
    """What a stored answer does to a row."""
    version = Pulse.beat(run.team_id)
    Run.objects.filter(pk=run.pk).update(version=version, **fields)
    return version


def test_a_poll_is_printed_only_while_something_is_unfinished(team, member):
    run = make_run(team, status="waiting")
    assert "data-poll" in member.get(reverse("runs-list", args=[team.slug])).content.decode()
    change(run, status="ready", due_at=None)
    assert "data-poll" not in member.get(reverse("runs-list", args=[team.slug])).content.decode()


def test_a_poll_without_news_is_empty_and_cheap(team, member, django_assert_num_queries):
    run = make_run(team)
    version = change(run, status="waiting")
    poll(member, team, version, run)  # the session remembers the team
    with django_assert_num_queries(4):  # session, person, membership, pulse
        response = poll(member, team, version, run)
    assert (response.status_code, response.content) == (204, b"")


def test_a_poll_brings_the_rows_that_changed(team, member):
    same, changed = make_run(team), make_run(team, title="Harbour lights")
    since = change(same, status="waiting")
    version = change(changed, status="ready", due_at=None)
    response = poll(member, team, since, same, changed)
    assert shown(response) == [changed.pk]
    content = response.content.decode()
    assert f'<tr id="run-{changed.pk}" hx-swap-oob="true">' in content
    assert "Harbour lights: Ready." in text_of(response)
    assert "1 of 2 ready" in text_of(response)
    # It asks on, from here.
    assert f"{{&quot;since&quot;: {version}, &quot;ids&quot;: &quot;{same.pk},{changed.pk}&quot;}}" in content


def test_the_last_answer_of_a_poll_ends_it(team, member):
    run = make_run(team)
    change(run, status="ready", due_at=None)
    response = poll(member, team, 0, run)
    assert '<div id="runs-poller" hidden hx-swap-oob="true"></div>' in response.content.decode()


def test_a_poll_takes_removed_runs_off_the_page(team, member):
    run = make_run(team)
    Pulse.beat(team.pk)
    gone = run.pk
    run.delete()
    response = member.get(reverse("runs-poll", args=[team.slug]), {"since": 0, "ids": gone})
    assert f'<tr id="run-{gone}" hx-swap-oob="delete"></tr>' in response.content.decode()


def test_a_poll_tells_nothing_of_another_teams_run(team, member):
    foreign = make_run(make_team(), title="Secret")
    change(foreign, status="ready")
    Pulse.beat(team.pk)
    response = poll(member, team, 0, foreign)
    assert "Secret" not in response.content.decode()


def test_many_ended_runs_are_announced_as_a_number(team, member):
    runs = [make_run(team) for _ in range(4)]
    for run in runs:
        change(run, status="ready", due_at=None)
    assert "4 runs are done." in text_of(poll(member, team, 0, *runs))


# --- Adding -------------------------------------------------------------------------------------------


def add(client: Client, team: Team, **data):
    return client.post(reverse("runs-add", args=[team.slug]), data)


def test_a_preview_saves_nothing_and_keeps_what_was_typed(team, member):
    make_run(team, camb_run_id=1345)
    typed = "run 1344 and 1345, please\n1.5 <b>\n1344"
    response = add(member, team, text=typed)
    assert response.status_code == 200
    assert "1 new run · 1 already here · 1 repeated · 1 not an id · 4 words passed over" in text_of(response)
    assert "1.5 a run id is a whole number" in text_of(response)
    assert "run 1344 and 1345, please\n1.5 &lt;b&gt;\n1344</textarea>" in response.content.decode()
    assert Run.objects.filter(team=team).count() == 1


def test_runs_are_added_with_their_titles(team):
    user = make_member(team)
    make_run(team, camb_run_id=1345)
    client = signed_in(user)
    response = add(client, team, text="run_id,title\n1344,Harbour lights\n1345,Kyoto", save="1")
    assert (response.status_code, response["Location"]) == (302, reverse("runs-list", args=[team.slug]))
    assert "1 run was added. 1 was already here." in text_of(client.get(response["Location"]))
    assert list(team.runs.order_by("camb_run_id").values_list("camb_run_id", "title", "added_by")) == [
        (1344, "Harbour lights", user.pk),
        (1345, "Kyoto", None),
    ]


def test_a_task_is_followed(team, member):
    assert "1 task" in text_of(add(member, team, text=TASK))
    add(member, team, text=f"{TASK}\tHarbour lights", save="1")
    assert list(team.runs.values_list("camb_run_id", "camb_task_id", "title")) == [(None, TASK, "Harbour lights")]
    assert "1 was already here." in text_of(member.get(add(member, team, text=TASK, save="1")["Location"]))


def test_a_run_of_another_team_is_simply_new(team, member):
    make_run(make_team(), camb_run_id=1344)
    assert "1 new run" in text_of(add(member, team, text="1344"))
    add(member, team, text="1344", save="1")
    assert list(team.runs.values_list("camb_run_id", flat=True)) == [1344]


def test_a_text_without_ids_is_not_saved_and_not_lost(team, member):
    response = add(member, team, text="nothing here", save="1")
    assert response.status_code == 422
    assert "There is no run id in this text yet, so nothing was added." in text_of(response)
    assert "nothing here</textarea>" in response.content.decode()


@pytest.mark.parametrize(
    "raw",
    [
        "run_id,title\n1344,Café\n".encode(),
        "\ufeffrun_id,title\r\n1344,Café\r\n".encode(),
        "run_id,title\n1344,Café\n".encode("utf-16"),
        "run_id;title\n1344;Café\n".encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "cp1252"],
)
def test_a_file_is_read_beside_the_text(raw, team, member):
    add(member, team, text="7", file=SimpleUploadedFile("../runs.csv", raw), save="1")
    assert set(team.runs.values_list("camb_run_id", flat=True)) == {7, 1344}


def test_titles_of_a_file_are_read(team, member):
    add(
        member,
        team,
        text="7",
        file=SimpleUploadedFile("runs.csv", "run_id,title\n1344,Café".encode("cp1252")),
        save="1",
    )
    assert list(team.runs.order_by("camb_run_id").values_list("camb_run_id", "title")) == [(7, ""), (1344, "Café")]


def test_the_text_of_a_file_comes_back_with_the_page(team, member):
    response = add(member, team, text="7", file=SimpleUploadedFile("runs.txt", b"1344"))
    assert "7\n1344</textarea>" in response.content.decode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"text": "1 " * 600_000}, "This is more than 1 MB of text. Please add it in parts."),
        (
            {"text": " ".join(map(str, range(1, 20_002)))},
            "These are 20,001 run ids; up to 20,000 can be added at once. Please add them in parts.",
        ),
    ],
    ids=["too long", "too many"],
)
def test_limits_are_said_and_nothing_is_lost(data, said, team, member):
    response = add(member, team, **data, save="1")
    assert response.status_code == 422
    assert said in text_of(response)
    assert data["text"] in response.content.decode()


def test_a_large_file_is_refused_with_the_reason(team, member):
    response = add(member, team, text="7", file=SimpleUploadedFile("runs.txt", b"1" * (2**20 + 1)), save="1")
    assert response.status_code == 422
    assert "This file is larger than 1 MB. Please send it in parts." in text_of(response)
    assert not team.runs.exists()


def test_an_empty_file_is_no_error(team, member):
    assert add(member, team, text="7", file=SimpleUploadedFile("runs.txt", b"")).status_code == 200


def test_ten_thousand_ids_are_added_at_once(team, member):
    text = "\n".join(map(str, range(1, 10_001)))
    preview = text_of(add(member, team, text=text))
    assert "10,000 new runs" in preview
    assert "and 9950 more" in preview
    add(member, team, text=text, save="1")
    assert team.runs.count() == 10_000


# --- Title, refresh, remove ---------------------------------------------------------------------------


def test_a_title_is_saved_and_everybody_is_told(team, member):
    run = make_run(team, camb_run_id=1344)
    since = Pulse.of(team.pk)
    response = member.post(reverse("runs-title", args=[run.pk]), {"title": "  Harbour lights "})
    assert (response.status_code, response["Location"]) == (302, reverse("runs-detail", args=[run.pk]))
    run.refresh_from_db()
    assert (run.title, run.version) == ("Harbour lights", since + 1)


def test_in_place_a_title_comes_back_alone(team, member):
    run = make_run(team)
    response = member.post(
        reverse("runs-title", args=[run.pk]), {"title": "Lights & <b>"}, headers={"HX-Request": "true"}
    )
    assert response.content.decode().strip() == (
        f'<bdi id="run-{run.pk}-name" hx-swap-oob="true">Lights &amp; &lt;b&gt;</bdi>'
    )


def test_a_title_can_be_taken_away(team, member):
    run = make_run(team, camb_run_id=1344, title="Harbour lights")
    member.post(reverse("runs-title", args=[run.pk]), {"title": ""})
    run.refresh_from_db()
    assert str(run) == "Run 1344"


@pytest.mark.parametrize(
    ("title", "said"),
    [("x" * 201, "A title has at most 200 characters."), ("a\0b", "Null characters are not allowed.")],
)
def test_a_title_that_cannot_be_saved_says_why_and_stays(title, said, team, member):
    run = make_run(team, title="Harbour lights")
    response = member.post(reverse("runs-title", args=[run.pk]), {"title": title})
    assert response.status_code == 422
    assert said in text_of(response)
    assert f'value="{title}"' in response.content.decode()
    run.refresh_from_db()
    assert run.title == "Harbour lights"


def test_only_the_title_can_be_changed_by_its_form(team, member):
    run = make_run(team, camb_run_id=1344)
    member.post(reverse("runs-title", args=[run.pk]), {"title": "x", "camb_run_id": 7, "team": make_team().pk})
    run.refresh_from_db()
    assert (run.camb_run_id, run.team) == (1344, team)


def test_refresh_now_asks(team, member):
    make_key(team)
    run = make_run(team, status="ready", due_at=None)
    response = member.post(reverse("runs-refresh", args=[run.pk]))
    assert (response.status_code, response["Location"]) == (302, reverse("runs-detail", args=[run.pk]))
    run.refresh_from_db()
    assert run.lease is not None
    member.post(reverse("runs-refresh", args=[run.pk]))
    assert "being asked already" in text_of(member.get(reverse("runs-list", args=[team.slug])))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "this team has no CAMB.AI key yet"),
        ({"state": "refused", "message": "CAMB.AI refused the key."}, "CAMB.AI refused the key."),
    ],
)
def test_refresh_now_says_why_it_cannot(key, said, team, member):
    if key:
        make_key(team, retry_at=timezone.now() + timedelta(hours=1), **key)
    member.post(reverse("runs-refresh", args=[make_run(team).pk]))
    assert said in text_of(member.get(reverse("runs-list", args=[team.slug])))


# --- Many at once -------------------------------------------------------------------------------------


def refresh_many(client: Client, team: Team, **values) -> str:
    """Have runs asked and return what the list then says."""
    response = client.post(reverse("runs-refresh-many", args=[team.slug]), values)
    assert response.status_code == 302
    return text_of(client.get(response["Location"]))


def wanted(team: Team) -> set[str]:
    return set(Run.objects.filter(team=team).exclude(wanted_at=None).values_list("title", flat=True))


def make_named_runs(team: Team) -> dict[str, Run]:
    return {
        title: make_run(team, camb_run_id=camb_run_id, title=title, status=status, due_at=None)
        for title, camb_run_id, status in (
            ("Harbour 1", 711, "ready"),
            ("Harbour 2", 712, "failed"),
            ("Island", 723, "failed"),
            ("Lighthouse", 734, "ready"),
        )
    }


def test_the_picked_runs_are_asked(team, member):
    make_key(team)
    runs = make_named_runs(team)
    said = refresh_many(member, team, pk=[runs["Harbour 1"].pk, runs["Island"].pk, "x", "-1", "9" * 30, ""])
    assert wanted(team) == {"Harbour 1", "Island"}
    assert "CAMB.AI is asked about 2 runs as soon as" in said
    assert "0 of 2 checked" in said


@pytest.mark.parametrize(
    ("values", "titles"),
    [
        ({}, {"Harbour 1", "Harbour 2", "Island", "Lighthouse"}),
        ({"status": "failed"}, {"Harbour 2", "Island"}),
        ({"q": "harbour"}, {"Harbour 1", "Harbour 2"}),
        ({"q": "71", "status": "ready"}, {"Harbour 1"}),
        ({"q": "72"}, {"Island"}),
    ],
)
def test_all_means_what_the_filter_lets_through_whatever_is_picked(values, titles, team, member):
    make_key(team)
    runs = make_named_runs(team)
    refresh_many(member, team, all="1", pk=runs["Lighthouse"].pk, **values)
    assert wanted(team) == titles


def test_the_list_stays_filtered_after_many_were_asked(team, member):
    make_key(team)
    response = member.post(
        reverse("runs-refresh-many", args=[team.slug]),
        {"all": "1", "status": "failed", "q": "a&b", "order": "oldest"},
    )
    assert response["Location"] == f"/t/{team.slug}/runs/?q=a%26b&status=failed&order=oldest"


def test_another_teams_runs_are_never_asked(team, member):
    make_key(team)
    other = make_team()
    make_key(other)
    foreign = make_run(other, due_at=None)
    assert "No run was selected" in refresh_many(member, team, pk=foreign.pk)
    assert "No run was selected" in refresh_many(member, team, all="1")
    assert wanted(other) == set()


def test_no_more_are_picked_than_a_person_can(team, member, monkeypatch):
    monkeypatch.setattr("dashboard.views.runs.MOST_PICKED", 2)
    make_key(team)
    runs = make_named_runs(team)
    said = refresh_many(member, team, pk=[run.pk for run in runs.values()])
    assert "about 2 runs" in said
    assert wanted(team) == {"Harbour 1", "Harbour 2"}


def test_without_a_key_many_are_not_asked(team, member):
    runs = make_named_runs(team)
    said = refresh_many(member, team, pk=runs["Island"].pk)
    assert "Nobody can be asked: this team has no CAMB.AI key yet." in said
    assert wanted(team) == set()


def test_only_who_may_change_can_pick(team, member):
    run = make_run(team)
    url = reverse("runs-list", args=[team.slug])
    box = f'form="picked" name="pk" value="{run.pk}" aria-labelledby="run-{run.pk}-name" hx-preserve'
    assert box in member.get(url).content.decode()
    viewer = signed_in(make_member(team, Role.VIEWER))
    html = viewer.get(url).content.decode()
    assert "picked" not in html
    assert 'name="pk"' not in html


def test_all_can_be_picked_only_where_there_is_more_than_the_page(team, member):
    url = reverse("runs-list", args=[team.slug])
    for _ in range(PAGE):
        make_run(team, title="Harbour")
    assert 'name="all"' not in member.get(url).content.decode()
    make_run(team, title="Harbour")
    make_run(team, title="Island")
    assert f"all {PAGE + 2}</label>" in member.get(url).content.decode()
    assert f"all {PAGE + 1} matching</label>" in member.get(url + "?q=harbour").content.decode()


def test_a_sweep_is_over_once_every_run_was_checked(team, member):
    make_key(team)
    runs = make_named_runs(team)
    refresh_many(member, team, all="1")
    Run.objects.filter(pk=runs["Island"].pk).update(wanted_at=None, checked_at=timezone.now())
    url = reverse("runs-list", args=[team.slug])
    assert "1 of 4 checked" in text_of(member.get(url))
    Run.objects.filter(team=team).update(wanted_at=None, checked_at=timezone.now())
    assert " checked" not in text_of(member.get(url)).partition("Run Id")[0]


def test_removing_asks_first(team, member):
    run = make_run(team, title="Harbour lights")
    url = reverse("runs-remove", args=[run.pk])
    assert "Remove Harbour lights ?" in text_of(member.get(url))
    assert Run.objects.filter(pk=run.pk).exists()
    response = member.post(url)
    assert (response.status_code, response["Location"]) == (302, reverse("runs-list", args=[team.slug]))
    assert not Run.objects.filter(pk=run.pk).exists()


def test_a_rename_locks_the_run_before_the_pulse_as_storing_does(team, member):
    run = make_run(team)
    with CaptureQueriesContext(connection) as queries:
        member.post(f"/runs/{run.pk}/title/", {"title": "Pilot"})
    statements = [query["sql"] for query in queries]
    pulse = next(at for at, sql in enumerate(statements) if sql.startswith("UPDATE") and "results_pulse" in sql)
    begin = max(at for at, sql in enumerate(statements[:pulse]) if sql.startswith("SAVEPOINT"))
    assert any("results_run" in sql for sql in statements[begin:pulse])
    run.refresh_from_db()
    assert run.title == "Pilot"
