"""Tags: parsing, adding to runs and removing from them, spelling."""

import pytest

from results import tags
from results.models import Run, Tag, TeamVersion
from tests.factories import make_run, make_team

pytestmark = pytest.mark.django_db


def names(run: Run) -> list[str]:
    return [tag.name for tag in run.tags.all()]


def tag(run: Run, *names_: str) -> None:
    tags.add_tags(run.team, {run.pk: names_})


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("launch, Two  words ,launch", ["launch", "Two words"]),
        ("Launch, LAUNCH, launch", ["Launch"]),
        ("a;b\nc，d、e،f؛g", ["a", "b", "c", "d", "e", "f", "g"]),
        (" ,, ; \n", []),
        ("STRASSE, Straße", ["STRASSE"]),
        ("e\u0301te, \u00e9te", ["\u00e9te"]),
        ('"quoted", «кавычки»', ["quoted", "кавычки"]),
        ("\u202egpj.exe, a\0b, \ud800, \u200f", ["gpj.exe", "ab"]),
        ("<script>alert(1)</script>", ["<script>alert(1)</script>"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("x" * 10_000, ["x" * 10_000]),
    ],
)
def test_tags_are_parsed_from_a_text(text, parsed):
    assert tags.parse(text) == parsed


def test_all_spellings_are_one_tag_under_the_first_spelling():
    run, other = make_run(), make_run()
    tag(run, "Launch", "été")
    second = make_run(run.team)
    tag(second, "LAUNCH", "ÉTÉ", "more")
    tag(other, "launch")
    assert (names(run), names(second), names(other)) == (["Launch", "été"], ["Launch", "more", "été"], ["launch"])
    assert tags.names_in_use(run.team_id) == ["Launch", "more", "été"]
    assert tags.names_in_use(other.team_id) == ["launch"]


def test_another_teams_run_is_never_tagged():
    run, foreign = make_run(), make_run()
    assert tags.add_tags(run.team, {foreign.pk: ["launch"], run.pk: ["launch"]}) == 1
    tag(foreign, "launch")
    assert tags.remove_tags(run.team, [foreign.pk, run.pk], ["launch"]) == 1
    assert (names(run), names(foreign)) == ([], ["launch"])


def test_a_tag_without_runs_is_not_offered_and_takes_its_new_spelling():
    run = make_run()
    tag(run, "lAUNCH")
    tags.remove_tags(run.team, [run.pk], ["Launch"])
    assert tags.names_in_use(run.team_id) == []
    tag(run, "Launch")
    assert names(run) == ["Launch"]
    assert Tag.objects.count() == 1


def test_tagging_bumps_the_versions_of_run_and_team():
    run, untouched = make_run(), make_run()
    tag(run, "launch")
    run.refresh_from_db()
    assert run.version == TeamVersion.current(run.team_id) == 1
    tags.remove_tags(run.team, [run.pk], ["launch"])
    run.refresh_from_db()
    assert run.version == TeamVersion.current(run.team_id) == 2
    assert TeamVersion.current(untouched.team_id) == 0


def test_many_runs_are_tagged_in_batches(monkeypatch, django_assert_max_num_queries):
    team = make_team()
    Run.objects.bulk_create(Run(team=team, camb_run_id=number) for number in range(1, 1101))
    pks = Run.objects.filter(team=team).pks()
    with django_assert_max_num_queries(60):
        assert tags.add_tags(team, {pk: ["one", "two"] for pk in pks}) == 1100
    assert Run.objects.filter(tags.tagged_with("ONE"), tags.tagged_with("two"), team=team).count() == 1100
    assert tags.remove_tags(team, pks, ["two"]) == 1100
    assert tags.names_in_use(team.pk) == ["one"]


def test_the_longest_tag_fits_when_folded():
    run = make_run()
    name = "ΐ" * Tag.MAX_NAME
    tag(run, name)
    assert list(Run.objects.filter(tags.tagged_with(name.upper()))) == [run]
