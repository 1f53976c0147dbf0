"""Runs found by title, id and tag."""

import unicodedata

import pytest

from dashboard.forms.run import TitleForm
from results import queue, tags
from results.models import Run, Tag
from results.runs import source_suggestions
from results.runs.add import add_runs, add_tasks
from results.search import titles
from results.search.query import parse, plain_words
from tests.factories import make_run, make_team

pytestmark = pytest.mark.django_db

CASES = [
    ("Die Küche am Łódź-Kanal", ["kuche", "KÜCHE", "kueche", "lodz", "Łódź kanal", "üche"]),
    ("Mueller & Söhne", ["müller", "soehne", "sohne"]),
    ("Été à Paris", ["ete", "ÉTÉ", "e\u0301te\u0301", "a par"]),
    ("Straße nach Straßburg", ["strasse", "STRASSBURG"]),
    ("E-Mail für dich", ["email", "e-mail", "mail"]),
    ("東京物語", ["東", "京物", "東京物語"]),
    ("カタカナのタイトル", ["かたかな", "ｶﾀｶﾅ"]),
    ("한국어 제목", ["한국", unicodedata.normalize("NFD", "국어")]),
    ("مدرسة الحياة", ["مدرسه", "حياة"]),
    ("100 % (Rohschnitt)", ["100 %", "(roh", "100"]),
    ("٣ أيام", ["3"]),
    ("Kurs №5: C++ für 1,980円", ["№5", "no5", "c++", "1980", "1,980円"]),
    ("關於 霞ヶ関, 3½ Wochen", ["关于", "霞ケ関", "3½"]),
]


def named(team, text):
    found = list(titles.named(Run.objects.filter(team=team), text).order_by("-pk"))
    # The strip above the hits asks for the same runs in its own way.
    assert titles.newest_named(team.pk, text, 100, 100) == ([run.pk for run in found], len(found))
    return [run.title for run in reversed(found)]


@pytest.mark.parametrize(("title", "typed"), [(title, text) for title, texts in CASES for text in texts])
def test_titles_are_found_in_every_spelling(title, typed):
    team = make_team()
    # Without run ids, whose first digits are looked for as well.
    make_run(team, title=title, camb_run_id=None, camb_task_id="one")
    make_run(team, title="Other", camb_run_id=None, camb_task_id="other")
    assert named(team, typed) == [title]
    assert named(team, unicodedata.normalize("NFD", typed)) == [title]


def test_the_field_of_the_title_takes_a_text_as_a_whole():
    run = make_run(title="Die Küche am Łódź-Kanal")
    assert list(Run.objects.filter(titles.containing("kueche am"), pk=run.pk)) == []
    assert list(Run.objects.filter(titles.containing("KUCHE AM LODZ"), pk=run.pk)) == [run]


@pytest.mark.parametrize("typed", ["x", "%", "_", "\\", "\ud800", "\u200b", "\0"])
def test_no_text_finds_titles_without_it(typed):
    make_run(team := make_team(), title="Pilot")
    assert named(team, typed) == []


def test_each_word_is_in_the_title_or_a_tag_or_begins_the_id():
    team = make_team()
    pilot, other = make_run(team, camb_run_id=1344, title="Pilot"), make_run(team, camb_run_id=21344, title="Other")
    tags.add_tags(team, {pilot.pk: ["Launch"], other.pk: ["Launch party"]})
    assert named(team, "launch") == ["Pilot", "Other"]
    assert named(team, "LAUNCH pil") == ["Pilot"]
    assert named(team, "134") == named(team, "#1344") == named(team, "١٣٤٤ pilot") == ["Pilot"]
    assert named(team, "pilot party") == []


TAGS = [
    ("Été", ["ete", "ÉTÉ", "e\u0301te\u0301"]),
    ("Łódź Küche", ["lodz kuche", "Łódź  KÜCHE"]),
    ("한국", [unicodedata.normalize("NFD", "한국")]),
    ("カタカナ", ["かたかな", "ｶﾀｶﾅ"]),
    ("1ヵ月", ["1か月", "１ヶ月"]),
    ("♥", ["♥"]),
]


@pytest.mark.parametrize(("tag", "typed"), [(tag, name) for tag, names in TAGS for name in names])
def test_tags_are_found_in_every_spelling(tag, typed):
    team = make_team()
    run = make_run(team, title="Pilot")
    tags.add_tags(team, {run.pk: [tag], make_run(team, title="Other").pk: [f"{tag} 2"]})
    assert named(team, typed.split()[0]) == ["Pilot", "Other"]
    for query in (parse(f'tag:"{typed}"').runs, tags.tagged_with(typed)):
        assert list(Run.objects.filter(query, team=team)) == [run]


def test_tags_of_the_release_before_are_found_and_filled_in(monkeypatch):
    monkeypatch.setattr(tags, "_TAGS_PER_CHUNK", 2)
    sent: list[str] = []
    monkeypatch.setattr(queue, "enqueue", sent.append)
    team = make_team()
    tags.add_tags(team, {make_run(team, title="Pilot").pk: ["Été", "two", "three"]})
    Tag.objects.update(letters=None)
    assert (named(team, "été"), named(team, "ete")) == (["Pilot"], [])
    titles.fill_search_forms()
    titles.fill_search_forms()
    assert (sent, named(team, "ete")) == (["fill_search_forms"], ["Pilot"])
    assert not Tag.objects.filter(letters=None).exists()


def test_tags_that_differ_in_accents_stay_two_tags_and_are_removed_alone():
    team = make_team()
    run = make_run(team)
    tags.add_tags(team, {run.pk: ["Été", "ete"]})
    tags.remove_tags(team, [run.pk], ["ETE"])
    assert run.tag_names == ["Été"]


def test_titles_that_are_not_folded_yet_are_found_and_filled_in(monkeypatch):
    monkeypatch.setattr(titles, "_RUNS_PER_CHUNK", 2)
    team = make_team()
    for number in range(5):
        make_run(team, title=f"Küche {number}", title_folded=None)
    make_run(team, title="Other", title_folded=None)
    assert len(named(team, "küche")) == 5
    assert list(Run.objects.filter(~titles.containing("küche"), team=team).values_list("title")) == [("Other",)]
    titles.fill_search_forms()
    assert not Run.objects.filter(title_folded=None).exists()
    assert len(named(team, "kuche")) == 5


def test_filling_in_goes_on_in_another_task(monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(titles, "MAX_SECONDS", -1)
    monkeypatch.setattr(queue, "enqueue", sent.append)
    make_run(title="Pilot", title_folded=None)
    titles.fill_search_forms()
    assert sent == ["fill_search_forms"]


def test_whatever_writes_a_title_folds_it():
    team = make_team()
    add_runs(team, [(1, "Küche"), (2, "")], None)
    add_runs(team, [(2, "Über uns")], None)
    add_tasks(team, [("task", "Café")], None)
    assert [named(team, text) for text in ("kuche", "uber", "cafe")] == [["Küche"], ["Über uns"], ["Café"]]
    form = TitleForm({"title": "Łódź"}, instance=Run.objects.get(camb_run_id=1))
    assert form.is_valid()
    form.save()
    assert (named(team, "lodz"), named(team, "kuche")) == (["Łódź"], [])


def test_a_title_that_the_release_before_changed_is_folded_when_runs_are_compared():
    run = make_run(title="Pilot", cue_count=1)
    Run.objects.filter(pk=run.pk).update(title="Café")
    source_suggestions.suggest_pending()
    assert named(run.team, "cafe") == ["Café"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("kitchen ta", "kitchen ta"),
        ('"kitchen table', "kitchen table"),
        ("kitch*", "kitch"),
        ("Folge:3", "Folge:3"),
        ("kitchen -table", ""),
        ("kitchen OR table", ""),
        ("speaker:anna kitchen", ""),
        ("in:ja kitchen", ""),
        ("", ""),
    ],
)
def test_only_plain_words_name_runs(typed, words):
    assert plain_words(typed) == words
