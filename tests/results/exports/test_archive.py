"""The ZIP of many runs: its files, its manifest, and its streaming."""

import csv
from datetime import UTC, datetime
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from results import tags
from results.exports import archive
from results.exports.formats import FORMATS
from results.models import Run
from tests.factories import make_dub, make_run, make_team

pytestmark = pytest.mark.django_db
SRT = FORMATS["srt"]


def stream(runs, export_format=SRT):
    return archive.stream_zip(Run.objects.all(), [run.pk for run in runs], export_format)


def open_zip(chunks) -> ZipFile:
    file = ZipFile(BytesIO(b"".join(chunks)))
    assert file.testzip() is None
    return file


def manifest(file: ZipFile) -> list[list[str]]:
    return list(csv.reader(StringIO(file.read("manifest.csv").decode("utf-8-sig"), newline="")))


def test_each_dub_is_a_file_and_each_run_is_in_the_manifest():
    team = make_team()
    kitchen = make_run(team, camb_run_id=7, title="=Kitchen/料理", status=Run.Status.READY)
    tags.add_tags(team, {kitchen.pk: ["launch", "=cmd|calc"]})
    make_dub(kitchen, ["Hello"], "en-us", duration_ms=83_000)
    make_dub(kitchen, ["Hola", "Adiós"], "es-es")
    make_run(team, camb_run_id=8, title="Later", status=Run.Status.WAITING)
    file = open_zip(stream(team.runs.all()))
    assert file.namelist() == ["=Kitchen 料理 [7].en-us.srt", "=Kitchen 料理 [7].es-es.srt", "manifest.csv"]
    assert file.read("=Kitchen 料理 [7].en-us.srt").decode() == "1\n00:00:00,000 --> 00:00:02,000\nHello\n"
    assert manifest(file) == [
        ["file", "run", "title", "tags", "status", "language", "language name", "lines", "length"],
        ["'=Kitchen 料理 [7].en-us.srt", "7", "'=Kitchen/料理", "'=cmd|calc, launch", "Ready", "en-us",
         "English (United States)", "1", "00:01:23.000"],
        ["'=Kitchen 料理 [7].es-es.srt", "7", "'=Kitchen/料理", "'=cmd|calc, launch", "Ready", "es-es",
         "Spanish (Spain)", "2", "00:00:00.000"],
        ["", "8", "Later", "", "Waiting", "", "", "", ""],
    ]  # fmt: skip


@pytest.mark.parametrize("export_format", FORMATS.values(), ids=lambda each: each.key)
def test_archive_holds_files_of_every_format(export_format, monkeypatch):
    # A Word document states when it was made.
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    dub = make_dub(make_run(camb_run_id=7, title="T"), ["Hello"])
    file = open_zip(stream([dub.run], export_format))
    assert file.namelist() == [f"T [7].en-us.{export_format.extension}", "manifest.csv"]
    assert len(file.read(file.namelist()[0])) == len(export_format.file(dub))


def test_equal_file_names_are_numbered():
    run = make_run(camb_run_id=7, title="T")
    for language in ("a/b", "a:b"):
        make_dub(run, ["x"], language)
    assert open_zip(stream([run])).namelist() == ["T [7].a b.srt", "T [7].a b (2).srt", "manifest.csv"]


def test_archive_leaves_out_runs_that_are_not_in_the_queryset():
    mine, foreign = make_dub(lines=["mine"]).run, make_dub(lines=["secret"]).run
    file = open_zip(archive.stream_zip(mine.team.runs.all(), [mine.pk, foreign.pk, 999_999], SRT))
    assert len(file.namelist()) == 2
    assert b"secret" not in file.read(file.namelist()[0])


def test_archive_of_no_runs_is_valid_with_an_empty_manifest():
    assert len(manifest(open_zip(stream([])))) == 1


def test_archive_is_streamed_while_it_is_written():
    team = make_team()
    for _ in range(120):
        make_dub(make_run(team), ["x"])
    with CaptureQueriesContext(connection) as queries:
        chunks = stream(team.runs.all())
        assert next(chunks).startswith(b"PK\x03\x04")
        # The ids, the first runs, their dubs, their tags, and the cues of one dub.
        assert len(queries) == 5
        list(chunks)
    # Three queries for each 50 runs, and one for each dub.
    assert len(queries) == 1 + 3 * 3 + 120
