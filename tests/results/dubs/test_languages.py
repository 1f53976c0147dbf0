"""A dub's language comes from the strongest source, and outlives every later answer."""

import pytest

from results.dubs import languages as dub_languages
from results.models import Cue, Dub, Language, Run
from results.refresh import merge
from results.runs.request import request_refresh
from results.search.service import search
from results.transcripts import language_guess
from tests.factories import make_dub, make_ready_run, make_run, make_searchable_dub, make_team, ready

pytestmark = pytest.mark.django_db

SPANISH = [
    "¿Dónde está la llave de la cocina?",
    "La dejé encima de la mesa, junto al pan.",
    "Siempre la pierdes cuando tenemos prisa.",
    "No te preocupes, la encontraremos antes de salir.",
    "Mira, estaba debajo del periódico de ayer.",
    "Menos mal, porque el tren sale dentro de diez minutos.",
    "Entonces coge los abrigos y llama al ascensor.",
    "Ya voy, pero primero cierro las ventanas.",
    "¿Has apagado la luz del pasillo?",
    "Sí, y también he dado de comer al gato.",
]
JAPANESE = [
    "台所の鍵はどこですか。",
    "机の上に置きました。",
    "電車は十分後に出ます。",
    "窓を閉めてから行きます。",
] * 3


def lines(*texts: str) -> list[dict]:
    return [
        {"start": 2 * at, "end": 2 * at + 1.8, "text": text, "speaker": "Anna"} for at, text in enumerate(texts)
    ]


@pytest.fixture
def answer(camb, worker, team):
    """Have CAMB.AI answer about the run, and return its dubs by language after the refresh."""

    def answer(run: Run, body: dict) -> dict[str, Dub]:
        camb.runs[run.camb_run_id] = body
        Run.objects.filter(pk=run.pk).update(due_at=None, checked_at=None)
        run.refresh_from_db()
        request_refresh(run)
        worker()
        run.refresh_from_db()
        return {dub.language: dub for dub in run.dubs.order_by("pk")}

    return answer


def languages_of(run: Run) -> list[tuple[str, str]]:
    return list(run.dubs.order_by("pk").values_list("language", "language_source"))


def hits_for(run: Run, typed: str) -> int:
    return search(run.team_id, typed).count


# --- Which source names the language -----------------------------------------------------------------


def test_camb_names_the_language_by_its_key(answer, team):
    run = make_run(team)
    answer(run, {"es-es": ready(), "fr-fr": ready()})
    assert languages_of(run) == [("es-es", "camb"), ("fr-fr", "camb")]


def test_a_dub_without_a_key_gets_the_language_of_the_list(answer, team):
    run = make_run(team, given_language="es-mx")
    answer(run, ready())
    assert languages_of(run) == [("es-mx", "sheet")]
    assert run.languages == ["es-mx"]


def test_camb_is_believed_rather_than_the_list(answer, team):
    run = make_run(team, given_language="es-mx")
    answer(run, {"fr-fr": ready()})
    assert languages_of(run) == [("fr-fr", "camb")]


def test_a_person_is_believed_rather_than_camb(answer, team):
    run = make_run(team, given_language="es-mx", is_language_of_person=True)
    answer(run, {"fr-fr": ready()})
    assert languages_of(run) == [("es-mx", "person")]


def test_the_language_of_a_list_is_not_that_of_several_dubs(answer, team):
    run = make_run(team, given_language="es-mx")
    answer(run, {"fr-fr": ready(), "de-de": ready()})
    assert languages_of(run) == [("fr-fr", "camb"), ("de-de", "camb")]


def test_a_dub_that_nothing_names_gets_a_guess_from_its_text(answer, team):
    run = make_run(team)
    answer(run, ready(transcript=lines(*SPANISH)))
    assert languages_of(run) == [("", "")]
    dub_languages.detect_languages()
    run.refresh_from_db()
    assert languages_of(run) == [("es", "guess")]
    assert (run.languages, run.guessed_languages) == (["es"], ["es"])
    assert hits_for(run, "lang:es cocina") == 1


def test_a_text_of_a_few_words_stays_without_a_language(answer, team):
    run = make_run(team)
    answer(run, ready(transcript=lines("♪", "OK", "1, 2, 3")))
    dub_languages.detect_languages()
    assert languages_of(run) == [("", "")]


# --- What a refresh keeps ----------------------------------------------------------------------------


def test_a_refresh_never_undoes_a_persons_word(answer, team):
    run = make_run(team)
    dub = answer(run, {"es-es": ready()})["es-es"]
    dub_languages.set_language(dub.run, dub, "pt-br")
    dubs = answer(run, {"es-es": ready(transcript=lines("Nova fala."))})
    assert languages_of(run) == [("pt-br", "person")]
    assert dubs["pt-br"].pk == dub.pk
    assert hits_for(run, "lang:pt nova") == 1
    assert run.notes == []


def test_a_dub_without_a_key_becomes_the_one_that_is_later_keyed(answer, team):
    run = make_run(team)
    flat = answer(run, ready())[""]
    cues = list(Cue.objects.filter(dub=flat).values())
    keyed = answer(run, {"es-es": ready()})["es-es"]
    assert keyed.pk == flat.pk
    assert list(Cue.objects.filter(dub=keyed).values()) == cues
    assert hits_for(run, "lang:es kettle") == 1
    assert run.notes == []


def test_a_dub_that_is_later_keyed_beside_others_is_known_by_its_language(answer, team):
    run = make_run(team, given_language="es")
    flat = answer(run, ready())["es"]
    dubs = answer(run, {"fr-fr": ready(), "es-es": ready(transcript=lines("Otra."))})
    assert dubs["es-es"].pk == flat.pk
    assert list(dubs) == ["es-es", "fr-fr"]


def test_a_dub_that_is_later_keyed_beside_others_is_known_by_its_lines(answer, team):
    run = make_run(team)
    flat = answer(run, ready(transcript=lines("Una.")))[""]
    dubs = answer(run, {"fr-fr": ready(), "es-es": ready(transcript=lines("Una."))})
    assert dubs["es-es"].pk == flat.pk


def test_a_dub_keeps_its_key_when_it_comes_without_one(answer, team):
    run = make_run(team)
    keyed = answer(run, {"es-es": ready()})["es-es"]
    dubs = answer(run, ready(transcript=lines("Otra.")))
    assert list(dubs) == ["es-es"]
    assert dubs["es-es"].pk == keyed.pk


def test_dubs_of_the_release_before_are_found_by_their_language(answer, team):
    run = make_run(team)
    dub = answer(run, {"es-es": ready()})["es-es"]
    Dub.objects.update(camb_language=None, language_source="")
    dubs = answer(run, {"es-es": ready(transcript=lines("Otra."))})
    assert dubs["es-es"].pk == dub.pk
    assert languages_of(run) == [("es-es", "camb")]


def test_a_dub_of_the_release_before_keeps_its_key_when_a_person_names_it(answer, team):
    run = make_run(team)
    dub = answer(run, {"es-es": ready()})["es-es"]
    Dub.objects.update(camb_language=None, language_source="")
    dub_languages.set_language(run, Dub.objects.get(pk=dub.pk), "pt-br")
    assert list(answer(run, {"es-es": ready()})) == ["pt-br"]


def test_a_number_of_camb_becomes_a_tag_once_it_is_known(answer, team):
    run = make_run(team)
    answer(run, {"777": ready()})
    assert languages_of(run) == [("777", "camb")]
    Language.objects.create(camb_id=777, tag="wo-sn")
    merge.tag_numbered_dubs({777: "wo-sn"})
    assert languages_of(run) == [("wo-sn", "camb")]
    assert hits_for(run, "lang:wo kettle") == 1
    assert len(answer(run, {"777": ready()})) == 1


# --- What people say ---------------------------------------------------------------------------------


def test_a_person_sets_and_takes_back_the_language_of_a_dub(team):
    dub = make_searchable_dub(make_ready_run(team), ["Agua."], "fr-fr")
    before = dub_languages.set_language(dub.run, dub, "es-es")
    assert languages_of(dub.run) == [("es-es", "person")]
    assert hits_for(dub.run, "lang:es agua") == 1
    assert hits_for(dub.run, "lang:fr agua") == 0
    dub_languages.restore(team, before)
    dub_languages.detect_languages()
    assert languages_of(dub.run) == [("fr-fr", "camb")]
    dub_languages.set_language(dub.run, dub, "es-es")
    dub_languages.set_language(dub.run, dub, "")
    assert languages_of(dub.run) == [("fr-fr", "camb")]


def test_a_person_sets_the_language_of_many_runs_at_once(team, worker):
    single, empty, several = make_ready_run(team), make_run(team), make_ready_run(team)
    make_searchable_dub(single, ["Agua."], "")
    make_dub(several, ["Eau."], "fr-fr"), make_dub(several, ["Wasser."], "de-de")
    before, left_out = dub_languages.set_languages(team, Run.objects.filter(team=team), "es-es")
    worker()
    empty.refresh_from_db()
    assert left_out == 1
    assert languages_of(single) == [("es-es", "person")]
    assert (empty.given_language, empty.is_language_of_person) == ("es-es", True)
    assert [tag for tag, _ in languages_of(several)] == ["fr-fr", "de-de"]
    dub_languages.restore(team, before)
    worker()
    empty.refresh_from_db()
    assert languages_of(single) == [("", "")]
    assert (empty.given_language, empty.is_language_of_person) == ("", False)


def test_runs_of_another_team_are_never_set_nor_restored(team, worker):
    other = make_dub(lines=["Agua."], language="")
    dub_languages.set_languages(team, Run.objects.all(), "es-es")
    dub_languages.restore(
        team, dub_languages.LanguagesBefore([(other.pk, "es-es")], [(other.run_id, "es-es", True)])
    )
    worker()
    assert languages_of(other.run) == [("", "")]


def test_all_guesses_are_confirmed_and_become_guesses_again(team, worker):
    dub = make_dub(make_ready_run(team), SPANISH, "")
    dub_languages.detect_languages()
    before, count = dub_languages.confirm_guesses(team, Run.objects.filter(team=team))
    dub.run.refresh_from_db()
    assert (count, languages_of(dub.run), dub.run.guessed_languages) == (1, [("es", "person")], None)
    dub_languages.restore(team, before)
    worker()
    assert languages_of(dub.run) == [("es", "guess")]


def test_a_dub_read_while_a_person_names_it_keeps_the_persons_word(team, monkeypatch):
    dub = make_dub(make_ready_run(team), SPANISH, "")
    guess = language_guess.guess_language

    def guess_while_a_person_speaks(texts):
        dub_languages.set_language(dub.run, dub, "ca")
        return guess(texts)

    monkeypatch.setattr(language_guess, "guess_language", guess_while_a_person_speaks)
    dub_languages.detect_languages()
    assert languages_of(dub.run) == [("ca", "person")]
    monkeypatch.undo()
    dub_languages.detect_languages()
    assert dub_languages.undetected(team) == 0


# --- Text in another language ------------------------------------------------------------------------


def test_a_text_in_another_language_than_the_dub_is_noted(team):
    dub = make_dub(make_ready_run(team), SPANISH, "ja-jp")
    dub_languages.detect_languages()
    dub.run.refresh_from_db()
    assert dub.run.language_mismatches == [["ja-jp", "es", 0]]


def test_lines_that_were_left_in_another_language_are_noted(team):
    dub = make_dub(make_ready_run(team), [*JAPANESE, *SPANISH, *JAPANESE], "ja-jp")
    dub_languages.detect_languages()
    dub.refresh_from_db()
    dub.run.refresh_from_db()
    assert dub.run.language_mismatches == [["ja-jp", "es", 10]]
    assert dub.foreign_lines == [[13, 22, "es"]]


def test_a_backlog_is_read_in_parts_until_none_is_left(team, worker, monkeypatch):
    monkeypatch.setattr(dub_languages, "DUBS_PER_TASK", 2)
    for _ in range(5):
        make_dub(make_ready_run(team), ["Agua."], "")
    dub_languages.detect_languages()
    worker()
    assert dub_languages.undetected(team) == 0


def test_refreshing_comes_before_a_backlog_of_languages(team, worker, monkeypatch):
    monkeypatch.setattr(dub_languages, "DUBS_WHILE_BUSY", 2)
    for _ in range(5):
        make_dub(make_ready_run(team), ["Agua."], "")
    due = make_run(team)
    dub_languages.detect_languages()
    assert worker() == 0
    assert dub_languages.undetected(team) == 3
    Run.objects.filter(pk=due.pk).update(due_at=None)
    dub_languages.detect_languages()
    assert dub_languages.undetected(team) == 0


def test_many_runs_are_left_to_the_other_sources_again_also_where_the_run_was_named(answer, team, worker):
    run = make_run(team, given_language="es-mx", is_language_of_person=True)
    answer(run, {"fr-fr": ready()})
    before, _left_out = dub_languages.set_languages(team, Run.objects.filter(team=team), "")
    worker()
    assert languages_of(run) == [("fr-fr", "camb")]
    dub_languages.restore(team, before)
    worker()
    assert languages_of(run) == [("es-mx", "person")]


def test_runs_that_cannot_be_refreshed_hold_no_language_up(team, worker, monkeypatch):
    monkeypatch.setattr(dub_languages, "DUBS_WHILE_BUSY", 2)
    make_run(make_team())  # due, in a team without a key
    for _ in range(5):
        make_dub(make_ready_run(team), ["Agua."], "")
    dub_languages.detect_languages()
    assert dub_languages.undetected(team) == 0
