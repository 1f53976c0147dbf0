"""The list's filters, their chips, and the order by each column."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from django.urls import reverse
from django.utils import timezone

from dashboard.pages.run_filters import build_filters
from dashboard.pages.run_query import RunListQuery
from results.models import Event, MediaCopy, Run
from results.tags import add_tags
from teams.models import User
from tests.factories import make_dub, make_member, make_ready_run, make_run, make_team

pytestmark = pytest.mark.django_db


def listed(client, team, **query) -> list[str]:
    response = client.get(reverse("runs-list", args=[team.slug]), query)
    return [row.name for row in response.context["rows"]]


def chips(client, team, **query) -> list[str]:
    response = client.get(reverse("runs-list", args=[team.slug]), query)
    return [chip.name for chip in response.context["filter_chips"]]


# --- Filters -----------------------------------------------------------------------------------------


def test_runs_are_filtered_by_who_added_them(member, team, owner):
    make_run(team, title="mine", added_by=owner)
    make_run(team, title="theirs", added_by=make_member(team))
    assert listed(member, team, who=owner.pk) == ["mine"]
    assert chips(member, team, who=owner.pk) == ["Added by Anna"]
    assert listed(member, team, who="x") == ["theirs", "mine"]


def test_runs_are_filtered_by_the_day_they_were_added_on(member, team):
    for day in (1, 2, 3):
        make_run(team, title=f"day {day}", created_at=datetime(2026, 5, day, 12, tzinfo=UTC))
    assert listed(member, team, since="2026-05-02") == ["day 3", "day 2"]
    assert listed(member, team, until="2026-05-02") == ["day 2", "day 1"]
    assert listed(member, team, since="2026-05-02", until="2026-05-02") == ["day 2"]
    assert chips(member, team, since="2026-05-02") == ["Added since 2026-05-02"]
    for odd in ("2026-5-2", "2026-02-31", "soon", "2026-05-02T00:00"):
        assert len(listed(member, team, since=odd)) == 3
    # These have no midnight in every zone.
    assert len(listed(member, team, since="0001-01-01", until="9999-12-31")) == 3
    assert listed(member, team, since="9999-12-31") == listed(member, team, until="0001-01-01") == []


def test_runs_are_filtered_by_whether_their_media_is_kept(member, team):
    kept, fetched, bare = (make_ready_run(team, title=name) for name in ("kept", "fetched", "bare"))
    for run, state in ((kept, "kept"), (fetched, "waiting")):
        MediaCopy.objects.create(team=team, dub=make_dub(run), kind="video", state=state, name=run.title)
    assert listed(member, team, copies="kept") == ["kept"]
    assert listed(member, team, copies="none") == ["bare", "fetched"]
    assert bare.title == "bare"


def test_filters_hold_together_and_are_removed_one_by_one(member, team, owner):
    make_ready_run(team, title="both", added_by=owner, languages=["es"])
    make_ready_run(team, title="one", added_by=owner, languages=["fr"])
    query = {"who": owner.pk, "lang": "es", "q": "o"}
    response = member.get(reverse("runs-list", args=[team.slug]), query)
    assert [row.name for row in response.context["rows"]] == ["both"]
    without = {chip.name: chip.without for chip in response.context["filter_chips"]}
    assert without == {"Spanish": f"?q=o&who={owner.pk}", "Added by Anna": "?q=o&lang=es"}
    assert response.context["wanted"].unfiltered == "?q=o"


# --- The menu ----------------------------------------------------------------------------------------


def menu(client, team, **query):
    return client.get(reverse("runs-list-filters", args=[team.slug]), query)


def choices(response, field: str) -> dict[str, int]:
    """Return the numbers of the choices of a filter, by their names."""
    return {c.name: c.runs for one in response.context["filters"] if one.field == field for c in one.choices}


def make_named_member(team, name: str) -> User:
    user = make_member(team)
    user.name = name
    user.save()
    return user


def carried(response) -> dict[str, str]:
    return dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', response.text.partition('id="filter-form"')[2])
    )


def test_each_choice_of_the_menu_has_the_number_of_its_runs(member, team, owner):
    anna = [make_ready_run(team, added_by=owner, languages=["es", "es-mx"]) for _ in range(2)]
    ben = make_named_member(team, "Ben")
    failed = make_run(team, status="failed", added_by=ben, languages=["fr", ""], check_count=3)
    add_tags(team, {anna[0].pk: ["Launch"], failed.pk: ["Launch", "Late"]})
    MediaCopy.objects.create(team=team, dub=make_dub(anna[1]), kind="video", state="kept", name="x")
    make_run(make_team(), languages=["ja"])
    response = menu(member, team)
    assert choices(response, "status") == {"Ready": 2, "Failed": 1}
    languages = {"French": 1, "Spanish": 2, "No language": 1, "Guessed language": 0, "Text in another language": 0}
    assert choices(response, "lang") == languages
    assert choices(response, "tag") == {"Late": 1, "Launch": 2}
    assert choices(response, "who") == {"Anna": 2, "Ben": 1}
    assert choices(response, "copies") == {"Kept here": 1, "Not kept": 2}
    assert choices(response, "checks") == {"With review checks": 1}
    assert '<option value="es">Spanish (2)</option>' in response.text
    # By the other filters too, but not by the filter itself.
    response = menu(member, team, who=owner.pk, tag="launch")
    assert choices(response, "who") == {"Anna": 1, "Ben": 1}
    assert choices(response, "lang")["Spanish"] == 1
    assert choices(response, "tag") == {}


def test_applying_a_filter_keeps_what_the_menu_does_not_offer(member, team):
    run = make_run(team, languages=["es"])
    event = Event.objects.create(team=team, run=run, kind="ready")
    beside = {
        "q": "o", "order": "title", "events": f"{event.pk}-{event.pk}", "view": "7", "cols": "id", "tag": "Launch",
    }  # fmt: skip
    assert carried(menu(member, team, status="failed", lang="es", **beside)) == beside
    page = member.get(reverse("runs-list", args=[team.slug]), {"lang": "es", "status": "ready", **beside})
    kept = {"q": "o", "status": "ready", "order": "title", "view": "7", "cols": "id"}
    assert dict(parse_qsl(page.context["wanted"].unfiltered[1:])) == kept


def test_one_who_left_the_team_stays_a_choice(member, team):
    left = make_named_member(team, "Kim")
    make_run(team, added_by=left)
    left.memberships.all().delete()
    assert chips(member, team, who=left.pk) == ["Added by Kim"]
    response = menu(member, team, who=left.pk)
    assert choices(response, "who") == {"Kim": 1}
    assert f'<option value="{left.pk}" selected>' in response.text


def test_no_menu_names_a_person_of_another_team(member, team):
    make_run(team)
    stranger = make_team("Other").memberships.get().user
    assert chips(member, team, who=stranger.pk) == ["Added by ?"]
    assert choices(menu(member, team, who=stranger.pk), "who") == {"?": 0}


def test_what_is_chosen_stays_a_choice_even_if_no_run_has_it(member, team):
    make_run(team, languages=["es-mx"])
    assert choices(menu(member, team, lang="es-mx"), "lang")["Spanish (Mexico)"] == 1
    assert choices(menu(member, team, lang="ja"), "lang")["Japanese"] == 0
    assert choices(menu(member, team, status="failed"), "status")["Failed"] == 0


def test_the_menu_takes_as_many_queries_for_thirty_runs_as_for_one(
    member, team, owner, django_assert_num_queries, django_assert_max_num_queries
):
    run = make_run(team, languages=["es"], added_by=owner)
    add_tags(team, {run.pk: ["Launch"]})
    menu(member, team)
    with django_assert_max_num_queries(20) as first:
        menu(member, team)
    for number in range(30):
        other = make_run(team, languages=["fr", f"x-{number}"], added_by=make_member(team))
        add_tags(team, {other.pk: [f"tag {number}"]})
    with django_assert_num_queries(len(first)):
        menu(member, team)


def test_bulk_actions_on_all_keep_to_every_filter(member, team, owner):
    mine = make_ready_run(team, added_by=owner)
    make_ready_run(team, added_by=make_member(team))
    member.post(reverse("runs-bulk-archive", args=[team.slug]), {"all": 1, "who": owner.pk})
    assert list(Run.objects.archived()) == [mine]


def test_an_empty_result_says_how_to_see_more(member, team):
    make_run(team)
    text = member.get(reverse("runs-list", args=[team.slug]), {"since": "2099-01-01"}).text
    assert "No runs match these filters" in text
    assert "Remove a filter to see more runs." in text


# --- Order -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", ["c", "b", "a"]),
        ("oldest", ["a", "b", "c"]),
        ("title", ["a", "b", "c"]),
        ("-title", ["c", "b", "a"]),
        ("id", ["a", "c", "b"]),
        ("-id", ["b", "c", "a"]),
        ("length", ["b", "a", "c"]),
        ("-length", ["c", "a", "b"]),
        ("lines", ["c", "a", "b"]),
        ("status", ["b", "c", "a"]),
        ("checked", ["b", "c", "a"]),
        ("-checked", ["a", "c", "b"]),
        ("-oldest", ["c", "b", "a"]),
        ("added_by", ["c", "b", "a"]),
    ],
)
def test_the_list_is_sorted_by_each_column(member, team, order, names):
    now = timezone.now()
    make_run(
        team,
        title="a",
        camb_run_id=None,
        camb_task_id="t",
        duration_ms=2,
        cue_count=2,
        status="ready",
        checked_at=now,
    )
    make_run(team, title="b", camb_run_id=9, duration_ms=1, cue_count=3, status="failed", checked_at=None)
    make_run(
        team,
        title="c",
        camb_run_id=8,
        duration_ms=3,
        cue_count=1,
        status="new",
        checked_at=now - timedelta(hours=1),
    )
    assert listed(member, team, order=order) == names


@pytest.mark.parametrize("order", ["", "oldest", "title", "-title", "id", "-id", "checked", "-checked", "status"])
def test_pages_lead_through_every_run_in_each_order_and_back(member, team, order, monkeypatch):
    monkeypatch.setattr("dashboard.pages.list_queries.read_list_page.__defaults__", (2,))
    now = timezone.now()
    for number in range(7):
        make_run(
            team,
            title=f"{'ab'[number % 2]}",
            camb_run_id=None if number < 3 else 100 - number,
            camb_task_id=f"task {number}" if number < 3 else "",
            checked_at=None if number % 3 == 0 else now - timedelta(hours=number % 2),
        )
    every = Run.objects.filter(team=team).count()
    address = reverse("runs-list", args=[team.slug])
    pages: list[list[int]] = []
    query = f"?order={order}"
    while query:
        page = member.get(address + query).context["page"]
        pages.append([run.pk for run in page.runs])
        query = page.after
    assert sorted(pk for page in pages for pk in page) == sorted(Run.objects.values_list("pk", flat=True))
    assert sum(map(len, pages)) == every
    back: list[list[int]] = []
    query = page.before
    while query:
        page = member.get(address + query).context["page"]
        back.insert(0, [run.pk for run in page.runs])
        query = page.before if len(back) < len(pages) - 1 else ""
    assert back == pages[:-1]


def test_a_heading_sorts_and_turns_the_order_round(member, team):
    make_run(team)
    link = re.compile(r'<th scope="col" class="run-title"([^>]*)>.*?<a class="sort-link" href="(.*?)"', re.DOTALL)
    for order, sorted_by, following in (("", "", "title"), ("title", ' aria-sort="ascending"', "-title")):
        page = member.get(reverse("runs-list", args=[team.slug]), {"order": order}).content.decode()
        assert link.findall(page) == [(sorted_by, f"?order={following}")]


def test_the_page_behind_a_run_that_is_gone_is_the_first_one(member, team):
    make_run(team, title="a")
    assert listed(member, team, order="title", after=999) == ["a"]


# --- The numbers of the menu -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=ready",
        "status=archived",
        "lang=es",
        "lang=-none",
        "lang=-guessed",
        "lang=-otherwise",
        "checks=open",
        "copies=kept&q=one",
        "who={who}&lang=pt-br",
        "tag=a&checks=open",
    ],
)
def test_each_number_is_that_of_the_runs_that_the_choice_shows(team, owner, query):
    languages: tuple[list[str], ...] = (["es-es"], ["es-mx", "es-es"], ["pt-br", ""], [], ["es-es", "pt-pt"], [""])
    runs = [
        make_run(
            team,
            title=("one", "two")[place % 2],
            status=("ready", "failed", "ready")[place % 3],
            languages=languages[place % 6],
            added_by=owner if place % 4 else None,
            check_count=place % 2,
            guessed_languages=["es"] if place % 5 == 1 else None,
            language_mismatches=[["es", "pt", 0]] if place % 7 == 1 else None,
            archived_at=timezone.now() if place % 8 == 7 else None,
            removed_at=timezone.now() if place == 15 else None,
        )
        for place in range(24)
    ]
    add_tags(team, {run.pk: ["a", "b"][: place % 3] for place, run in enumerate(runs)})
    MediaCopy.objects.create(team=team, dub=make_dub(runs[2]), kind="video", state="kept", name="1")
    MediaCopy.objects.create(team=team, dub=make_dub(runs[7]), kind="video", state="kept", name="2")
    wanted = RunListQuery.read_text(query.format(who=owner.pk))
    counted = {
        (one.field, choice.value): choice.runs for one in build_filters(team.pk, wanted) for choice in one.choices
    }
    expected = {
        (field, value): RunListQuery.read_text(
            f"{wanted.query()}&tag={value}" if field == "tag" else wanted.query(**{field: value})
        )
        .matching(Run.objects.filter(team=team))
        .count()
        for field, value in counted
    }
    assert counted == expected
    assert {"status", "lang", "who", "copies", "checks"} <= {field for field, _value in counted}
