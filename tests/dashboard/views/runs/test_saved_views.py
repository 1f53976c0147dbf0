"""Saved views of the list, the team's default view, and the columns that a person hides."""

import pytest
from django.urls import reverse

from results.models import SavedView
from results.runs import views
from teams.models import Membership
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_member, make_run, make_team

pytestmark = pytest.mark.django_db


def save(client, team, name="Failed ones", query="?status=failed&order=title", **fields):
    data = {"name": name, "query": query} | fields
    return client.post(reverse("runs-saved-views-save", args=[team.slug]), data)


def entries(client, team) -> list[tuple[str, int]]:
    response = client.get(reverse("runs-saved-views-entries", args=[team.slug]))
    return [(view.name, view.runs) for view in response.context["views"]]


def test_a_view_keeps_filter_and_order_and_counts_its_runs(member, team):
    make_run(team, status="failed"), make_run(team, status="ready")
    response = save(member, team)
    view = SavedView.objects.get()
    assert response.url == reverse("runs-list", args=[team.slug]) + f"?status=failed&order=title&view={view.pk}"
    assert entries(member, team) == [("Failed ones", 1)]


def test_a_view_saved_again_under_its_name_is_changed(member, team):
    save(member, team)
    save(member, team, query="?status=ready")
    assert list(SavedView.objects.values_list("query", flat=True)) == ["?status=ready"]


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
    monkeypatch.setattr(views, "MAX_VIEWS", 1)
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
