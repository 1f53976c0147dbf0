"""1,220 searches in 128 languages: what must be found, what must not, and which parts are marked.

`tests/data/README.md` describes the tables. `pytest -s` on this file prints the shares.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from results.models import Cue, Dub
from results.search import indexing
from results.search.find import find_in_dub
from results.search.service import iter_hits
from tests.factories import make_dub, make_ready_run, make_team

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent.parent.parent / "data"
TABLES = (DATA / "search_cases.tsv", DATA / "more_search_cases.tsv")
BARS = {"A": 0.995, "B": 0.8, "C": 0.0}

Marks = list[tuple[int, int]]


class Case(NamedTuple):
    script: str
    text: str
    query: str
    must_hit: str
    expected_mark: str
    lang: str
    tier: str
    speaker: str
    note: str

    def has_expected(self, marks: Marks) -> bool:
        parts = " ¦ ".join(self.text[start:end] for start, end in marks)
        return not self.expected_mark or parts in self.expected_mark.split("||")


def unescaped(cell: str) -> str:
    return re.sub(r"\\u([0-9A-F]{4})|\\U([0-9A-F]{8})", lambda code: chr(int(code[1] or code[2], 16)), cell)


CASES = [
    Case(*map(unescaped, line.split("\t")))
    for table in TABLES
    for line in table.read_text(encoding="utf-8").split("\n")[1:]
    if line
]


@pytest.fixture
def dubs() -> dict[str, Dub]:
    """A team's dubs, one in a run of its own for each language, with the lines of the table."""
    team = make_team()
    lines: dict[str, dict[str, str]] = {}
    for case in CASES:
        lines.setdefault(case.lang, {}).setdefault(case.text, case.speaker or "Speaker 1")
    made = {lang: make_dub(make_ready_run(team), list(texts), lang) for lang, texts in lines.items()}
    for lang, dub in made.items():
        cues = list(dub.cues.all())
        for cue in cues:
            cue.speaker = lines[lang][cue.text]
        Cue.objects.bulk_update(cues, ["speaker"])
        indexing.add_cues(dub.cues.all())
    return made


def judge(marks_in: Callable[[Case], Marks | None]) -> None:
    """Compare what is found in each case's line, as the parts that are marked or None, with what must be."""
    found = {case: marks_in(case) for case in CASES}
    for tier, bar in BARS.items():
        wanted = [case for case in CASES if case.tier == tier and case.must_hit == "1"]
        missed = [case for case in wanted if found[case] is None]
        share = 1 - len(missed) / len(wanted)
        print(f"{tier}: {len(wanted) - len(missed)} of {len(wanted)} found, {share:.1%}")
        assert share >= bar, missed
    assert [case for case, marks in found.items() if case.must_hit == "0" and marks is not None] == []
    assert [case for case, marks in found.items() if marks is not None and not case.has_expected(marks)] == []


def test_the_search_finds_what_a_native_reader_expects(dubs):
    team_id = next(iter(dubs.values())).team_id
    hits = {
        query: {hit.cue.text: hit.marks for hit in iter_hits(team_id, query)}
        for query in {case.query for case in CASES}
    }
    judge(lambda case: hits[case.query].get(case.text))


def test_find_in_transcript_finds_what_a_native_reader_expects(dubs):
    judge(lambda case: {line.text: line.marks for line in find_in_dub(dubs[case.lang], case.query)}.get(case.text))
