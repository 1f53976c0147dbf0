"""Bulk actions: which runs are selected, and what each action does with them."""

import csv
import re
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.pages.run_query import PAGE_SIZE
from results import tags
from results.models import Run, TeamVersion
from results.runs.archive import archive_runs
from teams.models import Membership, Team
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_dub, make_key, make_member, make_pictured_copy, make_run, make_team, make_worker

pytestmark = pytest.mark.django_db
Role = Membership.Role


def refresh_many(client: Client, team: Team, **values) -> str:
    """Request a refresh of the selected runs and return the text of the list."""
    response = client.post(reverse("runs-bulk-refresh", args=[team.slug]), values)
    assert response.status_code == 302
    return text_of(client.get(response["Location"]))


def requested(team: Team) -> set[str]:
    """Return the titles of the runs whose refresh was requested."""
    return set(Run.objects.filter(team=team).exclude(requested_at=None).values_list("title", flat=True))


def tagged(team: Team, name: str) -> set[str]:
    return set(Run.objects.filter(tags.tagged_with(name), team=team).values_list("title", flat=True))


def manifest(response) -> list[str]:
    """Return the titles in the manifest of an exported ZIP."""
    file = ZipFile(BytesIO(b"".join(response.streaming_content)))
    return [row["title"] for row in csv.DictReader(StringIO(file.read("manifest.csv").decode("utf-8-sig")))]


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


def test_the_selected_runs_are_refreshed(team, member):
    make_key(team)
    runs = make_named_runs(team)
    text = refresh_many(member, team, pk=[runs["Harbour 1"].pk, runs["Island"].pk, "x", "-1", "9" * 30, ""])
    assert requested(team) == {"Harbour 1", "Island"}
    assert "2 runs will be refreshed as soon as" in text
    assert "0 of 2 checked" in text


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
def test_all_selects_the_runs_of_the_filter_and_ignores_single_runs(values, titles, team, member):
    make_key(team)
    runs = make_named_runs(team)
    refresh_many(member, team, all="1", pk=runs["Lighthouse"].pk, **values)
    assert requested(team) == titles


def test_the_list_stays_filtered_after_a_refresh(team, member):
    make_key(team)
    response = member.post(
        reverse("runs-bulk-refresh", args=[team.slug]),
        {"all": "1", "status": "failed", "q": "a&b", "order": "oldest"},
    )
    assert response["Location"] == f"/t/{team.slug}/runs/?q=a%26b&status=failed&order=oldest"


def test_the_selected_runs_are_tagged_and_untagged(team, member):
    runs = make_named_runs(team)
    foreign = make_run(make_team())
    selection = {"pk": [runs["Harbour 1"].pk, runs["Island"].pk, foreign.pk], "q": "a"}
    url = reverse("runs-bulk-tag", args=[team.slug])
    response = member.post(url, selection | {"tags": "Launch, two words"})
    assert response["Location"] == f"/t/{team.slug}/runs/?q=a"
    assert "2 runs are tagged “Launch”, “two words”." in text_of(member.get(response["Location"]))
    assert (tagged(team, "launch"), tagged(team, "two words")) == ({"Harbour 1", "Island"}, {"Harbour 1", "Island"})
    assert "LAUNCH”: removed from 2 runs." in text_of(
        member.post(url, selection | {"tags": "LAUNCH", "remove": "1"}, follow=True)
    )
    assert (tagged(team, "launch"), tagged(team, "two words")) == (set(), {"Harbour 1", "Island"})
    assert foreign.tag_names == []


def test_all_matching_runs_are_untagged_even_when_the_tag_is_the_filter(team, member):
    make_named_runs(team)
    url = reverse("runs-bulk-tag", args=[team.slug])
    member.post(url, {"all": "1", "status": "failed", "tags": "broken"})
    assert tagged(team, "broken") == {"Harbour 2", "Island"}
    before = TeamVersion.current(team.pk)
    member.post(url, {"all": "1", "tag": "broken", "tags": "broken", "remove": "1"})
    assert tagged(team, "broken") == set()
    assert TeamVersion.current(team.pk) > before
    assert "No run was selected" in text_of(member.post(url, {"tags": "x"}, follow=True))


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("", "Type a tag first."),
        (" , ,", "Type a tag first."),
        ("x" * 10_000, "A tag has at most 40 characters"),
        (",".join(map(str, range(21))), "Add at most 20 tags at once."),
        ("a\0b", "Null characters are not allowed."),
    ],
)
def test_invalid_tags_are_refused_and_the_selection_is_not_lost(typed, text, team, member):
    runs = make_named_runs(team)
    sent = {"pk": [runs["Island"].pk, runs["Harbour 1"].pk], "q": "a", "tags": typed}
    response = member.post(reverse("runs-bulk-tag", args=[team.slug]), sent)
    assert response.status_code == 422
    assert text in text_of(response)
    html = response.content.decode()
    for pk in sent["pk"]:
        assert f'<input type="hidden" name="pk" value="{pk}">' in html
    assert f'name="tags" value="{typed}"' in html
    assert team.tags.count() == 0


def current(team: Team) -> set[str]:
    return set(Run.objects.current().filter(team=team).values_list("title", flat=True))


def test_the_selected_runs_are_archived_and_restored(team, member):
    runs = make_named_runs(team)
    foreign = make_run(make_team())
    selection = {"pk": [runs["Harbour 1"].pk, runs["Island"].pk, foreign.pk], "q": "a"}
    response = member.post(reverse("runs-bulk-archive", args=[team.slug]), selection)
    assert response["Location"] == f"/t/{team.slug}/runs/?q=a"
    assert "2 runs are archived; they can be restored under “Archived”." in text_of(
        member.get(response["Location"])
    )
    assert current(team) == {"Harbour 2", "Lighthouse"}
    text = text_of(member.post(reverse("runs-bulk-unarchive", args=[team.slug]), selection, follow=True))
    assert "2 runs are restored." in text
    assert current(team) == set(runs)
    foreign.refresh_from_db()
    assert foreign.archived_at is None


def test_all_matching_runs_are_archived_and_restored(team, member):
    runs = make_named_runs(team)
    member.post(reverse("runs-bulk-archive", args=[team.slug]), {"all": "1", "status": "failed"})
    assert current(team) == {"Harbour 1", "Lighthouse"}
    # All means all that the list shows: an archived run is not refreshed, and a current run is not restored.
    make_key(team)
    refresh_many(member, team, all="1")
    assert requested(team) == {"Harbour 1", "Lighthouse"}
    before = runs["Lighthouse"].version
    restore = {"all": "1", "status": "archived", "q": "harbour"}
    member.post(reverse("runs-bulk-unarchive", args=[team.slug]), restore)
    assert current(team) == {"Harbour 1", "Harbour 2", "Lighthouse"}
    assert before == runs["Lighthouse"].version
    assert "No run was selected" in text_of(
        member.post(reverse("runs-bulk-archive", args=[team.slug]), {"pk": "x"}, follow=True)
    )


def test_archived_runs_are_exported_from_their_tab(team, member):
    runs = make_named_runs(team)
    archive_runs(team, [runs["Island"].pk])
    url = reverse("runs-export-selection", args=[team.slug])
    assert manifest(member.get(url, {"status": "archived"})) == ["Island"]
    assert manifest(member.get(url)) == ["Harbour 1", "Harbour 2", "Lighthouse"]


def test_the_selected_runs_are_exported(team, member):
    runs = make_named_runs(team)
    url = reverse("runs-export-selection", args=[team.slug])
    response = member.post(url, {"pk": [runs["Island"].pk, make_run(make_team()).pk], "format": "srt"})
    assert manifest(response) == ["Island"]
    response = member.post(url, {"all": "1", "q": "harbour", "status": "failed", "pk": runs["Island"].pk})
    assert manifest(response) == ["Harbour 2"]


def test_another_teams_runs_are_never_refreshed(team, member):
    make_key(team)
    other = make_team()
    make_key(other)
    foreign = make_run(other, due_at=None)
    assert "No run was selected" in refresh_many(member, team, pk=foreign.pk)
    assert "No run was selected" in refresh_many(member, team, all="1")
    assert requested(other) == set()


def test_the_number_of_selected_runs_is_limited(team, member, monkeypatch):
    monkeypatch.setattr("dashboard.pages.run_query.MAX_SELECTED", 2)
    make_key(team)
    runs = make_named_runs(team)
    text = refresh_many(member, team, pk=[run.pk for run in runs.values()])
    assert "2 runs will be refreshed" in text
    assert requested(team) == {"Harbour 1", "Harbour 2"}


@pytest.mark.usefixtures("_broker_is_away")
def test_a_refresh_says_that_no_worker_can_be_reached_and_is_not_lost(team, member):
    make_key(team)
    run = make_run(team, title="Island", due_at=None)
    text = refresh_many(member, team, pk=run.pk)
    assert "Refresh is delayed by a problem on this server. It starts by itself once that is fixed." in text
    assert "as soon as the team's key allows" not in text
    assert requested(team) == {"Island"}
    assert "No run was selected" in refresh_many(member, team)


def test_without_a_key_no_run_is_refreshed(team, member):
    runs = make_named_runs(team)
    text = refresh_many(member, team, pk=runs["Island"].pk)
    assert "This team has no CAMB.AI key yet, so nothing can be refreshed." in text
    assert requested(team) == set()


def test_a_viewer_cannot_select_runs(team, member):
    run = make_run(team)
    url = reverse("runs-list", args=[team.slug])
    box = f'form="bulk-bar" name="pk" value="{run.pk}" aria-labelledby="run-{run.pk}-name" hx-preserve'
    assert box in member.get(url).content.decode()
    viewer = signed_in(make_member(team, Role.VIEWER))
    html = viewer.get(url).content.decode()
    assert "bulk-bar" not in html
    assert 'name="pk"' not in html


def test_all_can_be_selected_only_when_the_list_exceeds_its_page(team, member):
    url = reverse("runs-list", args=[team.slug])
    for _ in range(PAGE_SIZE):
        make_run(team, title="Harbour")
    assert 'name="all"' not in member.get(url).content.decode()
    make_run(team, title="Harbour")
    make_run(team, title="Island")
    assert f"Select all {PAGE_SIZE + 2}</label>" in member.get(url).content.decode()
    assert f"Select all {PAGE_SIZE + 1} matching</label>" in member.get(url + "?q=harbour").content.decode()


def test_the_progress_ends_once_every_run_was_checked(team, member):
    make_worker()
    make_key(team)
    runs = make_named_runs(team)
    refresh_many(member, team, all="1")
    Run.objects.filter(pk=runs["Island"].pk).update(requested_at=None, checked_at=timezone.now())
    url = reverse("runs-list", args=[team.slug])
    assert "1 of 4 checked" in text_of(member.get(url))
    Run.objects.filter(team=team).update(requested_at=None, checked_at=timezone.now())
    assert " checked" not in text_of(member.get(url)).partition("Run Id")[0]


# --- Ticks of the team's tags ------------------------------------------------------------------------


@pytest.fixture
def ticked(team) -> dict[str, Run]:
    """Four runs: all are "all", two are "some", and another tag of the team is on a run that is not selected."""
    runs = make_named_runs(team)
    tags.add_tags(team, {run.pk: ["all"] for run in runs.values()})
    tags.add_tags(team, {runs[name].pk: ["some"] for name in ("Island", "Lighthouse")})
    tags.add_tags(team, {make_run(team).pk: ["other"]})
    return runs


def selection(runs: dict[str, Run]) -> dict[str, list[int]]:
    return {"pk": [run.pk for run in runs.values()]}


def test_the_menu_ticks_the_tags_of_the_selected_runs(team, member, ticked):
    page = member.post(reverse("runs-bulk-ticks", args=[team.slug]), selection(ticked)).content.decode()
    assert re.findall(r'name="tick" value="(\w+)"( checked| data-mixed)?', page) == [
        ("all", " checked"),
        ("other", ""),
        ("some", " data-mixed"),
    ]
    assert (re.findall(r'name="was" value="(\w+)"', page), "2 of 4" in page) == (["all"], True)


@pytest.mark.parametrize(
    ("form", "added", "removed"),
    [
        ({"was": "all", "tick": ["all", "some"]}, ["some"], []),
        ({"was": "all", "tick": ["all", "other"], "tags": "new"}, ["other", "new"], []),
        ({"was": "all"}, [], ["all"]),
        ({"was": "all", "tick": "all", "off": "some"}, [], ["some"]),
        ({"was": "all", "tags": "ALL"}, ["all"], []),
    ],
)
def test_ticks_that_changed_change_the_tags_of_all_selected_runs(team, member, ticked, form, added, removed):
    member.post(reverse("runs-bulk-tag", args=[team.slug]), selection(ticked) | {"ticks": "1"} | form)
    assert {name for name in added if tagged(team, name) < set(ticked)} == set()
    assert {name for name in removed if tagged(team, name)} == set()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"tick": ["x" * 41]}, "A tag has at most 40 characters"),
        ({"tick": [f"t{n}" for n in range(21)]}, "Add at most 20 tags at once."),
        ({"tick": [f"t{n}" for n in range(20)], "tags": "new"}, "Add at most 20 tags at once."),
    ],
)
def test_ticked_tags_have_the_limits_of_typed_ones(team, member, ticked, form, sentence):
    names = set(team.tags.values_list("name", flat=True))
    answer = member.post(reverse("runs-bulk-tag", args=[team.slug]), selection(ticked) | {"ticks": "1"} | form)
    assert (answer.status_code, sentence in text_of(answer)) == (422, True)
    assert set(team.tags.values_list("name", flat=True)) == names


def test_what_is_no_tag_is_not_taken_off(team, member, ticked):
    form = {"ticks": "1", "was": ["\0", "x" * 41, "all\0"]}
    page = member.post(reverse("runs-bulk-tag", args=[team.slug]), selection(ticked) | form, follow=True)
    assert "“all”: removed from" in text_of(page)
    assert "x" * 41 not in text_of(page)


def test_a_tag_of_some_runs_stays_as_it_is_unless_it_is_ticked(team, member, ticked):
    form = {"ticks": "1", "was": "all", "tick": "all"}
    page = member.post(reverse("runs-bulk-tag", args=[team.slug]), selection(ticked) | form, follow=True)
    assert "No tag was changed." in text_of(page)
    assert tagged(team, "some") == {"Island", "Lighthouse"}


def test_one_message_tells_of_tags_added_and_removed(team, member, ticked):
    form = {"ticks": "1", "was": "all", "tags": "100%"}
    page = member.post(reverse("runs-bulk-tag", args=[team.slug]), selection(ticked) | form, follow=True)
    assert "4 runs are tagged “100%”. “all”: removed from 4 runs." in text_of(page)


def test_without_script_a_page_offers_the_ticks_with_the_selection(team, member, ticked):
    page = member.post(reverse("runs-bulk-tag", args=[team.slug]), selection(ticked) | {"choose": "1"})
    assert (page.status_code, "Tag 4 runs" in text_of(page)) == (200, True)
    html = page.content.decode()
    assert (html.count('type="hidden" name="pk"'), html.count('name="off"'), "aria-invalid" in html) == (
        4,
        1,
        False,
    )


def test_many_tags_and_runs_take_as_many_queries_as_few(team, member, django_assert_num_queries):
    url = reverse("runs-bulk-ticks", args=[team.slug])
    member.post(url)  # the first request of a session also writes it
    for number in (1, 30):
        tags.add_tags(team, {make_run(team).pk: [f"tag {n}" for n in range(number)] for _ in range(number)})
        with django_assert_num_queries(7):
            member.post(url, {"all": "1"})


# --- Removal -----------------------------------------------------------------------------------------


def test_removal_asks_and_says_what_is_lost(team, member):
    runs = make_named_runs(team)
    make_pictured_copy(make_dub(runs["Island"], ["Hi"]))
    url = reverse("runs-bulk-remove", args=[team.slug])
    text = text_of(member.post(url, selection(runs)))
    assert "Remove 4 runs?" in text
    assert "They stay in the trash for 30 days, where they can be restored." in text
    assert "Deleted after that: 1 transcript · 1 copy of media (9 bytes)" in text.replace("\xa0", " ")
    assert Run.objects.count() == 4


def test_confirmed_removal_removes_the_selected_runs_of_the_team_only(team, member):
    runs = make_named_runs(team)
    foreign = make_run(make_team())
    chosen = {"pk": [runs["Island"].pk, runs["Harbour 1"].pk, foreign.pk], "q": "a", "confirmed": "1"}
    page = member.post(reverse("runs-bulk-remove", args=[team.slug]), chosen, follow=True)
    assert "2 runs are removed." in text_of(page)
    assert set(Run.objects.present()) == {runs["Harbour 2"], runs["Lighthouse"], foreign}


@pytest.mark.parametrize("htmx", [True, False])
def test_without_a_selection_nothing_is_removed(team, member, htmx):
    make_run(team)
    headers = {"HX-Request": "true"} if htmx else {}
    url = reverse("runs-bulk-remove", args=[team.slug])
    response = member.post(url, {"confirmed": "1"}, headers=headers)
    back = response.headers["HX-Redirect" if htmx else "Location"]
    assert "No run was selected, so nothing was removed." in text_of(member.get(back))
    assert Run.objects.present().count() == 1
