"""The picture of a run wherever it is named: a still of its video, else a tile with its language."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.pages.run_pictures import COMMON_LANGUAGES, TILE_COLOURS, RunPictures
from tests.dashboard.page_helpers import run_page
from tests.factories import make_dub, make_pictured_copy, make_ready_run, make_run, make_searchable_run, make_source

pytestmark = pytest.mark.django_db

VIDEO = {"video_url": "https://x.example/v.mp4"}
STILL = r'<img class="still" src="/copies/(\d+)/still.webp\?small" width="64" height="36" alt="" loading="lazy" '


def stills_in(client, name, team, query="") -> list[int]:
    """Return the copies whose stills the page shows."""
    page = client.get(reverse(name, args=[team.slug]) + query).content.decode()
    return [int(pk) for pk in re.findall(STILL, page)]


def tiles_in(html: str) -> list[str]:
    return re.findall(r'<span class="still tile[^"]*" aria-hidden="true">(\w*)', html)


@pytest.mark.parametrize(
    ("name", "query"),
    [("runs-list", ""), ("runs-list", "?by=source"), ("palette-entries", ""), ("search", "?q=kettle")],
)
def test_a_still_is_shown_wherever_its_run_is(client, team, reader, name, query):
    run = make_searchable_run(team, "A kettle")
    copy = make_pictured_copy(run.dubs.get())
    assert stills_in(client, name, team, query) == [copy.pk]


@pytest.mark.parametrize(
    ("name", "query"),
    [("runs-list", ""), ("runs-list", "?by=source"), ("palette-entries", ""), ("search", "?q=kettle")],
)
def test_forty_stills_take_as_many_queries_as_twelve(client, team, reader, name, query):
    counts = []
    address = reverse(name, args=[team.slug]) + query
    client.get(address)  # the first request of a session also writes it
    for more in (12, 28):
        for _ in range(more):
            make_pictured_copy(make_searchable_run(team, "A kettle").dubs.get())
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_copy_on_its_way_shows_no_still(client, team, reader):
    make_pictured_copy(make_dub(make_ready_run(team)), state="waiting")
    assert stills_in(client, "runs-list", team) == []


def test_of_several_dubs_the_first_is_shown(client, team, reader):
    run = make_ready_run(team)
    first, second = (make_dub(run, ["Hi"], tag) for tag in ("es-es", "fr-fr"))
    make_pictured_copy(second)
    assert stills_in(client, "runs-list", team) == [second.copies.get().pk]
    make_pictured_copy(first)
    assert stills_in(client, "runs-list", team) == [first.copies.get().pk]


def test_a_source_shows_the_still_of_any_of_its_runs(client, team, reader):
    older, _newer = make_source(team, "es-es", "fr-fr")
    copy = make_pictured_copy(older.dubs.get())
    assert stills_in(client, "runs-list", team, "?by=source") == [copy.pk]


@pytest.mark.parametrize(
    ("fields", "letters"),
    [
        ({"languages": ["es-mx", "fr-fr"]}, "ES"),
        ({"given_language": "fil"}, "FIL"),
        ({"languages": ["76"]}, ""),
        ({}, ""),
        ({"languages": [""], "given_language": "ja-jp"}, "JA"),
    ],
)
def test_without_a_still_a_tile_shows_the_language(client, team, reader, fields, letters):
    make_run(team, **fields)
    assert tiles_in(client.get(reverse("runs-list", args=[team.slug])).content.decode()) == [letters]


def test_tiles_of_a_language_have_one_colour_and_those_of_eight_languages_differ(team):
    colours = {
        language: re.findall(r"voice-(\d)", RunPictures([]).picture(make_run(team, languages=[language])))
        for language in ("en-us", "en-gb", *COMMON_LANGUAGES[1:TILE_COLOURS])
    }
    assert colours["en-us"] == colours["en-gb"]
    assert len({colour for [colour] in colours.values()}) == TILE_COLOURS


# --- Lengths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?by=source"])
def test_the_length_is_that_of_the_media_where_it_is_known(client, team, reader, query):
    dub = make_dub(make_ready_run(team, duration_ms=42_000))
    address = reverse("runs-list", args=[team.slug]) + query
    assert client.get(address).context["rows"][0].length == "0:42"
    make_pictured_copy(dub, kind="audio", length_ms=65_000)
    assert client.get(address).context["rows"][0].length == "1:05"


# --- The run's page ----------------------------------------------------------------------------------


def test_a_still_is_the_poster_of_its_video(client, team, reader):
    dub = make_dub(make_ready_run(team), ["Hi"], **VIDEO)
    assert " poster=" not in run_page(client, dub.run)
    copy = make_pictured_copy(dub)
    page = run_page(client, dub.run)
    assert f'poster="/copies/{copy.pk}/still.webp"' in page
    assert 'class="still' not in page.partition('id="dub"')[0].partition('id="run-head"')[2]


def test_a_link_to_a_moment_shows_that_moment_and_no_poster(client, team, reader):
    dub = make_dub(make_ready_run(team), ["Hi"], **VIDEO)
    make_pictured_copy(dub)
    assert " poster=" not in run_page(client, dub.run, "?t=1")


def test_the_head_of_a_page_without_a_video_has_the_picture(client, team, reader):
    dub = make_dub(make_ready_run(team), ["Hi"], audio_url="https://x.example/a.mp3", **VIDEO)
    copy = make_pictured_copy(dub)
    assert re.findall(STILL, run_page(client, dub.run, "?play=audio")) == [str(copy.pk)]
    assert tiles_in(run_page(client, make_run(team, given_language="de"))) == ["DE"]
