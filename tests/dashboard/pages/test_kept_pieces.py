"""What is kept of a run's page: it is never another person's, another transcript's, or old."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.pages.kept_pieces import KeptPieces
from dashboard.pages.render_once import CSRF_TOKEN
from results.models import Cue, Dub, ReviewPolicy, Run, Source, Tag
from results.transcripts import dismissals
from results.transcripts.review import Kind
from tests.dashboard.page_helpers import run_page, signed_in
from tests.factories import make_dub, make_member, make_ready_run, make_team

pytestmark = pytest.mark.django_db

VIDEO = "https://cdn.example.com/a.mp4?Expires=4102444800"


def test_beyond_the_bound_the_piece_that_was_not_used_for_longest_goes():
    kept = KeptPieces[str](max_bytes=3_500)
    for name in "abc":
        kept.put(name, name * 1_000, 1_100)
    assert kept.get("a") == "a" * 1_000
    kept.put("d", "d" * 1_000, 1_100)
    assert [kept.get(name) is not None for name in "abcd"] == [True, False, True, True]
    kept.put("e", "e" * 5_000, 5_100)
    assert kept.get("e") is None


def test_a_second_look_shows_the_same(team, member):
    dub = make_dub(make_ready_run(team), ["Hola"], "es-es", video_url=VIDEO)
    pages = [run_page(member, dub.run).partition('<section id="dub"')[2] for _ in range(2)]
    assert CSRF_TOKEN not in pages[1]
    first, second = (re.sub(r'csrfmiddlewaretoken" value="[^"]*"', "", page) for page in pages)
    assert first == second


def test_the_same_id_with_other_lines_shows_its_own_lines(team, member):
    run = make_ready_run(team)
    for text in ("The first", "The second"):
        dub = Dub.objects.create(
            pk=77, team=team, run=run, language="en-us", cue_count=1, media_fetched_at=run.created_at, cues_hash="a"
        )
        Cue.objects.create(
            pk=777, team=team, run=run, dub=dub, position=1, start_ms=0, end_ms=900, speaker="Anna", text=text
        )
        assert f">{text}</p>" in run_page(member, run)
        Cue.objects.all().delete()
        dub.delete()


def test_whatever_the_dub_shows_shows_at_once_when_it_changes(team, member, owner):
    """None of these changes raises a version or the hash of the lines."""
    run = make_ready_run(team, title="Pilot")
    dub = make_dub(run, ["One", "x" * 70], "es-es", video_url=VIDEO)

    def has(text: str) -> bool:
        return text in run_page(member, run)

    assert has("<bdi>Anna</bdi>")
    Cue.objects.update(speaker="Ada")
    assert (has("<bdi>Anna</bdi>"), has("<bdi>Ada</bdi>")) == (False, True)
    assert not has("limit 30")
    ReviewPolicy.objects.create(team=team, speed=30)
    ReviewPolicy.objects.update(speeds={"es": 31})
    assert has("limit 31")
    dismissals.dismiss(dub.cues.get(position=2), Kind.FAST, "Sung", owner)
    assert has("?dub=es-es&amp;check=dismissed")
    Run.objects.update(title="Renamed")
    assert has('download="Renamed')
    make_dub(run, ["Un"], "fr-fr")
    assert has("<bdi>French (France)</bdi>")
    source = Source.objects.create(team=team, title="Film")
    other = make_dub(make_ready_run(team, title="Elsewhere", source=source), ["Ein"], "de-de")
    Run.objects.update(source=source)
    assert has('title="Elsewhere"')
    Run.objects.filter(pk=other.run_id).update(title="Moved")
    assert has('title="Moved"')
    dub.copies.create(team=team, kind="video", name="a.mp4")
    assert has("is-copying")
    Dub.objects.filter(pk=dub.pk).update(video_url=VIDEO.replace("4102444800", "1600000000"))
    assert has('preload="none"')


def test_each_reader_sees_their_own_rights_and_language(team, owner, client):
    run = make_ready_run(team)
    make_dub(run, ["One", "x" * 70], video_url=VIDEO)
    viewer = make_member(team, "viewer")
    clients: list[Client] = [signed_in(owner), signed_in(viewer)]
    for _ in range(2):
        pages = [run_page(each, run) for each in clients]
        assert [">Dismiss</a>" in page for page in pages] == [True, False]
        assert ["Change the limits" in page for page in pages] == [True, False]
    rename = re.search(r'name="csrfmiddlewaretoken" value="(.*?)"', pages[0])
    assert rename
    assert rename[1] != CSRF_TOKEN


def test_whatever_stands_above_the_dub_shows_at_once_when_it_changes(team, member):
    run = make_ready_run(team, title="Pilot")

    def has(text: str) -> bool:
        return text in run_page(member, run)

    assert has('<bdi id="run-')
    Run.objects.update(title="Renamed")
    assert has(">Renamed</bdi>")
    assert not has('id="team-tags"><option')
    tag = Tag.objects.create(team=team, name="launch", folded="launch")
    run.tags.add(tag)
    assert has("?tag=launch")
    assert has('id="team-tags"><option value="launch">')
    Tag.objects.update(name="start")
    assert (has('id="team-tags"><option value="start">'), has("launch")) == (True, False)
    assert has(reverse("runs-edit-archive", args=[run.pk]))
    Run.objects.update(archived_at=run.created_at)
    assert not has(reverse("runs-edit-archive", args=[run.pk]))


def test_what_stands_above_the_dub_is_that_of_the_rights_and_settings_of_who_looks(team, owner):
    """Two runs of two teams with the same title are opened in turn."""
    other = make_team("Other")
    runs = [make_ready_run(each, title="Pilot") for each in (team, other)]
    owner.speed = "2"
    owner.save()
    viewer, stranger = make_member(team, "viewer"), make_member(other)
    for _ in range(2):
        pages = [
            run_page(signed_in(person), run)
            for person, run in zip((owner, viewer, stranger), (runs[0], *runs), strict=True)
        ]
        addresses = [reverse("runs-edit-tags", args=[run.pk]) for run in runs]
        shown = [[address in page for address in addresses] for page in pages]
        assert shown == [[True, False], [False, False], [False, True]]
        assert ['name="speed" value="2"' in page for page in pages] == [True, False, False]
        tokens = [re.findall(r'name="csrfmiddlewaretoken" value="(.*?)"', page) for page in pages]
        assert [len(set(found)) for found in tokens] == [1, 1, 1]
        assert len({found[0] for found in tokens}) == 3
        assert all(CSRF_TOKEN not in page for page in pages)
