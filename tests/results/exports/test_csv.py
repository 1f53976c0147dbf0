"""CSV files: RFC 4180, a byte order mark, and no cell that a spreadsheet computes as a formula."""

import csv
import re
from io import StringIO

import pytest

from results.exports.csv import csv_table, render, render_bilingual
from results.transcripts.alignment import align
from tests.results.exports.cases import make_cue


def cell(text: str) -> str:
    return csv_table(["x"], [[text]]).removeprefix("\ufeffx\r\n").removesuffix("\r\n")


def test_table_follows_rfc_4180():
    cues = [make_cue('Say "hi",\nthen go', speaker="Anna"), make_cue("日本 🙂", 2, 2500, 400_000_000)]
    assert render(cues) == (
        "\ufeffposition,start,end,speaker,text\r\n"
        '1,00:00:01.000,00:00:02.500,Anna,"Say ""hi"",\nthen go"\r\n'
        "2,00:00:02.500,111:06:40.000,,日本 🙂\r\n"
    )


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\0", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("before", ["", " ", "'", " '", "\u00a0"])
def test_formula_gets_a_single_quote_before_it(before, sign):
    assert cell(f"{before}{sign}1") == f"'{before}{sign}1"


@pytest.mark.parametrize(
    ("text", "written"),
    [("\r=1", "\"'\r'=1\""), ('"=1', '"\'""=1"'), ("\n=1", "\"'\n'=1\""), ("\rx", '"\'\rx"')],
)
def test_formula_after_a_quote_or_a_line_end_gets_a_single_quote_before_it(text, written):
    assert cell(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('Hi;=LINK("x")', 'Hi;\'=LINK("x")'),
        ("a, b; -1;b;;@c", "a, b;' -1;b;;'@c"),
        ("- One\n- Two\r\n'+3", "'- One\n'- Two\r\n''+3"),
        ("a\t＝1", "a\t'＝1"),
        ("one; two\nthree - four", "one; two\nthree - four"),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_formula_begins_in_the_middle_of_a_cell_whatever_the_separator_is(text, written, separator):
    file = csv_table(["x", "y"], [["a, b", text]])
    assert next(csv.reader(StringIO(file.partition("\r\n")[2], newline="")))[1] == written
    for row in csv.reader(StringIO(file, newline=""), delimiter=separator):
        assert not any(re.match(r"['\"\s]*[=+\-@＝]", cell) and cell[0] != "'" for cell in row)


@pytest.mark.parametrize("text", ["a=1", "'tis", "1-2", "x@example.org", "100 %", ""])
def test_other_cells_are_not_changed(text):
    assert cell(text) == (text or '""')


def test_bilingual_table_has_a_column_for_each_language():
    pairs = align([make_cue("Hello", speaker="Anna")], [make_cue("=Hola"), make_cue("Adiós", 2, 9000, 9900, "Ben")])
    assert render_bilingual(pairs, "en-us", "es-es") == (
        "\ufeffstart,end,speaker,en-us,es-es\r\n"
        "00:00:01.000,00:00:02.500,Anna,Hello,'=Hola\r\n"
        "00:00:09.000,00:00:09.900,Ben,,Adiós\r\n"
    )
