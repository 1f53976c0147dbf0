"""The trash: removed runs are at no address but here, from where they come back or are deleted for good."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from results import clock
from results.models import Run
from results.runs import trash
from results.runs.source import join_runs
from teams.models import Membership, Team
from tests.dashboard.page_helpers import shown, signed_in, text_of, undo
from tests.dashboard.test_access_table import TABLE
from tests.dashboard.world import World
from tests.factories import (
    make_member,
    make_numbered_runs,
    make_ready_run,
    make_run,
    make_runs,
    make_searchable_dub,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
Role = Membership.Role
MARK = "Zanzibar"


def removed(team: Team) -> set[int]:
    return set(trash.removed_runs(team).pks())


def page_after(client: Client, name: str, team: Team, **data: object) -> str:
    """Submit a form of the team, and return the text of the page that follows."""
    answer = client.post(reverse(name, args=[team.slug]), data, follow=True)
    assert answer.status_code == 200
    return text_of(answer)


# --- Out of sight ------------------------------------------------------------------------------------


def test_a_removed_run_is_at_no_address():
    world = World()
    world.dub.run.title = MARK
    world.dub.run.save()
    trash.remove_runs(world.team, [world.dub.run_id], by="Ann")
    owner = world.client("owner")
    of_run = [name for name in TABLE if world.url(name).startswith(f"/runs/{world.dub.run_id}/")]
    of_dub = [name for name in TABLE if name.startswith(("media-", "runs-export-dub", "runs-export-pair"))]
    assert len(of_run) > 15
    for name in (*of_run, *of_dub):
        statuses = [getattr(owner, method)(world.url(name)).status_code for method in ("get", "post")]
        assert set(statuses) <= {404, 405}, name


def test_a_removed_run_is_named_on_no_page():
    world = World()
    other = make_searchable_dub(make_ready_run(world.team, title="Other"), ["Good morning"])
    join_runs(world.team, [world.dub.run_id, other.run_id])
    Run.objects.filter(pk=world.dub.run_id).update(title=MARK)
    pages = [name for name in TABLE if "/t/dub/" in world.url(name) and name != "trash"]
    pages += [name for name in TABLE if f"/runs/{world.dub.run_id}/" in world.url(name)]
    query: dict[str, str] = {"q": MARK, "since": "0", "ids": str(world.dub.run_id)}
    archive = {"status": "archived"}

    def naming(*queries: dict[str, str]) -> list[str]:
        client, found = world.client("owner"), []
        for name in pages:
            url = world.url(name).replace(f"/runs/{world.dub.run_id}/", f"/runs/{other.run_id}/")
            by_source = [archive | {"by": "source"}] if name.startswith("runs-list") else []
            for data in (*queries, *by_source):
                answer = client.get(url, data)
                body = answer.getvalue()
                if MARK.encode() in body.replace(f'value="{MARK}"'.encode(), b"").replace(
                    f"q={MARK}".encode(), b""
                ):
                    found.append(f"{name} {data}")
        return found

    assert len(naming({})) > 5
    trash.remove_runs(world.team, [world.dub.run_id], by="Ann")
    # What a person searches for is on the page that finds nothing.
    assert [one for one in naming({}, query, archive) if f"'q': '{MARK}'" not in one] == []


# --- Removing and restoring --------------------------------------------------------------------------


def test_a_selection_is_removed_and_undo_brings_it_back(team, member):
    runs = make_runs(team, 3)
    earlier = make_run(team)
    member.post(reverse("runs-edit-remove", args=[earlier.pk]))
    text = page_after(member, "runs-bulk-remove", team, confirmed="1", pk=[run.pk for run in runs[:2]])
    assert "2 runs are removed." in text
    assert removed(team) == {earlier.pk, runs[0].pk, runs[1].pk}
    assert shown(member.get(reverse("runs-list", args=[team.slug]))) == [runs[2].pk]
    undo(member, team)
    assert removed(team) == {earlier.pk}


def test_undo_brings_back_any_number_of_runs(team, member):
    make_numbered_runs(team, 5)
    page_after(member, "runs-bulk-remove", team, confirmed="1", all="1")
    assert len(removed(team)) == 5
    assert len(str(member.session["changes"])) < 200
    undo(member, team)
    assert removed(team) == set()


def test_only_owners_remove_where_the_team_says_so(team, owner, member):
    run = make_run(team)
    Team.objects.update(only_owners_remove=True)
    assert member.post(reverse("runs-bulk-remove", args=[team.slug]), {"all": 1}).status_code == 403
    assert "runs-bulk-remove" not in member.get(reverse("runs-list", args=[team.slug])).text
    page_after(signed_in(owner), "runs-bulk-remove", team, confirmed="1", all="1")
    assert removed(team) == {run.pk}
    assert "1 run is restored." in page_after(member, "trash-restore", team, pk=run.pk)


def test_the_trash_lists_the_newest_removal_first_on_pages(team, member, monkeypatch):
    monkeypatch.setattr("dashboard.views.trash.PAGE_SIZE", 2)
    runs = make_runs(team, 5)
    for part in (runs[3:], runs[:3]):
        trash.remove_runs(team, [run.pk for run in part], by="Anna")
    seen, url = [], reverse("trash", args=[team.slug])
    page = ""
    for _ in range(3):
        answer = member.get(url + page)
        seen += [int(part.partition('"')[0]) for part in answer.text.split('name="pk" value="')[1:]]
        page = "?after=" + answer.text.rpartition('href="?after=')[2].partition('"')[0]
    assert seen == [run.pk for run in (*reversed(runs[:3]), *reversed(runs[3:]))]
    assert "Anna" in member.get(url).text


def test_thirty_removed_runs_take_as_many_queries_as_one(
    team, member, django_assert_num_queries, django_assert_max_num_queries
):
    url = reverse("trash", args=[team.slug])
    trash.remove_runs(team, [make_run(team).pk], by="Anna")
    member.get(url)
    with django_assert_max_num_queries(12) as first:
        member.get(url)
    trash.remove_runs(team, [run.pk for run in make_runs(team, 30)], by="Anna")
    with django_assert_num_queries(len(first)):
        member.get(url)


def test_managers_delete_for_good_and_members_do_not(team, member):
    run, other = make_runs(team, 2)
    trash.remove_runs(team, [run.pk, other.pk], by="Anna")
    assert member.post(reverse("trash-delete", args=[team.slug]), {"all": 1}).status_code == 403
    assert "Delete now" not in member.get(reverse("trash", args=[team.slug])).text
    manager = signed_in(make_member(team, Role.MANAGER))
    question = page_after(manager, "trash-delete", team, pk=run.pk)
    assert ("Delete 1 run for good?" in question, str(run) in question, str(other) in question) == (
        True,
        True,
        False,
    )
    assert Run.objects.removed().count() == 2
    assert "1 run is deleted." in page_after(manager, "trash-delete", team, pk=run.pk, confirmed=1)
    trash.purge_trash()
    assert list(Run.objects.all()) == [other]


def test_an_empty_selection_changes_nothing(team, member):
    trash.remove_runs(team, [make_run(team).pk], by="Anna")
    assert "nothing changed" in page_after(member, "trash-restore", team)
    assert len(removed(team)) == 1


def test_the_preview_says_that_an_id_is_restored(team, member):
    run = make_run(team, camb_run_id=77)
    trash.remove_runs(team, [run.pk], by="Anna")
    url = reverse("runs-add", args=[team.slug])
    preview = text_of(member.post(url, {"text": "77"}))
    assert "1 to be restored" in preview
    assert "Removed before: adding restores them" in preview
    assert "0 runs are added. 1 is restored." in text_of(member.post(url, {"text": "77", "save": 1}, follow=True))
    assert removed(team) == set()


# --- Scripts -----------------------------------------------------------------------------------------


def test_commands_remove_restore_and_delete(team, capsys):
    run = make_run(team, camb_run_id=77)
    make_run(team, camb_run_id=None, camb_task_id="abc-1")

    def said(*words: str) -> str:
        call_command("remove_runs", "--team", team.slug, *words)
        return capsys.readouterr().out.strip()

    assert said("77", "abc-1") == "2 removed."
    assert said("77", "--restore") == "1 restored."
    assert said("abc-1", "--delete") == "1 deleted."
    trash.purge_trash()
    assert list(Run.objects.present()) == list(Run.objects.all()) == [run]


def test_a_command_restores_a_removed_team(team, capsys):
    trash.remove_team(team, by="Anna")
    call_command("restore_team", team.slug)
    assert capsys.readouterr().out == "The team Dub is restored.\n"
    Team.objects.update(removed_at=clock.now() - trash.TRASH_TIME - timedelta(days=1))
    with pytest.raises(CommandError, match="no removed team 'dub'"):
        call_command("restore_team", team.slug)
