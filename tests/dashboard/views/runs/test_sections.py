"""A long transcript is sent in sections: each line in exactly one, with what it shows as in the whole."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.pages import transcript_sections
from results.models import Cue, Dub, ReviewPolicy
from results.transcripts import dismissals
from results.transcripts.review import Kind
from tests.dashboard.page_helpers import run_page, signed_in
from tests.factories import make_dub, make_ready_run, make_user

pytestmark = pytest.mark.django_db

LINES = 40


@pytest.fixture
def long_dub(team) -> Dub:
    """A dub of 40 lines, of which every third is too fast, in another language too."""
    run = make_ready_run(team)
    lines = [f"line {n} " + "x" * (90 if n % 3 == 0 else 1) for n in range(1, LINES + 1)]
    dub = make_dub(run, lines, "en-us", cues_hash="first")
    make_dub(run, [f"ligne {n}" for n in range(1, LINES + 1)], "fr-fr", cues_hash="second")
    return dub


@pytest.fixture
def is_long(monkeypatch) -> None:
    """Have sections of about ten lines."""
    monkeypatch.setattr(transcript_sections, "MAX_WHOLE_BYTES", 4_000)
    monkeypatch.setattr(transcript_sections, "SECTION_BYTES", 2_500)


def sections_of(client: Client, page: str) -> list[str]:
    """Return all sections of the page in their order: the one that it was sent with, and those that it names."""
    found = []
    for own, address in re.findall(r'<div id="(lines-\d+)"|hx-get="([^"]*/lines/[^"]*)"', page):
        if own:
            found.append(page[page.index(f'<div id="{own}"') : page.rindex("</ol>")])
        else:
            answer = client.get(html.unescape(address))
            assert answer.status_code == 200
            found.append(answer.content.decode())
    return found


def items(text: str, prefix: str = "cue") -> list[str]:
    """Return each line with its checks, without the name of its speaker, which each section repeats."""
    return re.findall(rf'<(?:li|div) id="{prefix}-.*', re.sub(r"<bdi>.*?</bdi>", "", text))


@pytest.mark.parametrize(
    "query", ["", "?t=40", "?speaker=Ben", "?check=fast", "?check=dismissed", "?t=79", "?part=3", "?find=line"]
)
def test_each_line_is_in_exactly_one_section_as_it_is_in_the_whole(member, owner, long_dub, request, query):
    dismissals.dismiss(long_dub.cues.get(position=30), Kind.FAST, "Sung", owner)
    whole = items(run_page(member, long_dub.run, query))
    assert len(whole) == (LINES / 2 if "speaker" in query else LINES)
    request.getfixturevalue("is_long")
    sections = sections_of(member, run_page(member, long_dub.run, query))
    assert len(sections) > 1
    unmarked = [re.sub("</?mark>| is-found", "", item) for item in whole]
    assert [re.sub("</?mark>| is-found", "", item) for part in sections for item in items(part)] == unmarked
    assert all("<bdi>" in part for part in sections)


def test_the_page_is_sent_with_the_lines_of_its_second(member, long_dub, is_long):
    for query, position in (("", 1), ("?t=40", 21), ("?t=79", LINES), ("?t=9999", LINES), ("?part=1&t=79", 1)):
        assert f'id="cue-{position}"' in run_page(member, long_dub.run, query)
    assert "review check" in run_page(member, long_dub.run)
    assert "13 review checks" in run_page(member, long_dub.run, "?t=40")


def test_two_dubs_side_by_side_are_sent_in_sections_too(member, long_dub, is_long):
    sections = sections_of(member, run_page(member, long_dub.run, "?beside=fr-fr"))
    assert len(sections) > 4
    for prefix in ("cue", "other"):
        found = [int(number) for part in sections for number in re.findall(rf'id="{prefix}-(\d+)"', part)]
        assert found == list(range(1, LINES + 1))


def test_without_script_each_section_is_a_link_away(member, long_dub, is_long):
    page = run_page(member, long_dub.run)
    links = [html.unescape(link) for link in re.findall(r'<a href="([^"]*)#lines-\d+"', page)]
    seen = {
        number
        for link in ["", *links]
        for number in re.findall(r'id="cue-(\d+)"', run_page(member, long_dub.run, link))
    }
    assert len(seen) == LINES


@pytest.mark.parametrize("part", ["0", "99", "-1", "x", "9" * 30, ""])
def test_a_section_that_is_not_there_is_not_found(member, long_dub, is_long, part):
    assert member.get(reverse("runs-detail-lines", args=[long_dub.run_id]), {"part": part}).status_code == 404


def test_an_outsider_sees_no_section(long_dub, is_long):
    stranger = signed_in(make_user())
    assert stranger.get(reverse("runs-detail-lines", args=[long_dub.run_id]), {"part": "1"}).status_code == 404


def test_a_section_of_lines_that_have_changed_brings_the_whole_transcript(member, long_dub, is_long):
    page = run_page(member, long_dub.run)
    address = html.unescape(re.findall(r'hx-get="([^"]*/lines/[^"]*)"', page)[-1])
    Cue.objects.filter(position__gt=20).delete()
    Dub.objects.filter(pk=long_dub.pk).update(cues_hash="third", cue_count=20)
    answer = member.get(address)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (200, "#transcript")
    assert answer.content.decode().strip().startswith('<div id="transcript"')
    assert len([item for part in sections_of(member, answer.content.decode()) for item in items(part)]) == 20


def test_a_viewer_sees_no_link_that_dismisses_in_any_section(team, long_dub, is_long):
    ReviewPolicy.objects.create(team=team, speed=30)
    viewer = make_user()
    team.memberships.create(user=viewer, role="viewer")
    sections = sections_of(signed_in(viewer), run_page(signed_in(viewer), long_dub.run))
    assert 'class="check"' in "".join(sections)
    assert "Dismiss" not in "".join(sections)
