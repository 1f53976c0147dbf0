"""CSV: RFC 4180, a byte order mark, and no cell that computes."""

import pytest

from results.exports import csv
from results.transcripts.alignment import align
from tests.results.exports.cases import make_cue


def cell(text: str) -> str:
    return csv.table(["x"], [[text]]).removeprefix("\ufeffx\r\n").removesuffix("\r\n")


def test_a_table_as_rfc_4180_has_it():
    cues = [make_cue('Say "hi",\nthen go', speaker="Anna"), make_cue("日本 🙂", 2, 2500, 400_000_000)]
    assert csv.render(cues) == (
        "\ufeffposition,start,end,speaker,text\r\n"
        '1,00:00:01.000,00:00:02.500,Anna,"Say ""hi"",\nthen go"\r\n'
        "2,00:00:02.500,111:06:40.000,,日本 🙂\r\n"
    )


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\0", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("before", ["", " ", "'", " '", "\u00a0"])
def test_a_cell_that_would_compute_begins_with_a_single_quote(before, sign):
    assert cell(f"{before}{sign}1") == f"'{before}{sign}1"


@pytest.mark.parametrize(
    ("text", "written"), [("\r=1", '"\'\r=1"'), ('"=1', '"\'""=1"'), ("\n=1", '"\'\n=1"'), ("\rx", '"\'\rx"')]
)
def test_so_does_one_that_begins_with_a_quote_or_a_line_end(text, written):
    assert cell(text) == written


@pytest.mark.parametrize("text", ["a=1", "'tis", "1-2", "x@example.org", "100 %", ""])
def test_other_cells_stay_as_they_are(text):
    assert cell(text) == (text or '""')


def test_two_languages_stand_side_by_side():
    pairs = align([make_cue("Hello", speaker="Anna")], [make_cue("=Hola"), make_cue("Adiós", 2, 9000, 9900, "Ben")])
    assert csv.render_bilingual(pairs, "en-us", "es-es") == (
        "\ufeffstart,end,speaker,en-us,es-es\r\n"
        "00:00:01.000,00:00:02.500,Anna,Hello,'=Hola\r\n"
        "00:00:09.000,00:00:09.900,Ben,,Adiós\r\n"
    )
