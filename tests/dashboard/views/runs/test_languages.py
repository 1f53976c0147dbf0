"""Languages are set, confirmed and set back on the run's page, in the list and for a selection."""

import pytest
from django.urls import reverse

from results.dubs import languages as dub_languages
from results.models import Dub, Run
from tests.dashboard.page_helpers import undo
from tests.factories import make_dub, make_ready_run, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def flat_dub(team):
    return make_dub(make_ready_run(team, title="Harbour"), ["Buenas tardes."], "")


def post(client, dub, language, **fields):
    return client.post(reverse("runs-languages", args=[dub.run_id]), {"dub": dub.pk, "language": language} | fields)


def named(dub) -> tuple[str, str]:
    dub = Dub.objects.get(pk=dub.pk)
    return dub.language, dub.language_source


@pytest.mark.parametrize("typed", ["Spanish", "es", "español", "ES", "castilian"])
def test_a_language_is_set_by_any_of_its_names(member, flat_dub, typed):
    response = post(member, flat_dub, typed)
    assert response.status_code == 302
    assert named(flat_dub)[0].split("-")[0] == "es"
    assert named(flat_dub)[1] == "person"


def test_an_unknown_language_is_named_and_nothing_typed_is_lost(member, flat_dub):
    response = post(member, flat_dub, "Klingonish")
    assert response.status_code == 422
    assert "Dubroom knows no language “Klingonish”" in response.text
    assert 'value="Klingonish"' in response.text
    assert named(flat_dub) == ("", "")


def test_an_empty_language_leaves_it_to_camb_again(member, team):
    dub = make_dub(make_ready_run(team), ["Guten Tag."], "de-de")
    post(member, dub, "French")
    assert named(dub) == ("fr", "person")
    post(member, dub, "")
    assert named(dub) == ("de-de", "camb")


def test_a_change_is_undone_where_it_was_made(member, flat_dub, team):
    response = member.post(
        reverse("runs-languages", args=[flat_dub.run_id]), {"dub": flat_dub.pk, "language": "Spanish"}, follow=True
    )
    assert "Undo" in response.text
    response = undo(member, team)
    dub_languages.detect_languages()
    assert named(flat_dub) == ("", "")
    assert response.request["PATH_INFO"] == reverse("runs-detail", args=[flat_dub.run_id])
    assert "There is nothing left to undo." in undo(member, team).text


def test_the_dub_of_another_run_is_not_found(member, flat_dub, team):
    other = make_dub(make_ready_run(team), ["Guten Tag."], "de-de")
    response = member.post(
        reverse("runs-languages", args=[flat_dub.run_id]), {"dub": other.pk, "language": "French"}
    )
    assert response.status_code == 404
    assert named(other) == ("de-de", "camb")


def test_the_list_answers_with_the_row(member, flat_dub):
    response = member.post(
        reverse("runs-languages", args=[flat_dub.run_id]),
        {"language": "Spanish", "row": 1},
        headers={"HX-Request": "true"},
    )
    assert f'<tr id="run-{flat_dub.run_id}" hx-swap-oob="true"' in response.text
    assert ">Spanish</span>" in response.text


def test_a_run_without_a_dub_keeps_the_language_for_the_dub_to_come(member, team):
    run = make_run(team)
    member.post(reverse("runs-languages", args=[run.pk]), {"language": "Spanish"})
    run.refresh_from_db()
    assert (run.given_language, run.is_language_of_person) == ("es", True)
    assert ">Spanish</span>" in member.get(reverse("runs-list", args=[team.slug])).text


def test_a_selection_is_set_at_once_and_runs_with_several_dubs_are_named(member, flat_dub, team):
    several = make_ready_run(team)
    make_dub(several, ["Eau."], "fr-fr"), make_dub(several, ["Wasser."], "de-de")
    response = member.post(
        reverse("runs-bulk-language", args=[team.slug]), {"all": 1, "language": "Spanish"}, follow=True
    )
    dub_languages.detect_languages()
    assert named(flat_dub) == ("es", "person")
    assert "1 run is now in Spanish." in response.text
    assert "1 run has several dubs and stays as it is" in response.text
    undo(member, team)
    dub_languages.detect_languages()
    assert named(flat_dub) == ("", "")


def test_an_unknown_language_for_a_selection_keeps_the_selection(member, flat_dub, team):
    response = member.post(
        reverse("runs-bulk-language", args=[team.slug]), {"pk": flat_dub.run_id, "language": "Klingonish"}
    )
    assert response.status_code == 422
    assert f'name="pk" value="{flat_dub.run_id}"' in response.text


def test_guesses_look_like_guesses_and_are_confirmed_in_one_click(member, team):
    run = make_ready_run(team, languages=["es"], guessed_languages=["es"])
    dub = make_dub(run, ["Buenas tardes."], "", language_source="guess", text_language="es")
    Dub.objects.update(language="es", camb_language="")
    shown = member.get(reverse("runs-list", args=[team.slug])).text
    assert "Spanish?" in shown
    assert "1 run has a guessed language." in shown
    assert "Spanish?" in member.get(reverse("runs-detail", args=[run.pk])).text
    member.post(reverse("runs-languages-confirm", args=[team.slug]))
    assert named(dub) == ("es", "person")
    shown = member.get(reverse("runs-list", args=[team.slug])).text
    assert "Spanish?" not in shown
    assert "guessed language." not in shown


def test_confirming_all_means_those_that_the_list_shows(member, team):
    for title in ("Harbour", "Kitchen"):
        run = make_ready_run(team, title=title, languages=["es"], guessed_languages=["es"])
        make_dub(run, ["Buenas tardes."], "es", language_source="guess", text_language="es")
    page = reverse("runs-list", args=[team.slug])
    assert "1 run has a guessed language." in member.get(page, {"q": "kitchen"}).text
    assert "guessed language" not in member.get(page, {"q": "nothing"}).text
    member.post(reverse("runs-languages-confirm", args=[team.slug]), {"q": "kitchen"})
    assert list(Run.objects.exclude(guessed_languages=None).values_list("title", flat=True)) == ["Harbour"]


def test_text_in_another_language_shows_on_the_run_and_in_the_list(member, team):
    run = make_ready_run(team)
    lines = [f"Mañana a las {hour} salimos del puerto con los amigos de mi hermana." for hour in range(2, 14)]
    make_dub(run, lines, "ja-jp")
    dub_languages.detect_languages()
    assert "text in Spanish" in member.get(reverse("runs-list", args=[team.slug])).text
    assert (
        "Labelled Japanese (Japan), but the text looks like Spanish."
        in member.get(reverse("runs-detail", args=[run.pk])).text
    )


def test_a_language_that_is_corrected_no_longer_contradicts_the_text(member, team):
    run = make_ready_run(team)
    lines = [f"Mañana a las {hour} salimos del puerto con los amigos de mi hermana." for hour in range(2, 14)]
    dub = make_dub(run, lines, "ja-jp")
    dub_languages.detect_languages()
    post(member, dub, "Spanish")
    assert "text in Spanish" not in member.get(reverse("runs-detail", args=[run.pk])).text


@pytest.mark.parametrize(
    ("lang", "titles"),
    [
        ("es", {"Spain", "Mexico"}),
        ("es-mx", {"Mexico"}),
        ("-none", {"Unknown"}),
        ("-guessed", {"Mexico"}),
        ("-otherwise", {"Spain"}),
        ("e", {"Spain", "Mexico", "Unknown", "Estonia"}),
        ("\"'%", {"Spain", "Mexico", "Unknown", "Estonia"}),
    ],
)
def test_the_list_filters_by_language(member, team, lang, titles):
    make_ready_run(team, title="Spain", languages=["es-es"], language_mismatches=[["es-es", "en", 12]])
    make_ready_run(team, title="Mexico", languages=["fr-fr", "es-mx"], guessed_languages=["es-mx"])
    make_ready_run(team, title="Unknown", languages=[""])
    make_ready_run(team, title="Estonia", languages=["est"])
    response = member.get(reverse("runs-list", args=[team.slug]), {"lang": lang})
    assert {row.name for row in response.context["rows"]} == titles


def test_a_selection_of_all_in_a_language_reaches_no_other_run(member, team, flat_dub):
    spanish = make_ready_run(team, languages=["es-es"])
    member.post(reverse("runs-bulk-archive", args=[team.slug]), {"all": 1, "lang": "es"})
    archived = Run.objects.archived()
    assert list(archived) == [spanish]


@pytest.mark.parametrize("link", ["de-de", "de-at", "pt-br", "pt"])
def test_links_to_a_dub_still_lead_there_after_its_language_was_corrected(member, team, link):
    run = make_ready_run(team)
    make_dub(run, ["Eau."], "fr-fr")
    dub = make_dub(run, ["Wasser."], "de-de")
    post(member, dub, "pt-br" if link.startswith("pt") else "de-at")
    shown = member.get(reverse("runs-detail", args=[run.pk]), {"dub": link}).context["player"].dub
    assert shown.pk == dub.pk
