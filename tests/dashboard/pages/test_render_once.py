"""Pieces of pages that are rendered once: what they show is neither another person's or team's, nor old."""

import re

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils.safestring import mark_safe

from dashboard.pages.render_once import CSRF_TOKEN, render_once
from results.models import Run
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_key, make_member, make_run, make_team

pytestmark = pytest.mark.django_db


def open_list(client: Client, team) -> str:
    return client.get(reverse("runs-list", args=[team.slug])).content.decode()


def test_safe_text_and_the_same_text_of_a_person_are_two_values():
    texts = ("<b>", mark_safe("<b>"))
    assert texts[0] == texts[1]
    pieces = [render_once("_shown_once.html", value=text) for text in texts]
    assert ['value="<b>"' in piece for piece in pieces] == [False, True]


def test_an_instance_of_a_model_is_no_value_of_a_piece():
    with pytest.raises(TypeError):
        render_once("palette/_dialog.html", slug=make_team())


def test_a_form_has_the_token_of_whoever_looks_at_it():
    piece = Template('{% load dubroom %}{% render_once "runs/saved_views/_form.html" slug="a" %}')
    pages = [piece.render(Context({"csrf_token": token})) for token in ("one", "two")]
    tokens = [re.findall(r'name="csrfmiddlewaretoken" value="(.*?)"', page) for page in pages]
    assert tokens == [["one"], ["two"]]


def test_no_page_shows_the_place_of_a_token():
    team = make_team()
    make_key(team)
    make_run(team)
    assert CSRF_TOKEN not in open_list(signed_in(make_member(team)), team)


def test_the_same_run_is_shown_by_the_rights_the_zone_and_the_team_of_who_looks():
    """Two teams have a run of CAMB.AI's same id and title, and their people open the lists in turn."""
    team, other = make_team("Harbour"), make_team("Other")
    for owner in (team, other):
        make_key(owner)
        make_run(owner, camb_run_id=7, title="Pilot", checked_at="2026-05-31T10:00Z")
    member, viewer, stranger = make_member(team), make_member(team, "viewer"), make_member(other)
    viewer.time_zone = "Asia/Tokyo"
    viewer.save()
    clients = [signed_in(person) for person in (member, viewer, stranger)]
    for _ in range(2):
        pages = [open_list(client, where) for client, where in zip(clients, (team, team, other), strict=True)]
        own, foreign = (f'href="/runs/{runs.runs.get().pk}/"' for runs in (team, other))
        assert [(own in page, foreign in page) for page in pages] == [(True, False), (True, False), (False, True)]
        assert ['class="select-box"' in page for page in pages] == [True, False, True]
        assert ["2026-05-31 19:00 JST" in page for page in pages] == [False, True, False]
        assert ["2026-05-31 10:00 UTC" in page for page in pages] == [True, False, True]


def test_whatever_a_row_shows_shows_at_once_when_it_changes():
    """Not all of it raises the run's version."""
    team = make_team()
    key, adder = make_key(team), make_member(team)
    run = make_run(team, title="Pilot", added_by=adder)
    client = signed_in(make_member(team))

    def has(text: str) -> bool:
        return text in open_list(client, team)

    Run.objects.update(title="Renamed")
    assert has(">Renamed</bdi>")
    adder.name = "Ada"
    adder.save()
    assert has(">Ada</bdi>")
    run.tags.create(team=team, name="launch", folded="launch")
    assert has("<bdi>launch</bdi>")
    key.delete()
    assert has("needs a key")
    Run.objects.update(status="failed", reason="The file is broken.", due_at=None)
    assert has("The file is broken.")
