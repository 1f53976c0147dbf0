"""The board of review checks: what it lists in which order, its filters, pages, CSV file and rights."""

import csv
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.pages import check_board
from results import tags
from results.dubs import checks
from results.runs.archive import archive_runs
from teams import access
from tests.dashboard.page_helpers import text_of
from tests.factories import make_dub, make_ready_run, make_team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
FAST = "x" * 70


def make_checked(team, *lines: str, language: str = "en-us", **fields):
    """Make a ready run with a dub of these lines, and store its checks."""
    dub = make_dub(make_ready_run(team, **fields), lines, language, is_language_detected=True)
    checks.store_pending()
    return dub


def board(client, team, query: str = "") -> str:
    return client.get(reverse("runs-checks-board", args=[team.slug]) + query).content.decode()


def rows_in(page: str) -> list[tuple[str, str]]:
    """Return the check and the run of each row."""
    return re.findall(r'<td class="board-check">(.*?)</td>.*?<bdi class="truncate" title="(.*?)">', page, re.DOTALL)


def test_the_board_lists_the_checks_of_all_runs_the_most_severe_first(client, team, reader):
    dub = make_checked(team, "fine", FAST, title="Pilot")
    make_checked(team, "", FAST, title="Trailer <b>")
    make_checked(make_team(), FAST, title="Foreign")
    page = board(client, team)
    fast = "Fast: 35 characters/s, limit 20"
    assert rows_in(page) == [
        ("No text", "Trailer &lt;b&gt;"), (fast, "Trailer &lt;b&gt;"), (fast, "Pilot")
    ]  # fmt: skip
    assert f'href="/runs/{dub.run_id}/?dub=en-us&amp;check=fast&amp;t=2#cue-2"' in page
    assert "All review checks 3" in text_of(client.get(reverse("runs-checks-board", args=[team.slug])))


def test_the_board_is_filtered_by_kind_language_and_tag(client, team, reader):
    spanish = make_checked(team, FAST, "", language="es-mx", title="A")
    make_checked(team, FAST, language="", title="B")
    tags.add_tags(team, {spanish.run_id: ["Launch"]})

    def runs(query: str) -> list[str]:
        return [run for _check, run in rows_in(board(client, team, query))]

    assert runs("?kind=fast") == ["B", "A"]
    assert runs("?language=es") == runs("?language=es-es") == ["A", "A"]
    assert runs("?language=-none") == ["B"]
    assert runs("?tag=launch&kind=empty") == ["A"]
    assert runs("?tag=nothing") == []
    assert runs("?kind=nonsense&language=%00&after=x") == ["A", "B", "A"]
    page = board(client, team, "?kind=fast&language=es&tag=Launch")
    assert 'href="?kind=fast&amp;tag=Launch"' in page
    assert 'href="?kind=fast&amp;language=es"' in page


def test_archived_runs_leave_the_board_at_once(client, team, reader):
    dub = make_checked(team, FAST)
    archive_runs(team, [dub.run_id])
    assert "No review checks" in board(client, team)


def test_pages_follow_each_other_by_the_same_number_of_queries(client, team, reader, monkeypatch):
    make_checked(team, FAST, "", title="1")
    board(client, team)
    with CaptureQueriesContext(connection) as of_one:
        board(client, team)
    for number in range(2, 8):
        make_checked(team, FAST, "", title=str(number))
    with CaptureQueriesContext(connection) as of_many:
        whole = rows_in(board(client, team))
    assert len(of_one) == len(of_many)
    monkeypatch.setattr(check_board, "PAGE_SIZE", 4)
    seen, query = [], ""
    while True:
        page = client.get(reverse("runs-checks-board", args=[team.slug]) + query).content.decode()
        seen.append(rows_in(page))
        if not (following := re.findall(r'rel="next" href="([^"]+)"', page)):
            break
        query = following[0]
    assert [len(rows) for rows in seen] == [4, 4, 4, 2]
    assert sum(seen, []) == whole  # noqa: RUF017


def test_the_csv_file_has_all_pages_of_the_filter(client, team, reader, monkeypatch):
    monkeypatch.setattr(check_board, "_EXPORT_SIZE", 2)
    for number in range(3):
        make_checked(team, f"=1+{number}" + FAST, "", title=f"Part {number}")
    answer = client.get(reverse("runs-checks-export", args=[team.slug]) + "?kind=fast")
    header, *rows = csv.reader(answer.getvalue().decode("utf-8-sig").splitlines())
    assert header == ["kind", "details", "run", "title", "language", "start", "speaker", "text", "address"]
    assert [(row[0], row[3], row[5], row[7][:4]) for row in rows] == [
        ("fast", f"Part {number}", "00:00:00.000", "'=1+") for number in (2, 1, 0)
    ]


def test_the_csv_file_takes_the_right_to_export(client, team, reader, monkeypatch):
    make_checked(team, FAST)
    monkeypatch.setattr(access, "can_export", lambda membership: False)
    assert client.get(reverse("runs-checks-export", args=[team.slug])).status_code == 403


def test_a_run_says_its_number_in_the_list_which_sorts_and_filters_by_it(client, team, reader):
    make_checked(team, FAST, FAST, title="Two")
    make_checked(team, FAST, title="One")
    make_checked(team, "fine", title="None")

    def runs(query: str) -> list[tuple[str, str]]:
        page = client.get(reverse("runs-list", args=[team.slug]) + query).content.decode()
        names = re.findall(r'<bdi\s+id="run-\d+-name">(.*?)</bdi>', page)
        counts = re.findall(r'<td class="number run-checks">(?:<a href="[^"]+#review-checks">(\d+))?', page)
        return list(zip(names, counts, strict=True))

    assert runs("?order=-checks") == [("Two", "2"), ("One", "1"), ("None", "")]
    assert runs("?checks=open&order=checks") == [("One", "1"), ("Two", "2")]
