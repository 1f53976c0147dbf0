"""The limits of review checks: the guides' reading speeds by language, and what a team set in their place."""

import pytest

from results.models import ReviewPolicy
from results.transcripts import dub_checks, review_limits
from results.transcripts.reading_guides import CAPTIONS, SUBTITLES
from results.transcripts.review import Kind, review_checks
from results.transcripts.review_limits import DubLimits, ReviewLimits, limits_of
from tests.factories import make_dub, make_run, make_team
from tests.results.exports.cases import make_cue

OF_SUBTITLES = ReviewLimits(SUBTITLES, SUBTITLES.general)


@pytest.mark.parametrize(
    ("tag", "captions", "subtitles"),
    [
        ("en-us", 20, 20),
        ("fr-fr", 20, 17),
        ("ja-jp", 7, 4),
        ("ko-kr", 14, 12),
        ("zh-tw", 11, 9),
        ("yue", 11, 9),
        ("ar-eg", 23, 20),
        ("fa", 23, 20),
        ("hi-in", 25, 22),
        ("ne", 25, 22),
        ("ta", 22, 22),
        ("hi-latn", 20, 17),
        ("xx-unknown", 20, 17),
    ],
)
def test_each_guide_has_a_speed_for_each_language(tag, captions, subtitles):
    assert (ReviewLimits().speed_of(tag), OF_SUBTITLES.speed_of(tag)) == (captions, subtitles)


def test_a_teams_speed_for_a_language_holds_for_its_regions_and_not_beyond():
    limits = ReviewLimits(CAPTIONS, 15, {"pt": 18, "pt-br": 19, "ja": 5})
    tags = ("pt-br", "pt-pt", "pt", "de", "ja-jp", "ko")
    assert [limits.speed_of(tag) for tag in tags] == [19, 18, 18, 15, 5, 14]
    assert [tag for tag in tags if limits.is_own(tag)] == ["pt-br", "pt-pt", "pt", "de", "ja-jp"]


@pytest.mark.parametrize(
    ("tag", "text", "speed"),
    [
        ("ja-jp", "今日はいい天気", 5),
        ("ja-jp", "東京都庁前", 5),
        ("ja-jp", "Good morning", 20),
        ("zh-cn", "今天天气很好", 11),
        ("en-us", "今日はいい天気", 5),
        ("de-de", "Guten Morgen", 16),
        ("", "Guten Morgen", 20),
        ("", "안녕하세요", 14),
    ],
)
def test_a_line_in_another_script_has_the_limit_of_that_script(tag, text, speed):
    limits = ReviewLimits(speeds={"ja": 5, "de": 16})
    assert DubLimits(limits, tag).speed_for(text) == speed


def test_overlaps_and_gaps_are_checked_by_the_teams_limits():
    cues = [make_cue("a", 1, 0, 2000), make_cue("b", 2, 1500, 3000), make_cue("c", 3, 9000, 9500)]
    kinds = [
        [check.kind for checks in review_checks(cues, (), DubLimits(limits, "")) for check in checks]
        for limits in (ReviewLimits(), ReviewLimits(overlap_ms=500, gap_ms=5999))
    ]
    assert kinds == [[Kind.OVERLAP], [Kind.GAP]]


@pytest.mark.django_db
def test_a_policy_belongs_to_one_team_and_leaves_open_what_it_does_not_set():
    team, other = make_team("One"), make_team("Other")
    review_limits.set_policy(team, guide="subtitles", speeds={"de": 18}, gap_ms=3000)
    assert limits_of(team.pk) == ReviewLimits(SUBTITLES, 17, {"de": 18}, gap_ms=3000)
    assert limits_of(other.pk) == ReviewLimits()
    review_limits.set_policy(team, overlap_ms=0)
    assert limits_of(team.pk).overlap_ms == 0
    review_limits.reset_policy(team)
    assert limits_of(team.pk) == ReviewLimits()
    assert not ReviewPolicy.objects.exists()


@pytest.mark.django_db
def test_a_dub_is_checked_by_its_teams_limits():
    dub = make_dub(make_run(make_team()), ["x" * 30], "de-de")
    review_limits.set_policy(dub.team, speeds={"de": 14})
    [[found]] = dub_checks.checks_of(dub, list(dub.cues.all()))
    assert str(found.check) == "Fast: 15 characters/s, limit 14"
