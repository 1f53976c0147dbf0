"""The tab Review limits: the limits of a team's review checks, who may set them, and where they apply."""

import re

import pytest
from django.urls import reverse

from results.models import ReviewPolicy
from results.transcripts import review_limits
from results.transcripts.languages import choices
from results.transcripts.review_limits import limits_of
from tests.dashboard.page_helpers import run_page, signed_in
from tests.factories import make_dub, make_member, make_ready_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(team):
    return reverse("teams-checks", args=[team.slug])


def limits_on(client, tab):
    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', client.get(tab).content.decode(), re.DOTALL)
    return {name: " ".join(re.sub("<.*?>", " ", value).split()) for name, value in rows}


def test_the_tab_shows_the_guides_limits_until_the_team_sets_its_own(as_owner, team, tab):
    before = limits_on(as_owner, tab)
    assert (before["Most languages"], before["Japanese"]) == ("20 characters/s", "7 characters/s")
    typed = {"guide": "subtitles", "speed": 18, "speeds": "japanese: 5\n\nPT-BR 19", "overlap_s": 0.2, "gap_s": 4}
    assert as_owner.post(tab, typed).status_code == 302
    after = limits_on(as_owner, tab)
    assert after["Most languages"] == "18 characters/s set by the team guide: 17 characters/s"
    assert after["Japanese"] == "5 characters/s set by the team guide: 4 characters/s"
    assert after["Korean"] == "12 characters/s"
    assert after["Longest overlap"] == "0.2 s set by the team guide: 0.04 s"
    assert after["Longest gap"] == "4 s set by the team guide: 10 s"
    assert (limits_of(team.pk).overlap_ms, limits_of(team.pk).gap_ms) == (200, 4000)
    assert 'value="0.2"' in as_owner.get(tab).content.decode()
    assert as_owner.post(tab, {"reset": "yes"}).status_code == 302
    assert limits_on(as_owner, tab) == before


def test_the_form_takes_back_what_it_shows(as_owner, team, tab):
    speeds = {"ja": 5, "pt-br": 19, "zh-hant": 10, "nan": 9, "sr-latn": 16}
    review_limits.set_policy(team, speeds=speeds)
    [shown] = re.findall(r"<textarea[^>]*>\s*(.*?)</textarea>", as_owner.get(tab).content.decode(), re.DOTALL)
    as_owner.post(tab, {"guide": "captions", "speeds": shown})
    assert limits_of(team.pk).speeds == speeds
    assert len(choices()) > 50


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"speeds": "Klingonish 7"}, "Dubroom knows no language “Klingonish”."),
        ({"speeds": "Japanese"}, "“Japanese” needs a language and a number."),
        ({"speeds": "7"}, "“7” needs a language and a number."),
        ({"speeds": "Japanese fast"}, "“Japanese fast” needs a language and a number."),
        ({"speeds": "Japanese 7\nja 8"}, "“ja” is listed twice."),
        ({"speeds": "Japanese 0"}, "“Japanese 0”: use a number from 1 to 100."),
        ({"speeds": "Japanese 99999999999"}, "“Japanese 99999999999”: use a number from 1 to 100."),
        ({"speed": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"gap_s": "soon"}, "Enter a whole number."),
        ({"guide": "none"}, "none is not one of the available choices."),
    ],
)
def test_a_limit_that_is_refused_is_named_and_nothing_is_saved(as_owner, tab, typed, said):
    answer = as_owner.post(tab, {"guide": "captions"} | typed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not ReviewPolicy.objects.exists()


def test_members_see_the_limits_and_cannot_change_them(team, tab):
    for role in ("member", "viewer"):
        client = signed_in(make_member(team, role))
        assert client.post(tab, {"guide": "captions", "speed": 5}).status_code == 403
        assert client.post(tab, {"reset": "yes"}).status_code == 403
        body = client.get(tab).content.decode()
        assert "An owner or a manager can change the limits." in body
        assert 'name="speed"' not in body


def test_a_runs_page_checks_by_the_teams_limit_and_says_so(as_owner, team, tab):
    dub = make_dub(make_ready_run(team), ["x" * 38, ""], "de-de")
    before = run_page(as_owner, dub.run)
    assert "Fast:" not in before
    assert "German (Germany): 20 characters/s · overlap 0.04 s · gap 10 s" in before
    as_owner.post(tab, {"guide": "captions", "speeds": "German 15"})
    after = run_page(as_owner, dub.run)
    assert "Fast: 19 characters/s, limit 15" in after
    assert "German (Germany): 15 characters/s, set by the team" in after
