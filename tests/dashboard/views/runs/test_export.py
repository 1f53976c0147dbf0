"""Exports over HTTP: access, file names, the ZIP of many runs, and the export menu."""

import csv
import logging
import re
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from results.exports.formats import FORMATS
from results.models import Run
from tests.dashboard.page_helpers import run_page
from tests.factories import make_dub, make_member, make_run, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def dub(team):
    return make_dub(make_run(team, camb_run_id=7, title="料理: stories"), ["Hello", "World"], "en-us")


def export_url(dub, format="srt", other=None) -> str:
    """Return the URL of the dub's export, or of its bilingual export with the other dub."""
    if other:
        return reverse("runs-export-pair", args=[dub.pk, format, other.pk])
    return reverse("runs-export-dub", args=[dub.pk, format])


# --- Access ------------------------------------------------------------------------------------------


@pytest.fixture
def addresses(dub):
    other = make_dub(dub.run, ["Hola"], "es-es")
    return [export_url(dub), export_url(dub, "csv", other), reverse("runs-export-selection", args=[dub.team.slug])]


def test_an_anonymous_user_is_sent_to_the_log_in_page(client, addresses):
    for url in addresses:
        response = client.get(url)
        assert (response.status_code, response.headers["Location"]) == (
            302,
            f"{reverse('account_login')}?next={url}",
        )


def test_an_outsider_gets_404(client, addresses):
    client.force_login(make_user())
    assert [client.get(url).status_code for url in addresses] == [404, 404, 404]


def test_a_viewer_may_export_everything(client, team, addresses):
    client.force_login(make_member(team, "viewer"))
    assert [client.get(url).status_code for url in addresses] == [200, 200, 200]


def test_a_dub_of_another_run_makes_no_pair(client, reader, dub):
    same_team = make_dub(make_run(dub.team), ["x"], "es-es")
    elsewhere = make_dub(lines=["secret"], language="es-es")
    assert [client.get(export_url(dub, "srt", other)).status_code for other in (same_team, elsewhere, dub)] == [
        404
    ] * 3


@pytest.mark.parametrize("format", ["exe", "SRT", "vtt/x", "%00"])
def test_an_unknown_format_answers_404(client, reader, dub, format):
    url = export_url(dub).replace("/srt/", f"/{format}/")
    assert client.get(url).status_code == 404
    assert client.get(reverse("runs-export-selection", args=[dub.team.slug]), {"format": format}).status_code == 404


def test_only_some_formats_hold_two_languages(client, reader, dub):
    other = make_dub(dub.run, ["Hola"], "es-es")
    found = [key for key in FORMATS if client.get(export_url(dub, key, other)).status_code == 200]
    assert found == ["srt", "csv"]


# --- One dub, and two --------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS.values(), ids=lambda format: format.key)
def test_a_dub_is_a_download_with_a_readable_name(client, reader, dub, format):
    response = client.get(export_url(dub, format.key))
    assert response.content == format.file(dub) or format.key == "docx"
    encoded = f"%E6%96%99%E7%90%86%20stories%20%5B7%5D.en-us.{format.extension}"
    expected = {
        "Content-Type": format.content_type,
        "Content-Disposition": (
            f"attachment; filename=\"stories [7].en-us.{format.extension}\"; filename*=utf-8''{encoded}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store, private",
        "Content-Length": str(len(response.content)),
    }
    assert {name: response.headers[name] for name in expected} == expected


def test_an_ascii_file_name_is_not_encoded(client, reader, team):
    dub = make_dub(make_run(team, camb_run_id=7, title='a"b\r\nSet-Cookie: x'), ["Hello"])
    response = client.get(export_url(dub))
    assert response.headers["Content-Disposition"] == 'attachment; filename="a b Set-Cookie x [7].en-us.srt"'


def test_two_dubs_are_one_file(client, reader, dub):
    other = make_dub(dub.run, ["Hola", "Mundo"], "es-es")
    response = client.get(export_url(dub, "csv", other))
    rows = list(csv.reader(StringIO(response.content.decode("utf-8-sig"), newline="")))
    assert rows == [
        ["start", "end", "speaker", "en-us", "es-es"],
        ["00:00:00.000", "00:00:02.000", "Anna", "Hello", "Hola"],
        ["00:00:02.000", "00:00:04.000", "Ben", "World", "Mundo"],
    ]
    assert response.headers["Content-Disposition"].endswith("%5B7%5D.en-us%2Bes-es.csv")


@pytest.mark.parametrize("lines", [1, 40])
def test_an_export_takes_six_queries_for_any_number_of_lines(client, reader, team, lines):
    url = export_url(make_dub(make_run(team), ["Hello"] * lines))
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    # The session, the user, the dub with its run, the membership, the audit trail, the cues.
    assert len(queries) == 6


def test_an_export_is_logged_with_its_user(client, reader, dub, caplog):
    caplog.set_level(logging.INFO, "dashboard")
    client.get(export_url(dub, "vtt"))
    client.get(reverse("runs-export-selection", args=["dub"]), {"format": "csv"})
    assert [record.getMessage() for record in caplog.records] == [
        f"Dub {dub.pk} exported as vtt by user {reader.pk}",
        f"Team dub: 1 runs exported as csv by user {reader.pk}",
    ]


# --- Many runs ---------------------------------------------------------------------------------------


def files(response) -> list[str]:
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/zip")
    return ZipFile(BytesIO(b"".join(response.streaming_content))).namelist()


@pytest.fixture
def runs(team):
    """Three runs of the team, with one dub each."""
    found = [
        make_run(team, camb_run_id=number, title=title, status=status)
        for number, title, status in ((1, "Kitchen", "ready"), (2, "Garden", "ready"), (3, "Kitchen two", "partly"))
    ]
    for run in found:
        make_dub(run, ["Hello"])
    return found


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"status": "ready"}, [1, 2]),
        ({"q": "kitchen"}, [1, 3]),
        ({"q": "kitchen", "status": "partly"}, [3]),
        ({"status": "no such"}, [1, 2, 3]),
    ],
)
def test_the_zip_holds_what_the_list_shows(client, reader, runs, query, numbers):
    names = files(client.get(reverse("runs-export-selection", args=["dub"]), query))
    titles = {1: "Kitchen [1]", 2: "Garden [2]", 3: "Kitchen two [3]"}
    assert names == [*(f"{titles[number]}.en-us.srt" for number in numbers), "manifest.csv"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_zip_holds_the_chosen_runs_of_this_team(client, reader, runs, method):
    foreign = make_dub(lines=["secret"]).run
    ids = f"{runs[2].pk},{runs[0].pk},{runs[0].pk},{foreign.pk},0,-1,x,,{'9' * 30},²"
    response = getattr(client, method)(
        reverse("runs-export-selection", args=["dub"]), {"format": "vtt", "ids": ids}
    )
    assert files(response) == ["Kitchen [1].en-us.vtt", "Kitchen two [3].en-us.vtt", "manifest.csv"]


def test_ids_may_be_sent_as_repeated_fields(client, reader, runs):
    response = client.post(reverse("runs-export-selection", args=["dub"]), {"ids": [run.pk for run in runs[:2]]})
    assert files(response) == ["Kitchen [1].en-us.srt", "Garden [2].en-us.srt", "manifest.csv"]


@pytest.mark.parametrize("sent", [{}, {"ids": ""}, {"ids": "x"}])
def test_an_export_without_runs_says_so(client, reader, runs, sent):
    response = client.post(reverse("runs-export-selection", args=["dub"]), sent, follow=True)
    assert response.redirect_chain == [(reverse("runs-list", args=["dub"]), 302)]
    assert "There was no run to export." in response.content.decode()


def test_the_zip_has_a_name_and_is_streamed(client, reader, team):
    for _ in range(60):
        make_dub(make_run(team, status=Run.Status.READY), ["Hello"])
    response = client.get(reverse("runs-export-selection", args=["dub"]), {"format": "docx"})
    assert response.streaming
    assert response.headers["Content-Disposition"].startswith('attachment; filename="dub-2')
    assert response.headers["Content-Disposition"].endswith('-docx.zip"')
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    with CaptureQueriesContext(connection) as queries:
        assert next(iter(response.streaming_content))[:4] == b"PK\x03\x04"
    assert len(queries) == 4  # the first runs, their dubs and tags, the cues of one


# --- Languages and their direction --------------------------------------------------------------------

MARK = "\u200f\u202b"


@pytest.mark.parametrize("key", FORMATS)
@pytest.mark.parametrize(
    ("language", "named"), [("ar-eg", "ar-eg"), ("arz", "arz"), ("prs", "prs"), ("pt-br", "pt-br"), ("", "und")]
)
def test_an_export_names_the_language_of_its_dub(client, team, key, language, named):
    client.force_login(make_member(team))
    dub = make_dub(make_run(team), ["Hello"], language)
    assert client.get(export_url(dub, key)).headers["Content-Language"] == named


def test_a_bilingual_export_names_both_languages(client, team, dub):
    client.force_login(make_member(team))
    arabic = make_dub(dub.run, ["نعم"], "ar-eg")
    assert client.get(export_url(dub, "srt", arabic)).headers["Content-Language"] == "en-us, ar-eg"


@pytest.mark.parametrize(("query", "count"), [("", 1), ("?direction_marks=on", 1), ("?direction_marks=off", 0)])
def test_direction_marks_are_on_unless_the_address_says_off(client, team, dub, query, count):
    client.force_login(make_member(team))
    arabic = make_dub(dub.run, ["OK نعم"], "ar-eg")
    for url in (export_url(arabic), export_url(arabic, "words"), export_url(dub, "srt", arabic)):
        assert client.get(url + query).content.decode().count(MARK) == count
    zipped = client.get(reverse("runs-export-selection", args=["dub"]) + query)
    files = ZipFile(BytesIO(b"".join(zipped.streaming_content)))
    assert [files.read(name).decode().count(MARK) for name in files.namelist()] == [0, count, 0]


def test_selected_runs_can_be_exported_without_direction_marks(client, team):
    client.force_login(make_member(team))
    run = make_dub(make_run(team), ["OK نعم"], "ar-eg").run
    page = client.get(reverse("runs-list", args=["dub"])).content.decode()
    assert re.search(r'<input\s+type="checkbox" name="direction_marks" value="off">', page)
    url = reverse("runs-export-selection", args=["dub"])
    for choice, count in (({}, 2), ({"direction_marks": "off"}, 0)):  # the speaker and the line
        zipped = client.post(url, {"pk": run.pk, "format": "txt"} | choice)
        files = ZipFile(BytesIO(b"".join(zipped.streaming_content)))
        assert files.read(files.namelist()[0]).decode().count(MARK) == count


def test_the_menu_of_a_right_to_left_dub_offers_files_without_marks(client, team, dub):
    client.force_login(make_member(team))
    arabic = make_dub(make_run(team), ["OK نعم"], "ar-xa")
    offered = {
        one: set(re.findall(r"/(\w+)/\?direction_marks=off", run_page(client, one.run))) for one in (dub, arabic)
    }
    assert offered == {dub: set(), arabic: {"srt", "vtt", "txt", "lines", "words"}}


# --- The menu ----------------------------------------------------------------------------------------


def menu(dub, dubs) -> str:
    return Template("{% load exports %}{% export_menu dub dubs %}").render(Context({"dub": dub, "dubs": dubs}))


def test_the_menu_offers_every_format_and_every_other_language(dub):
    spanish = make_dub(dub.run, ["Hola"], "es-es")
    silent = make_dub(dub.run, [], "fr-fr")
    body = menu(dub, [dub, spanish, silent])
    for key, format in FORMATS.items():
        assert f'<a href="{export_url(dub, key)}" download>{format.label}</a>' in body
    assert "Side by side with <bdi>Spanish (Spain)</bdi>" in body
    pairs = [export_url(dub, key, spanish) for key in ("srt", "csv")]
    assert [url for url in pairs if f'<a href="{url}" download>' in body] == pairs
    assert body.count("<a ") == len(FORMATS) + 2


def test_the_menu_of_a_single_dub_has_no_pairs(dub):
    assert menu(dub, [dub]).count("<a ") == len(FORMATS)


def test_the_menu_escapes_a_language(dub):
    hostile = make_dub(dub.run, ["x"], "<script>alert(1)</script>")
    assert "<script>" not in menu(dub, [dub, hostile])
