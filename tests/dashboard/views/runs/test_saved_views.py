"""Saved views of the list, the team's default view, and the columns that a person hides."""

import re
from html import unescape

import pytest
from django.urls import reverse

from dashboard.pages.run_query import RunListQuery
from results.models import SavedView
from results.runs import saved_views
from teams.models import Membership
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_member, make_run, make_team

pytestmark = pytest.mark.django_db


def save(client, team, name="Failed ones", query="?status=failed&order=title", **fields):
    data = {"name": name, "query": query} | fields
    return client.post(reverse("runs-saved-views-save", args=[team.slug]), data)


def entries(client, team) -> list[tuple[str, int]]:
    response = client.get(reverse("runs-saved-views-entries", args=[team.slug]))
    return [(view.name, view.runs) for view in response.context["views"]]


def names_in_list(client, team, **query) -> list[str]:
    """Return the names of the runs in the list, which opens with the team's default view."""
    response = client.get(reverse("runs-list", args=[team.slug]), query, follow=True)
    return [row.name for row in response.context["rows"]]


def test_a_view_keeps_filter_and_order_and_counts_its_runs(member, team):
    make_run(team, status="failed"), make_run(team, status="ready")
    response = save(member, team)
    assert response.url.startswith(reverse("runs-list", args=[team.slug]) + "?status=failed&order=title&")
    assert response.url.partition("view=")[2].partition("&")[0] == str(SavedView.objects.get().pk)
    assert entries(member, team) == [("Failed ones", 1)]


def test_a_view_saved_again_under_its_name_is_changed(member, team):
    save(member, team)
    save(member, team, query="?status=ready")
    assert [query.partition("&")[0] for query in SavedView.objects.values_list("query", flat=True)] == [
        "?status=ready"
    ]


def test_a_view_saved_again_under_its_name_stays_shared_and_the_default(member, team):
    save(member, team, is_default="1")
    save(member, team, query="?status=ready")
    view = SavedView.objects.get()
    assert (view.is_shared, view.is_default) == (True, True)
    assert names_in_list(member, team) == names_in_list(member, team, status="ready")


# --- Changing a view ---------------------------------------------------------------------------------


def test_a_changed_list_offers_to_save_the_view_it_began_as(member, team):
    make_run(team, status="failed")
    link = save(member, team, is_shared="1").url
    assert "Save changes" not in member.get(link).text
    changed = member.get(link.replace("status=failed", "status=ready"))
    assert "Failed ones has unsaved changes." in text_of(changed)
    other = signed_in(make_member(team))
    assert "Save changes" not in other.get(link.replace("status=failed", "status=ready")).text
    member.post(
        reverse("runs-saved-views-change", args=[team.slug, SavedView.objects.get().pk]),
        {"query": unescape(re.findall(r'name="query" value="(.*?)"', changed.text)[0])},
    )
    view = SavedView.objects.get()
    assert (view.name, view.is_shared, RunListQuery.read_text(view.query).status) == ("Failed ones", True, "ready")
    assert "Save changes" not in member.get(link.replace("status=failed", "status=ready")).text


def test_a_manager_changes_a_shared_view_in_its_place(member, team):
    save(member, team, is_default="1")
    view = SavedView.objects.get()
    manager = signed_in(make_member(team, Membership.Role.MANAGER))
    manager.post(reverse("runs-saved-views-change", args=[team.slug, view.pk]), {"query": "?status=ready"})
    view.refresh_from_db()
    assert (SavedView.objects.count(), view.is_default, view.owner_id) == (1, True, view.owner_id)
    assert RunListQuery.read_text(view.query).status == "ready"


def test_a_view_is_marked_as_current_only_while_the_list_shows_it(member, team):
    link = save(member, team).url

    def current(query: str) -> list[str]:
        response = member.get(reverse("runs-saved-views-entries", args=[team.slug]) + query)
        return re.findall(r'aria-current="true">\s*(?:<bdi class="truncate">)?([\w ]+)', response.text)

    query = link[link.index("?") :]
    assert current(query) == ["Failed ones"]
    assert current(query.replace("status=failed", "status=ready")) == []
    assert current("?view=all") == ["All runs"]
    assert current("?view=all&status=ready") == []


def test_a_view_is_renamed_shared_and_unshared(member, team):
    save(member, team)
    address = reverse("runs-saved-views-edit", args=[team.slug, SavedView.objects.get().pk])
    page = member.get(address).text
    assert 'value="Failed ones"' in page
    assert 'value="1" checked' not in page
    member.post(address, {"name": "To look at", "is_shared": "1"})
    view = SavedView.objects.get()
    assert (view.name, view.is_shared, RunListQuery.read_text(view.query).status) == ("To look at", True, "failed")
    assert member.get(address).text.count('value="1" checked') == 1
    member.post(address, {"name": "To look at"})
    assert not SavedView.objects.get().is_shared


def test_two_views_of_one_person_have_two_names(member, team):
    save(member, team)
    save(member, team, name="Other")
    response = member.post(
        reverse("runs-saved-views-edit", args=[team.slug, SavedView.objects.get(name="Other").pk]),
        {"name": "Failed ones"},
    )
    assert response.status_code == 422
    assert "There is already a view with this name." in response.text


def test_who_may_no_longer_change_runs_changes_no_shared_view(member, team):
    save(member, team, is_shared="1")
    Membership.objects.exclude(role=Membership.Role.OWNER).update(role=Membership.Role.VIEWER)
    address = reverse("runs-saved-views-change", args=[team.slug, SavedView.objects.get().pk])
    assert member.post(address, {"query": "?status=ready"}).status_code == 403
    assert save(member, team).status_code == 403


def test_a_private_view_is_seen_by_its_owner_alone_and_a_shared_one_by_the_team(member, team):
    save(member, team, name="mine")
    save(member, team, name="ours", is_shared="1")
    other = signed_in(make_member(team, Membership.Role.VIEWER))
    assert [name for name, _runs in entries(member, team)] == ["mine", "ours"]
    assert [name for name, _runs in entries(other, team)] == ["ours"]


def test_a_viewer_saves_views_but_shares_none(team):
    viewer = signed_in(make_member(team, Membership.Role.VIEWER))
    assert save(viewer, team).status_code == 302
    assert save(viewer, team, name="ours", is_shared="1").status_code == 403
    assert save(viewer, team, name="ours", is_default="1").status_code == 403
    assert "Share with the team" not in viewer.get(reverse("runs-list", args=[team.slug]) + "?view=all").text


def test_the_default_view_opens_for_everyone_without_a_filter_of_their_own(member, team):
    run = make_run(team, title="broken", status="failed")
    make_run(team, title="fine", status="ready")
    save(member, team, is_default="1")
    other = signed_in(make_member(team))
    address = reverse("runs-list", args=[team.slug])
    page = other.get(address, follow=True)
    assert [row.name for row in page.context["rows"]] == ["broken"]
    assert len(other.get(address, {"view": "all"}).context["rows"]) == 2
    assert "view=" in page.context["tabs"][0].href
    save(member, team, name="Ready ones", query="?status=ready", is_default="1")
    assert [row.name for row in other.get(address, follow=True).context["rows"]] == ["fine"]
    assert run.title == "broken"


def test_a_link_to_a_view_stays_right_when_the_view_is_changed_or_removed(member, team):
    make_run(team, title="broken", status="failed"), make_run(team, title="fine", status="ready")
    link = save(member, team).url
    save(member, team, query="?status=ready")
    assert [row.name for row in member.get(link).context["rows"]] == ["broken"]
    SavedView.objects.all().delete()
    assert [row.name for row in member.get(link).context["rows"]] == ["broken"]


def test_a_shared_view_is_removed_by_its_owner_or_an_owner_of_the_team(member, team, owner):
    save(member, team, is_shared="1")
    address = reverse("runs-saved-views-remove", args=[team.slug, SavedView.objects.get().pk])
    assert signed_in(make_member(team)).post(address).status_code == 403
    assert signed_in(owner).post(address).status_code == 302
    assert not SavedView.objects.exists()


def test_the_private_view_of_another_member_does_not_exist(member, team, owner):
    save(member, team)
    address = reverse("runs-saved-views-remove", args=[team.slug, SavedView.objects.get().pk])
    assert signed_in(owner).post(address).status_code == 404


def test_a_view_never_shows_another_teams_runs(member, team):
    make_run(make_team(), status="failed")
    save(member, team)
    assert entries(member, team) == [("Failed ones", 0)]


def test_a_view_without_a_name_is_refused_and_keeps_its_filter(member, team):
    response = save(member, team, name=" ")
    assert response.status_code == 422
    assert "Give the view a name." in response.text
    assert 'value="?status=failed&amp;order=title"' in response.text


def test_the_number_of_views_is_limited(member, team, monkeypatch):
    monkeypatch.setattr(saved_views, "MAX_VIEWS", 1)
    save(member, team)
    response = save(member, team, name="second")
    assert "You can save up to 1 views." in member.get(response.url).text
    assert SavedView.objects.count() == 1


def test_hidden_columns_are_remembered_for_the_person(member, team):
    make_run(team)
    member.post(reverse("runs-saved-views-columns", args=[team.slug]), {"column": ["id", "checked", "odd"]})
    page = member.get(reverse("runs-list", args=[team.slug]))
    assert (
        page.context["hidden_columns"] == "without-languages without-length without-cues without-checks without-by"
    )
    everything = ["id", "languages", "length", "cues", "checks", "by", "checked"]
    member.post(reverse("runs-saved-views-columns", args=[team.slug]), {"column": everything})
    assert member.get(reverse("runs-list", args=[team.slug])).context["hidden_columns"] == ""


def test_a_view_keeps_the_columns_that_it_was_saved_with(member, team):
    make_run(team)
    columns = reverse("runs-saved-views-columns", args=[team.slug])
    member.post(columns, {"column": ["id", "checked"]})
    link = save(member, team, query="", is_shared="1").url
    other = signed_in(make_member(team))
    hidden = "without-languages without-length without-cues without-checks without-by"
    assert other.get(link).context["hidden_columns"] == hidden
    assert other.get(reverse("runs-list", args=[team.slug])).context["hidden_columns"] == ""
    # Within the view, other columns change the list in the view alone.
    query = dict(RunListQuery.read_text(link.partition("?")[2]).fields)
    for shown, left_out in ((["id"], f"{hidden} without-checked"), ([], f"without-id {hidden} without-checked")):
        changed = member.post(columns, query | {"column": shown}).url
        assert member.get(changed).context["hidden_columns"] == left_out
        assert "has unsaved changes" in member.get(changed).text
    assert member.get(link).context["hidden_columns"] == hidden


@pytest.mark.parametrize("odd", ["", "x", "-", "none-x"])
def test_odd_columns_in_an_address_count_as_absent(member, team, odd):
    make_run(team)
    assert member.get(reverse("runs-list", args=[team.slug]), {"cols": odd}).context["hidden_columns"] == ""
