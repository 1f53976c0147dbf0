"""Adding runs from pasted text or a file: the preview, the saved runs, and the limits."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from results.models import Language, Run
from results.runs.archive import archive_runs
from teams.models import Team
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_member, make_run, make_team
from tests.results.runs.paste.test_files import workbook

pytestmark = pytest.mark.django_db
TASK = "b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f"


def add(client: Client, team: Team, **data):
    return client.post(reverse("runs-add", args=[team.slug]), data)


def test_a_preview_saves_nothing_and_keeps_the_text(team, member):
    make_run(team, camb_run_id=1345)
    typed = "run 1344 and 1345, please\n1.5 <b>\n1344"
    response = add(member, team, text=typed)
    assert response.status_code == 200
    assert "1 new run · 1 already here · 1 not an id · 1 repeated" in text_of(response)
    assert "1.5 a run id is a whole number" in text_of(response)
    assert "run 1344 and 1345, please\n1.5 &lt;b&gt;\n1344</textarea>" in response.content.decode()
    assert Run.objects.filter(team=team).count() == 1


def test_runs_are_added_with_their_titles(team):
    user = make_member(team)
    make_run(team, camb_run_id=1345)
    client = signed_in(user)
    response = add(client, team, text="run_id,title\n1344,Harbour lights\n1345,Kyoto", save="1")
    assert (response.status_code, response["Location"]) == (302, reverse("runs-list", args=[team.slug]))
    assert "1 run is added. 1 was already here." in text_of(client.get(response["Location"]))
    assert list(team.runs.order_by("camb_run_id").values_list("camb_run_id", "title", "added_by")) == [
        (1344, "Harbour lights", user.pk),
        (1345, "Kyoto", None),
    ]


def test_a_task_is_followed(team, member):
    assert "1 task" in text_of(add(member, team, text=TASK))
    add(member, team, text=f"{TASK}\tHarbour lights", save="1")
    assert list(team.runs.values_list("camb_run_id", "camb_task_id", "title")) == [(None, TASK, "Harbour lights")]
    assert "1 was already here." in text_of(member.get(add(member, team, text=TASK, save="1")["Location"]))


def test_a_run_of_another_team_counts_as_new(team, member):
    make_run(make_team(), camb_run_id=1344)
    assert "1 new run" in text_of(add(member, team, text="1344"))
    add(member, team, text="1344", save="1")
    assert list(team.runs.values_list("camb_run_id", flat=True)) == [1344]


def test_a_text_without_ids_is_refused_and_not_lost(team, member):
    response = add(member, team, text="nothing here", save="1")
    assert response.status_code == 422
    assert "There is no run id in this text yet, so nothing was added." in text_of(response)
    assert "nothing here</textarea>" in response.content.decode()


@pytest.mark.parametrize(
    "raw",
    [
        "run_id,title\n1344,Café\n".encode(),
        "\ufeffrun_id,title\r\n1344,Café\r\n".encode(),
        "run_id,title\n1344,Café\n".encode("utf-16"),
        "run_id;title\n1344;Café\n".encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "cp1252"],
)
def test_a_file_is_read_together_with_the_text(raw, team, member):
    add(member, team, text="7", file=SimpleUploadedFile("../runs.csv", raw), save="1")
    assert set(team.runs.values_list("camb_run_id", flat=True)) == {7, 1344}


def test_titles_of_a_file_are_read(team, member):
    add(
        member,
        team,
        text="7",
        file=SimpleUploadedFile("runs.csv", "run_id,title\n1344,Café".encode("cp1252")),
        save="1",
    )
    assert list(team.runs.order_by("camb_run_id").values_list("camb_run_id", "title")) == [(7, ""), (1344, "Café")]


def test_a_column_of_tags_also_tags_runs_that_exist(team, member):
    known = make_run(team, camb_run_id=1345)
    make_run(make_team(), camb_run_id=1345)
    text = f'run_id,title,tags\n1344,Lights,"launch; two words"\n1345,,LAUNCH\n{TASK},,"new, {"x" * 50}"'
    assert "tags were cut to 40 characters, and to 20" in text_of(add(member, team, text=text))
    add(member, team, text=text, save="1")
    made = {str(run.camb_run_id or "task"): run.tag_names for run in team.runs.all()}
    assert made == {"1344": ["LAUNCH", "two words"], "1345": ["LAUNCH"], "task": ["new", "x" * 40]}
    assert known.version < Run.objects.get(pk=known.pk).version
    assert team.tags.count() == 4


def test_an_archived_run_is_restored_on_request_only(team, member):
    run, foreign = make_run(team, camb_run_id=7), make_run(make_team(), camb_run_id=8)
    archive_runs(team, [run.pk])
    archive_runs(foreign.team, [foreign.pk])
    preview = add(member, team, text="7 8 9")
    assert "2 new runs · 1 already here, archived" in text_of(preview)
    assert "Add, and restore 1" in text_of(preview)
    assert "Restore 1 run" in text_of(add(member, team, text="7"))
    add(member, team, text="7 8", save="1")
    assert set(team.runs.current().values_list("camb_run_id", flat=True)) == {8}
    response = add(member, team, text="7 9", restore="1")
    assert "1 run is restored." in text_of(member.get(response["Location"]))
    assert set(team.runs.current().values_list("camb_run_id", flat=True)) == {7, 8, 9}
    foreign.refresh_from_db()
    assert foreign.archived_at is not None


def test_the_text_of_a_file_comes_back_with_the_page(team, member):
    response = add(member, team, text="7", file=SimpleUploadedFile("runs.txt", b"1344"))
    assert "7\n1344</textarea>" in response.content.decode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"text": "1 " * 600_000}, "This is more than 1 MB of text. Add it in parts."),
        (
            {"text": " ".join(map(str, range(1, 20_002)))},
            "You can add up to 20,000 run ids at once. Add these in parts.",
        ),
        (
            {"text": "run_id,title\n1,a\n\ntitle,run_id\na,2\n\n" * 501},
            "This text has more than 1,000 tables. Add it in parts.",
        ),
    ],
    ids=["too long", "too many", "too many tables"],
)
def test_a_text_over_a_limit_is_refused_and_not_lost(data, sentence, team, member):
    response = add(member, team, **data, save="1")
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert data["text"] in response.content.decode()


def test_a_large_file_is_refused_with_the_reason(team, member):
    response = add(member, team, text="7", file=SimpleUploadedFile("runs.txt", b"1" * (5 * 2**20 + 1)), save="1")
    assert response.status_code == 422
    assert "This file is larger than 5 MB. Split it into smaller files." in text_of(response)
    assert not team.runs.exists()


def test_an_empty_file_is_no_error(team, member):
    assert add(member, team, text="7", file=SimpleUploadedFile("runs.txt", b"")).status_code == 200


def test_an_empty_file_is_told_from_none(team, member):
    hint, empty = "A preview appears here", "There is no text in this file."
    page = text_of(add(member, team, file=SimpleUploadedFile("runs.txt", b"")))
    assert (empty in page, hint in page) == (True, False)
    page = text_of(add(member, team, text=""))
    assert (empty in page, hint in page) == (False, True)


def test_thousands_of_ids_are_added_at_once(team, member):
    text = "\n".join(map(str, range(1, 2001)))
    preview = text_of(add(member, team, text=text))
    assert "2,000 new runs" in preview
    assert "and 1,950 more" in preview
    add(member, team, text=text, save="1")
    assert team.runs.count() == 2000


# --- How a table and a file are read ------------------------------------------------------------------


def test_new_runs_come_first_and_those_already_here_are_links(team, member):
    run = make_run(team, camb_run_id=1345)
    text = text_of(add(member, team, text="run_id,title\n1345,Garden\n1344,Kitchen\ntodo,Cellar\n,Attic"))
    places = [text.index(words) for words in ("New 1", "Invalid ids 1", "Already here 1", "Ignored")]
    assert places == sorted(places)
    page = add(member, team, text="1345").content.decode()
    assert f'href="{reverse("runs-detail", args=[run.pk])}"' in page


def test_two_columns_of_numbers_are_a_question_and_nothing_is_added_before_the_answer(team, member):
    text = "1344,24,Kitchen\n1345,12,Garden"
    response = add(member, team, text=text, save="1")
    page = response.content.decode()
    assert "Several columns could hold the run ids: “Column 1”, “Column 2”. Choose one." in text_of(response)
    assert not team.runs.exists()
    assert 'name="save"' not in page
    table = re.search(r'name="table" value="(\w+)"', page)[1]
    chosen = {"table": table, "role": ["run", "other", "title"], "save": "1"}
    assert add(member, team, text=text, **chosen).status_code == 302
    assert dict(team.runs.values_list("camb_run_id", "title")) == {1344: "Kitchen", 1345: "Garden"}


@pytest.mark.parametrize("text", ["{'Kitchen 7': 1344}", "0    Kitchen\n1    Garden\nName: title, dtype: object"])
def test_a_text_whose_ids_cannot_be_told_says_so(text, team, member):
    page = text_of(add(member, team, text=text))
    assert "No field here is named run_id." in page or "No column of this table looks like run ids." in page
    assert "Add " not in page.split("No run ids yet")[1].split("Columns")[0]


def test_a_choice_of_columns_does_not_apply_to_another_table(team, member):
    page = add(member, team, text="1344,24,Kitchen\n1345,12,Garden").content.decode()
    chosen = {"table": re.search(r'name="table" value="(\w+)"', page)[1], "role": ["other", "run", "title"]}
    add(member, team, text="minutes,run_id,title\n24,1344,Kitchen", save="1", **chosen)
    assert list(team.runs.values_list("camb_run_id", flat=True)) == [1344]


def test_an_unknown_role_is_refused_with_a_sentence(team, member):
    response = add(member, team, text="a,b\n1,2", table="x", role=["nonsense"])
    assert response.status_code == 422


def test_the_preview_says_how_a_file_was_read_and_another_encoding_may_be_chosen(team, member):
    raw = "run_id,title\n1344,Огни гавани".encode("cp1251")
    page = add(member, team, file=SimpleUploadedFile("runs.csv", raw)).content.decode()
    assert '<option value="cp1251" selected>Cyrillic, cp1251</option>' in page
    assert "Огни гавани" in page
    digest = re.search(r'name="file_digest" value="(\w+)"', page)[1]
    chosen = {"file_digest": digest, "encoding": "cp1252"}
    assert "Îãíè" in add(member, team, file=SimpleUploadedFile("runs.csv", raw), **chosen).content.decode()
    other = "run_id,title\n1345,Кухня, серия".encode("cp1251")
    assert "Кухня" in add(member, team, file=SimpleUploadedFile("runs.csv", other), **chosen).content.decode()


def test_a_sheet_of_a_workbook_may_be_chosen(team, member):
    raw = workbook(Notes=[["Hello", "world"]], Runs=[["run id", "title"], [1344, "Kitchen"]])
    page = add(member, team, file=SimpleUploadedFile("runs.xlsx", raw)).content.decode()
    assert "<option selected>Notes</option>" in page
    chosen = {"file_digest": re.search(r'name="file_digest" value="(\w+)"', page)[1], "sheet": "Runs"}
    add(member, team, file=SimpleUploadedFile("runs.xlsx", raw), save="1", **chosen)
    assert list(team.runs.values_list("camb_run_id", "title")) == [(1344, "Kitchen")]


def test_a_file_of_another_kind_gets_one_sentence_and_the_text_stays(team, member):
    response = add(member, team, text="1344", file=SimpleUploadedFile("runs.pdf", b"%PDF-1.7"))
    assert response.status_code == 422
    assert "A PDF holds no list of ids." in text_of(response)
    assert "1344</textarea>" in response.content.decode()


def test_the_language_of_a_column_is_shown_saved_and_may_be_chosen(team, member):
    text = "run_id,title,language,other\n1344,Kitchen,es-ES,de\n1345,Garden,Klingonish,de"
    response = add(member, team, text=text)
    assert "1344 Kitchen Spanish (Spain)" in text_of(response)
    assert "Dubroom knows no language “Klingonish”; the run is added without one" in text_of(response)
    page = response.content.decode()
    assert '<option value="language" selected>Languages</option>' in page
    table = re.search(r'name="table" value="(\w+)"', page)[1]
    chosen = {"table": table, "role": ["run", "title", "other", "language"]}
    assert "1345 Garden German" in text_of(add(member, team, text=text, **chosen))
    add(member, team, text=text, save="1")
    assert dict(team.runs.values_list("camb_run_id", "given_language")) == {1344: "es-es", 1345: ""}


def test_a_number_of_camb_ai_is_read_as_its_language(team, member):
    Language.objects.create(camb_id=2001, tag="ga-ie")
    assert "1344 Irish (Ireland)" in text_of(add(member, team, text="run_id,language\n1344,2001"))
