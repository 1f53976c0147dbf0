"""A transcript of 50,000 lines and 5 MB, and one with a line of a megabyte: what is sent, and that it is found."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from results.camb import CueAnswer
from results.models import Cue, Dub
from results.refresh import merge
from tests.dashboard.page_helpers import run_page, text_of, text_of_html
from tests.factories import make_dub, make_ready_run

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]
MAX_SENT = 2 * 2**20


def store(team, texts: list[str]) -> Dub:
    """Store a dub of these lines as an answer's are stored, with their search terms."""
    dub = make_dub(make_ready_run(team))
    merge._add_cues([(dub, [CueAnswer(n * 7000, n * 7000 + 6000, "Anna", text) for n, text in enumerate(texts)])])
    Dub.objects.filter(pk=dub.pk).update(cue_count=len(texts), duration_ms=len(texts) * 7000)
    return dub


def page_bytes(member: Client, dub: Dub) -> int:
    """Return the bytes of the run's page."""
    return len(run_page(member, dub.run).encode())


def test_each_of_fifty_thousand_lines_is_sent_and_found(team, member):
    texts = [f"number{n} " + "lorem ipsum dolor sit amet " * 3 + "and so on" for n in range(50_000)]
    assert sum(map(len, texts)) > 4_500_000
    dub = store(team, texts)
    assert page_bytes(member, dub) <= MAX_SENT
    page = text_of_html(run_page(member, dub.run, "?t=349993&find=number49999"))
    assert ("number0 " in page, "number49999 " in page) == (False, True)
    sent = [run_page(member, dub.run)]
    sections = [html.unescape(address) for address in re.findall(r'hx-get="([^"]*/lines/[^"]*)"', sent[0])]
    sent += [member.get(address).content.decode() for address in sections]
    assert max(map(len, sent)) <= MAX_SENT
    lines = [int(position) for part in sent for position in re.findall(r'id="cue-(\d+)"', part)]
    assert lines == list(range(1, 50_001))
    searched = reverse("search", args=[team.slug])
    for words, told in (
        ("number49999 dolor", "1 moment in 1 run"),
        ("dolor", "Older moments"),
        ("x", "No results"),
    ):
        assert told in text_of(member.get(searched, {"q": words}))


def test_a_line_of_a_megabyte_makes_a_small_page(team, member):
    dub = store(team, ["word " * 200_000, "the end"])
    assert Cue.objects.filter(dub=dub).count() == 2
    assert page_bytes(member, dub) <= MAX_SENT
    assert "the end" in run_page(member, dub.run)
    assert len(member.get(reverse("search", args=[team.slug]), {"q": "word"}).content) <= MAX_SENT
