"""Tables: the column with the ids is found, and no cell of any other column becomes an id."""

import json
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.runs.paste import column_names, limits, tables
from results.runs.paste.column_names import Role
from results.runs.paste.pasted_ids import parse, read
from results.runs.paste.verdicts import Verdict

TASK = "0b6f7c3e-1111-4222-8333-444455556661"
TASK_2 = "0b6f7c3e-1111-4222-8333-444455556662"


def found(text: str) -> dict[int | str, str]:
    """Return the ids of runs and tasks in this text with their titles."""
    return {line.found: line.title for line in parse(text) if line.verdict in (Verdict.ID, Verdict.TASK)}


KITCHEN = {1344: "Kitchen episode 2", 1345: "Garden 7"}
TITLED = [
    # A digit in the header of another column, and lines above and below the table.
    "run_id,title,Q3 notes\n1344,Kitchen episode 2,ok\n1345,Garden 7,ok",
    "run_id,title,Take 2 (min)\n1344,Kitchen episode 2,12\n1345,Garden 7,13",
    "title,S01 run time,run id\nKitchen episode 2,24,1344\nGarden 7,25,1345",
    "Dubbing list 2026\nrun_id,title\n1344,Kitchen episode 2\n1345,Garden 7",
    "Dubbing 2026\t\nrun_id\ttitle\n1344\tKitchen episode 2\n1345\tGarden 7",
    "Dubbing list 2026\n\nWeek 32\nrun_id\ttitle\n1344\tKitchen episode 2\n1345\tGarden 7",
    "run_id,title\n1344,Kitchen episode 2\n1345,Garden 7\n\nTotal 24 minutes",
    "Liste 2026;;\nLauf-ID;Titel;Minuten\n1344;Kitchen episode 2;24\n1345;Garden 7;12\n;Summe;36",
    "sep=;\nrun_id;title;Take 2\n1344;Kitchen episode 2;9\n1345;Garden 7;8",
    "run_id,title,3D\n1344,Kitchen episode 2,1\n1345,Garden 7,0\n# 2 rows",
    # What people call the column.
    "ID запуска;Название;Сезон 1\n1344;Kitchen episode 2;1\n1345;Garden 7;1",
    "Numer uruchomienia;Tytuł;Sezon 1\n1344;Kitchen episode 2;1\n1345;Garden 7;1",
    "Çalıştırma ID;Başlık;Sezon 1\n1344;Kitchen episode 2;1\n1345;Garden 7;1",
    "external_run_id,Title,Rev3\n1344,Kitchen episode 2,1\n1345,Garden 7,0",
    "Job ID,Title\n1344,Kitchen episode 2\n1345,Garden 7",
    "CAMB run #,Title,Minutes\n1344,Kitchen episode 2,24\n1345,Garden 7,12",
    "[Run ID] (camb)\tTitle\tSeason\n1344\tKitchen episode 2\t1\n1345\tGarden 7\t1",
    "Run no.;Title;Year\n1344;Kitchen episode 2;2025\n1345;Garden 7;2026",
    "ID de ejecución;Título;Duración\n1344;Kitchen episode 2;24\n1345;Garden 7;12",
    "N° d’exécution;Titre;Durée\n1344;Kitchen episode 2;24\n1345;Garden 7;12",
    "ID da execução;Título;Minutos\n1344;Kitchen episode 2;24\n1345;Garden 7;12",
    "Numero di esecuzione;Titolo;Minuti\n1344;Kitchen episode 2;24\n1345;Garden 7;12",
    "Dub-nummer;Titel;Minuten\n1344;Kitchen episode 2;24\n1345;Garden 7;12",
    "タイトル,実行ID,分\nKitchen episode 2,1344,24\nGarden 7,1345,12",
    "标题,配音编号,时长\nKitchen episode 2,1344,24\nGarden 7,1345,12",
    "제목,더빙 번호,분\nKitchen episode 2,1344,24\nGarden 7,1345,12",
    # By elimination: a counter is a row number.
    "No.,Run,Title\n1,1344,Kitchen episode 2\n2,1345,Garden 7",
    "#,id,Title\n1,1344,Kitchen episode 2\n2,1345,Garden 7",
    "id,job id,title\n1,1344,Kitchen episode 2\n2,1345,Garden 7",
    "id,reference,title\n1,1344,Kitchen episode 2\n2,1345,Garden 7",
    "1\t1344\tKitchen episode 2\n2\t1345\tGarden 7",
    "0;1344;Kitchen episode 2\n1;1345;Garden 7",
    "Kitchen episode 2,1,1344\nGarden 7,2,1345",
    # By its values, without any known name.
    "Reference,Show\n1344,Kitchen episode 2\n1345,Garden 7",
    "Show\tReference\tDone\nKitchen episode 2\t1344\tyes\nGarden 7\t1345\tno",
    "1344;Kitchen episode 2;2026\n1345;Garden 7;2026",
    "Kitchen episode 2,run 1344\nGarden 7,run 1345",
    # Markdown, and what databases print.
    "| run_id | title | minutes |\n| --- | --- | --- |\n"
    "| 1344 | Kitchen episode 2 | 24 |\n| 1345 | Garden 7 | 12 |",
    "run_id | title\n:--|--:\n1344 | Kitchen episode 2\n1345 | Garden 7",
    "Hi team,\n\n| Title | Run ID |\n|---|---|\n| Kitchen episode 2 | 1344 |\n| Garden 7 | 1345 |\n\nThanks!",
    " run_id |       title\n--------+-------------------\n"
    "   1344 | Kitchen episode 2\n   1345 | Garden 7\n(2 rows)",
    "+--------+-------------------+\n| run_id | title             |\n+--------+-------------------+\n"
    "|   1344 | Kitchen episode 2 |\n|   1345 | Garden 7          |\n+--------+-------------------+",
    # JSON and Python.
    '[{"run_id": 1344, "title": "Kitchen episode 2", "duration": 182, "language": 54},'
    ' {"run_id": 1345, "title": "Garden 7", "duration": 90}]',
    '{"data": {"page": 2, "total": 99, "items": [{"runId": 1344, "name": "Kitchen episode 2"},'
    ' {"runId": 1345, "name": "Garden 7"}]}}',
    '{"id": 1344, "title": "Kitchen episode 2", "minutes": 24}\n{"id": 1345, "title": "Garden 7", "minutes": 12}',
    "[{'run_id': 1344, 'title': 'Kitchen episode 2', 'n': None}, {'run_id': 1345, 'title': 'Garden 7', 'n': 3}]",
    # Numbers as spreadsheets write them, and cells with more than the id.
    'run_id,title\n"1,344",Kitchen episode 2\n"1,345",Garden 7',
    "run_id,title\n1344.0,Kitchen episode 2\n1345.0,Garden 7",
    "run_id;title\n1344,00;Kitchen episode 2\n1345,00;Garden 7",
    "run_id;title\n1.344;Kitchen episode 2\n1.345;Garden 7",
    "run_id;title\n1'344;Kitchen episode 2\n1’345;Garden 7",
    "run_id;title\n1 344;Kitchen episode 2\n1\u202f345;Garden 7",
    "run_id;title\n1\xa0344;Kitchen episode 2\n1\u2009345;Garden 7",
    'run_id,title\n="1344",Kitchen episode 2\n="1345",Garden 7',
    "run_id,title\n'1344,Kitchen episode 2\n'1345,Garden 7",
    "run_id\ttitle\n1344.0000\tKitchen episode 2\n1345.000000\tGarden 7",
    'run_id,title\n"1,344.00",Kitchen episode 2\n"1,345.00",Garden 7',
    "run_id,title\n#1344,Kitchen episode 2\nrun 1345 (done),Garden 7",
    "1,344\tKitchen episode 2\n1,345\tGarden 7",
    # White space in a cell.
    'run_id,title\n1344,"Kitchen\nepisode 2"\n1345,"Garden\r\n7"',
    'run_id,title\n1344,"Kitchen\u2028episode\x0b2"\n1345,Garden\u30007',
    "run_id,title\n1344,Kitchen\x85episode\x1f2\n1345,\u200bGarden\xa07\ufeff",
    # Sums, headers again, two header rows, and what programs print.
    "run_id;title;minutes\n1344;Kitchen episode 2;24\n1345;Garden 7;12\nTotal;;36",
    "Title;Run ID;Minutes\nKitchen episode 2;1344;24\nGarden 7;1345;12\nSumme;2;36",
    "run_id,title\n1344,Kitchen episode 2\n\nrun_id,title\n1345,Garden 7",
    "IDs,Info,\nrun_id,title,length\n1344,Kitchen episode 2,24\n1345,Garden 7,12",
    "   run_id              title\n0    1344  Kitchen episode 2\n1    1345           Garden 7",
    "Title,Link\nKitchen episode 2,https://studio.example/run/1344\nGarden 7,https://studio.example/run/1345",
    "| [1344](https://x.example/run/1344) | Kitchen episode 2 |\n| [1345](https://x.example/run/1345) | Garden 7 |",
    "2024,1344,Kitchen episode 2\n2025,1345,Garden 7",
    "#\tID\tTitle\n1\t1344\tKitchen episode 2\n3\t1345\tGarden 7",
    "run_id、title\n１３４４、Kitchen episode 2\n１３４５、Garden 7",
    "run_id: 1344\ntitle: Kitchen episode 2\nminutes: 24\nrun_id: 1345\ntitle: Garden 7\nminutes: 12",
    "- run_id: 1344\n  title: Kitchen episode 2\n- run_id: 1345\n  title: 'Garden 7'",
    'See {"run_id": 1344, "title": "Kitchen episode 2", "n": 7} and {"run_id": 1345, "title": "Garden 7"}.',
    # Headings, notes and cut cells in the table.
    "run_id,title,min\nSeason 1,,\n1344,Kitchen episode 2,24\nSeason 2,,\n1345,Garden 7,12",
    "run_id,title,min\n20 Nov 2026,,\n1344,Kitchen episode 2,24\n1345,Garden 7,12\nAnzahl: 2,,",
    "run_id,title\n1344,Kitchen episode 2\n1345,Garden 7\n\nGenerated 20 November 2026, 14:33 by Ana",
    "title,run_id,min\nKitchen episode 2,1344,24\nGarden 7,1345,12\n",
    "run_id,title\n1,344,Kitchen episode 2\n1,345,Garden 7",
    "run_id\ttitle\n１，３４４\tKitchen episode 2\n1、345\tGarden 7",
    "Run ID (e.g. 1234),Title (max 80),Views 2026\n1344,Kitchen episode 2,2301\n1345,Garden 7,2377",
    '"run_id,title,min"\n"1344,Kitchen episode 2,24"\n"1345,Garden 7,12"',
    'run_id, title\n1344, "Kitchen episode 2"\n1345, "Garden 7"',
    "||Run ID||Title||Sprint 7||\n|1344|Kitchen episode 2|yes|\n|1345|Garden 7|no|",
    "| run_id | title |\n|---|---|\n| `1344` | Kitchen<br>episode 2 |\n| **1345** | Garden 7 |",
    "┌────────┬───────────────────┐\n│ run_id ┆ title             │\n╞════════╪═══════════════════╡\n"
    "│ 1344   ┆ Kitchen episode 2 │\n│ 1345   ┆ Garden 7          │\n└────────┴───────────────────┘",
    "      run_id              title\n0       1344  Kitchen episode 2\n99      1345           Garden 7",
    "  run_id   title\n1   1344 Kitchen episode 2\n2   1345  Garden 7",
    "*** 1. row ***\n run_id: 1344\n  title: Kitchen episode 2\n*** 2. row ***\n run_id: 1345\n  title: Garden 7",
    "-[ RECORD 1 ]---\nrun_id | 1344\ntitle  | Kitchen episode 2\n-[ RECORD 2 ]---\nrun_id | 1345\n"
    "title  | Garden 7",
    '[{run_id: 1344, title: "Kitchen episode 2", min: 24}, {run_id: 1345, title: "Garden 7", min: 12}]',
    "```python\n[{'run_id': 1344, 'title': 'Kitchen episode 2'}, {'run_id': 1345, 'title': 'Garden 7'}]\n```",
    "{'run_id': {0: 1344, 1: 1345}, 'title': {0: 'Kitchen episode 2', 1: 'Garden 7'}}",
    '{"run_id": [1344, 1345], "title": ["Kitchen episode 2", "Garden 7"]}',
    '{"range": "A1", "values": [["run_id", "title"], ["1344", "Kitchen episode 2"], ["1345", "Garden 7"]]}',
    '{"records": [{"id": "rec12ab34", "fields": {"Run ID": 1344, "Name": "Kitchen episode 2"}},'
    ' {"id": "rec12ab35", "fields": {"Run ID": 1345, "Name": "Garden 7"}}]}',
    "[(1344, 'Kitchen episode 2'), (1345, 'Garden 7')]",
    "Key,Summary,Run ID\nDUB-77,Kitchen episode 2,1344\nDUB-78,Garden 7,1345",
    "담당자,영상 제목,실행 ID\n김민수,Kitchen episode 2,1344\n이지은,Garden 7,1345",
    # A number in the name of the ids themselves, and in the words above.
    "Run ID 2026\tTitle\n1344\tKitchen episode 2\n1345\tGarden 7",
    "Run #1,Title\n1344,Kitchen episode 2\n1345,Garden 7",
    "Title,Run ID (2026)\nKitchen episode 2,1344\nGarden 7,1345",
    "Report: Runs 2026\nGenerated: 2026-11-12\n\nRun ID,Title\n1344,Kitchen episode 2\n1345,Garden 7",
    # Names in more languages, and beside the ids of other things.
    "Kør-ID;Titel;Minutter\n1344;Kitchen episode 2;24\n1345;Garden 7;12",
    "ID Proses,Judul,Durasi\n1344,Kitchen episode 2,24\n1345,Garden 7,12",
    "Card ID,Card Name,Run ID\n654a,Kitchen episode 2,1344\n654b,Garden 7,1345",
    "Issue key,Issue id,Summary,Custom field (Run ID)\nDUB-7,177,Kitchen episode 2,1344\nDUB-8,178,Garden 7,1345",
    "ID,Title\n1344 (redo),Kitchen episode 2\n1345,Garden 7",
    "'run_id','title'\n'1344','Kitchen episode 2'\n'1345','Garden 7'",
    # Ids with titles, without any delimiter.
    "`1344`: Kitchen episode 2\n`1345`: Garden 7",
    "Kitchen episode 2 → 1344\nGarden 7 -> 1345",
    "1344 // Kitchen episode 2\n1345 // Garden 7",
    "1. 1344 Kitchen episode 2\n2. 1345 Garden 7",
    "Season 1:\n  1344 Kitchen episode 2\nSeason 2:\n  1345 Garden 7",
    "Kitchen episode 2 (run 1344)\nGarden 7 (run 1345)",
    "1344：Kitchen episode 2\n1345：Garden 7",
    "- [ ] 1344 Kitchen episode 2\n- [x] 1345 Garden 7",
    "1344 # Kitchen episode 2\n1345 # Garden 7",
    "Kitchen episode 2 - 1344\nGarden 7 - 1345",
    "Kitchen episode 2 (#1344)\nGarden 7 (#1345)",
    "1344 Kitchen episode 2\n1345 Garden 7",
    "- 1344: Kitchen episode 2\n- 1345: Garden 7",
    "1344 – Kitchen episode 2\n1345 – Garden 7",
]


@pytest.mark.parametrize("text", TITLED)
def test_exactly_the_ids_come_in_with_their_titles(text):
    assert found(text) == KITCHEN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Task ID,Title,Views\n{TASK},Kitchen,2400\n{TASK_2},Garden,1260", {TASK: "Kitchen", TASK_2: "Garden"}),
        ("任务编号,标题,播放量\n1344,厨房,2400\n1345,花园,1260", {1344: "厨房", 1345: "花园"}),
        (f"task_id,run_id,title\n{{{TASK}}},,Kitchen", {TASK: "Kitchen"}),
        ("title,run_id\nApollo, 13,1344\nGarden,1345", {1344: "Apollo, 13", 1345: "Garden"}),
        ("1. 1344\n2. 1345\n3. 1350", {1344: "", 1345: "", 1350: ""}),
        ("1344\tKitchen 2\n1345\t101 Dalmatians\n1350\t300",
         {1344: "Kitchen 2", 1345: "101 Dalmatians", 1350: "300"}),
        ("[8081.0, 8082.0, nan]", {8081: "", 8082: ""}),
        ("8081.0\n8082.0\nnan", {8081: "", 8082: ""}),
        (f"uuid,run,title\n{TASK},9001,Kitchen\n{TASK_2},,Garden", {9001: "Kitchen", TASK_2: "Garden"}),
        (f"задача;запуск;название\n{TASK};9001;Kitchen\n{TASK_2};;Garden", {9001: "Kitchen", TASK_2: "Garden"}),
        ('{"level":"info","ts":1730543482,"run_id":1344}\n{"level":"info","ts":1730543483,"run_id":1345}',
         {1344: "", 1345: ""}),
        ('run_id,title\n1344,"Kitchen\n\nid,name,x\n7,x,y"\n1345,Garden',
         {1344: "Kitchen id,name,x 7,x,y", 1345: "Garden"}),
        ('id,about,run_id\n1,"See\n\nRun ID,Title\n9,x",1344\n2,Garden,1345',
         {1344: "See Run ID,Title 9,x", 1345: "Garden"}),
        ('run_id,title\n1344,"Harbour\n\ntitle,run_id\n"Kyoto,1345', {1344: '"Harbour', 1345: '"Kyoto'}),
        ("{'1344': Result(video_url='https://x.test/9.mp4', transcript=[Item(start=0, text='Hi 22')]), '13': None}",
         {1344: "", 13: ""}),
        ('{"1344": [{"language": 54, "audio_url": "https://x.test/1.flac"}]}', {1344: ""}),
        ("1\n00:00:01,000 --> 00:00:02,500\nHello 12\n", {}),
        ('[{"id": 1, "language": "", "short_name": "en-us"}, {"id": 54, "language": "", "short_name": "es"}]',
         {}),
        (f"task_id,run_id,title\n{TASK},9001,Kitchen\n{TASK_2},,Garden", {9001: "Kitchen", TASK_2: "Garden"}),
        (f"Title,Task,Run\nKitchen,{TASK},9001\nGarden,{TASK_2},", {9001: "Kitchen", TASK_2: "Garden"}),
        (f"run_id;Aufgaben-ID;Titel\n;{TASK};Kitchen\n9001;;Garden", {TASK: "Kitchen", 9001: "Garden"}),
        (f"job id,run id\n{TASK},9001\n{TASK_2},\n", {9001: "", TASK_2: ""}),
        (f"{TASK}\t9001\tKitchen\n{TASK_2}\t\tGarden", {9001: "Kitchen", TASK_2: "Garden"}),
        (f"run_id,task_id\npending,{TASK}\n9001,{TASK_2}", {TASK: "", 9001: ""}),
        (json.dumps([{"run_id": 8091, "task_id": TASK, "duration": 182, "language": 54}]), {8091: ""}),
        (json.dumps([{"run_id": None, "task_id": TASK, "n": 7}]), {TASK: ""}),
        ("194227;Kitchen 11", {194227: "Kitchen 11"}),
        ("Kitchen 11 | 194227", {194227: "Kitchen 11"}),
        ("CAMB,Asset,Title\n1344,901463,Kitchen\n1345,906359,Garden", {1344: "Kitchen", 1345: "Garden"}),
        ("run_id\n1,344\n12,345", {1344: "", 12345: ""}),
        ("1,344\n12,345\n7", {1344: "", 12345: "", 7: ""}),
        ("8081.0\n8082.0", {8081: "", 8082: ""}),
        ("run_id\t1\t2\n1344\tx\t9\n", {1344: "x"}),
        ("run_id,title,2025,2026\n1344,Kitchen,1,7\n1345,Garden,2,8", {1344: "Kitchen", 1345: "Garden"}),
        ("run_id,title\n1344,Lights, camera, action", {1344: "Lights, camera, action"}),
        ("run_id,title\n1344,Cafe\u0301", {1344: "Café"}),
        ("run_id,title\n1344,می‌خواهم", {1344: "می‌خواهم"}),
        ('{"1344": {"video_url": "https://x.example/7/8.mp4", "transcript": [{"start": 2, "end": 3, "text": "9"}]},'
         ' "1345": null}', {1344: "", 1345: ""}),
        ('{"status": "SUCCESS", "run_id": 1344, "exception_reason": null}', {1344: ""}),
        ('{"run_ids": [101, 102, 103], "page": 7}', {101: "", 102: "", 103: ""}),
        ("[1344, 1345]", {1344: "", 1345: ""}),
        ("GetResponse(status='SUCCESS', run_id=1344, duration=182)", {1344: ""}),
        (f"[Task(task_id='{TASK}', run_id=None, n=5), Task(task_id='{TASK_2}', run_id=1344, n=6)]",
         {TASK: "", 1344: ""}),
        ("{'run_id': 1344, 'seconds': 182}", {1344: ""}),
        ("Run ID 2026\n1344\n1345", {1344: "", 1345: ""}),
        ("Run ID\t1344\nTitle\tKitchen\nMinutes\t24", {1344: "Kitchen"}),
        ("Run ID\n1344\nTitle\nKitchen\nMinutes\n24", {1344: "Kitchen"}),
        ("Ep 101: 1344\nEp 102: 1345", {1344: "Ep 101", 1345: "Ep 102"}),
        ("Run ID,Title\n1344/1350,Kitchen\n1345 & 1351,Garden",
         {1344: "Kitchen", 1350: "Kitchen", 1345: "Garden", 1351: "Garden"}),
        ('{"jsonrpc": "2.0", "id": 1, "result": {"run_id": 1344}}', {1344: ""}),
        ("Name\tID\nKitchen\t134412\nGarden\t-", {134412: "Kitchen"}),
        ("Blade Runner 2049\t134412\n1984\t134513", {134412: "", 134513: ""}),
        ("Video,run 7\nAudio,run 8", {7: "Video", 8: "Audio"}),
        ("abcdef12-abcd-abcd-abcd-123456789012\nabcdef12-abcd-abcd-abcd-123456789013",
         {"abcdef12-abcd-abcd-abcd-123456789012": "", "abcdef12-abcd-abcd-abcd-123456789013": ""}),
    ],
)  # fmt: skip
def test_other_tables_are_read_as_what_they_are(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1344, run 1345\n1346, run 1347", [1344, 1345, 1346, 1347]),
        ("add 1344, 1345\n1346, 1347", [1344, 1345, 1346, 1347]),
        ("1344,1345\n1346,1347", [1344, 1345, 1346, 1347]),
        ("1344\t1345\n1346\t1347", [1344, 1345, 1346, 1347]),
        ("Hi Ben, 1344 is done\nBye Ben, 1345 is not", [1344, 1345]),
        ("1344 and 1345\n1346 and 1347", [1344, 1345, 1346, 1347]),
        ("runs: 1344;1345", [1344, 1345]),
        ("1344; 1345; 1346", [1344, 1345, 1346]),
        ("Kim says: 1344; thanks", [1344]),
        ("1344 | 1345 | and 1346", [1344, 1345, 1346]),
    ],
)
def test_running_text_stays_running_text(text, expected):
    assert list(found(text)) == expected


_BESIDE_WORDS = [
    "1344 Room 12",
    "1344, Room 12",
    "Room 12: 1344",
    "Episode 3 of 12 (run 1344)",
    "Part 2 = 1344",
    "Your run 1344 finished in 12 minutes.",
    "Run 1344 (24 min, 3 languages)",
    "Run 1344, due on 12 November",
    "run_id = 1344  # take 2",
    "1344 Kitchen (50 %)",
    "第 12 話: 1344",
    "1) 1344\n2) see above",
    "run 1344, tel. 030 1234567 or +1 (555) 123-4567",
    'File "a.py", line 12, in <module>\nCambError: run 1344 failed',
    "2026-11-12T10:31:05Z INFO [pid 4711] Dubbing finished: run 1344",
    "[2026-11-12 10:31:05 +0000] [4711] [INFO] GET /dub-result/1344 200",
    "Nov 12 10:31:05 host app[4711]: run_id=1344 done",
    "studio.example/dubbing/1344",
]


@pytest.mark.parametrize("text", _BESIDE_WORDS)
def test_a_number_that_belongs_to_the_words_beside_it_is_no_id(text):
    assert list(found(text)) == [1344]
    assert all(line.note for line in parse(text) if line.verdict is Verdict.NOT_AN_ID)


def test_a_number_of_two_digits_is_an_id_where_none_is_longer_or_the_text_says_so():
    assert list(found("please add 7 and 12, thanks")) == [7, 12]
    assert list(found("add 7 and 1344, run 12 too")) == [7, 1344, 12]
    assert list(found("2026-11-12 INFO refreshing runs 1344, 1345")) == [1344, 1345]


KEY = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"


@pytest.mark.parametrize(
    "text",
    [
        f"curl https://client.example/apis/dub-result/1344 -H 'x-api-key: {KEY}'",
        f'client = CambAI(api_key="{KEY}")\nclient.dub.get_dubbed_run_info(1344)',
        f"headers = {{'x-api-key': '{KEY}'}}\nrequests.post(url, json={{'run_ids': [1344]}}, headers=headers)",
        f"CAMB_API_KEY={KEY}\nRUN_IDS=1344",
        f"API key\t{KEY}\nRun ID\t1344",
        f"Authorization: Bearer {KEY}\nGET /apis/dub-result/1344",
        f"our key is {KEY}, run 1344",
        f"https://x.example/hook?token={KEY}&run_id=1344",
        f'{{"api_key": "{KEY}", "run_ids": [1344]}}',
    ],
)
def test_an_api_key_is_never_taken_for_a_task(text):
    """Its value may be a UUID, as the ids of tasks are; it would be stored, shown and sent in an address."""
    assert list(found(text)) == [1344]
    assert KEY not in repr(parse(text))


@pytest.mark.parametrize(
    ("text", "written", "note"),
    [
        ("run_id;title\n1,34E+05;Kitchen", "1,34E+05", "write the number out, without an exponent"),
        ("run_id,title\n1.34E+05,Kitchen", "1.34E+05", "write the number out, without an exponent"),
        ("run_id,title\n1344.5,Kitchen", "1344.5", "a run id is a whole number"),
        ('run_id,title\n"13,44",Kitchen', "13,44", "this is not one whole number"),
        ("run_id,title\n-1344,Kitchen", "-1344", "a run id has no sign before it"),
        ("run_id,title\ntodo,Kitchen", "todo", "a run id is a number"),
        ("run_id,title\nredo 2 of 3,Kitchen", "redo 2 of 3", "words with a number; write the id alone"),
        ("run_id,title\n24 min,Kitchen", "24 min", "words with a number; write the id alone"),
        ("run_id,title\n1,34E+05,Kitchen", "1,34E+05", "write the number out, without an exponent"),
        ("run_id,title\n0,Kitchen", "0", "run ids begin at 1"),
    ],
)
def test_a_cell_of_the_id_column_that_is_no_id_is_named(text, written, note):
    assert [(line.written, line.verdict, line.note) for line in parse(text)] == [(written, Verdict.BAD_ID, note)]


def test_a_row_without_an_id_is_named():
    lines = parse("run_id,title\n8081.0,Kitchen\n8082.0,Garden\n,Missing")
    assert [(line.written, line.verdict) for line in lines[2:]] == [("Missing", Verdict.NOT_AN_ID)]
    assert lines[2].note == "this row has no run id"


@pytest.mark.parametrize("text", ["1,344", "please add 1'344 and 2.345", "101,102,103"])
def test_a_number_that_may_be_several_is_none(text):
    lines = [line for line in parse(text) if line.verdict is not Verdict.WORD]
    assert {line.verdict for line in lines} == {Verdict.NOT_AN_ID}
    assert "one number or several?" in lines[0].note


@pytest.mark.parametrize("sign", ["\u200b", "\u2060", "\ufeff", "\x00", "\x07", "\xad", "\u200d", "\u200e"])
def test_an_invisible_sign_between_digits_separates(sign):
    assert 1344 not in found(f"13{sign}44")
    assert list(found(f"{sign}1344{sign}")) == [1344]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1344,24,Kitchen\n1345,12,Garden", "“Column 1”, “Column 2”"),
        ("Kitchen\t1344\t182000\nGarden\t1345\t90000", "“Column 2”, “Column 3”"),
        ("Reference,Folder,Show\n1344,24,Kitchen\n1345,12,Garden", "“Reference”, “Folder”"),
        ("1344,24\n1345,12", "“Column 1”, “Column 2”"),
        ("Xyz-ID,Titel,Abc\n1344,Kitchen,24\n1345,Garden,12", "“Xyz-ID”, “Abc”"),
        ("Run ID,Dub run ID,title\n1344,8001,Kitchen\n1345,8002,Garden", "“Run ID”, “Dub run ID”"),
    ],
)
def test_two_columns_that_qualify_are_a_question(text, named):
    pasted = read([text])
    assert pasted.lines == []
    assert pasted.question == f"Several columns could hold the run ids: {named}. Choose one."


@pytest.mark.parametrize(
    "name", ["minutes", "Views", "Order ID", "文字数", "Rechnungsnummer", "조회수", "Video ID"]
)
def test_a_table_without_ids_is_a_question(name):
    pasted = read([f"title,{name}\nKitchen,24\nGarden,12"])
    assert (pasted.lines, pasted.question) == (
        [],
        "No column of this table looks like run ids. Choose the column that holds them.",
    )


def test_an_answer_without_ids_is_a_question():
    pasted = read(
        ['{"video_url": "https://x.example/77.mp4", "transcript": [{"start": 1, "end": 2, "text": "5"}]}']
    )
    assert (pasted.lines, pasted.question.split(".")[0]) == ([], "No field here is named run_id")


def test_a_person_chooses_the_columns():
    text = "1344,24,Kitchen,fun\n1345,12,Garden,art"
    table = read([text]).table
    roles = [Role.OTHER, Role.RUN, Role.TAGS, Role.TITLE]
    pasted = read([text], roles, table.fingerprint)
    assert [(line.run_id, line.title, line.tags) for line in pasted.lines] == [
        (24, "fun", ("Kitchen",)),
        (12, "art", ("Garden",)),
    ]
    # The choice was made for another table.
    assert read(["a,b,c,run_id\n1,2,3,4"], roles, table.fingerprint).lines[0].run_id == 4


def test_a_chosen_column_without_a_header_row_loses_no_row():
    text = "1344,24\n1345,12"
    table = read([text]).table
    assert [line.run_id for line in read([text], [Role.OTHER, Role.RUN], table.fingerprint).lines] == [24, 12]


@pytest.mark.parametrize(
    "name", ["runtime", "run time", "run date", "notes", "minutes", "nosing", "Video", "status"]
)
def test_a_name_with_other_words_is_not_that_of_ids(name):
    assert column_names.run_rank(name) == 0


# --- What programs print and write -------------------------------------------------------------------

_BESIDE = [
    # SQL
    "INSERT INTO runs (id, title, views) VALUES (1344, 'Kitchen episode 2', 99), (1345, 'Garden 7', 12);",
    "INSERT INTO `runs` (`views`, `run_id`, `title`) VALUES\n  (99, 1344, 'Kitchen episode 2'),\n"
    "  (NULL, 1345, 'Garden 7')\n;",
    'INSERT INTO public."runs" ("run_id", "title") VALUES (1344, \'Kitchen episode 2\');\n'
    'INSERT INTO public."runs" ("run_id", "title") VALUES (1345, \'Garden 7\');',
    "INSERT INTO runs VALUES (1344, 'Kitchen episode 2', now()), (1345, 'Garden 7', now());",
    # R
    "# A tibble: 2 × 3\n  run_id title             views\n   <int> <chr>             <dbl>\n"
    "1   1344 Kitchen episode 2    99\n2   1345 Garden 7             12",
    "# A tibble: 2 × 3\n  views run_id title            \n  <dbl>  <int> <chr>            \n"
    "1    99   1344 Kitchen episode 2\n2    12   1345 Garden 7         \n# ℹ 2 more variables: x <int>, y <int>",
    "  run_id             title views\n1   1344 Kitchen episode 2    99\n2   1345          Garden 7    12",
    # pandas and Polars
    "run_id\n1344    Kitchen episode 2\n1345             Garden 7\nName: title, dtype: object",
    "        run_id              title  views\nrow                                     \n"
    "0         1344  Kitchen episode 2     99\n1         1345           Garden 7     12",
    "shape: (2, 3)\n┌────────┬───────────────────┬───────┐\n│ run_id ┆ title             ┆ views │\n"
    "│ ---    ┆ ---               ┆ ---   │\n│ i64    ┆ str               ┆ i64   │\n"
    "╞════════╪═══════════════════╪═══════╡\n│ 1344   ┆ Kitchen episode 2 ┆ 99    │\n"
    "│ 1345   ┆ Garden 7          ┆ 12    │\n└────────┴───────────────────┴───────┘",
    # Python and JavaScript
    "runs = [\n  (1344, 'Kitchen episode 2'),\n  (1345, 'Garden 7'),\n]",
    "(1344, 'Kitchen episode 2')\n(1345, 'Garden 7')",
    "runs = {1344: 'Kitchen episode 2', 1345: 'Garden 7'}",
    "const runs = [\n  {id: 1344, title: 'Kitchen episode 2', views: 99}, // take 3\n"
    "  {id: 1345, title: 'Garden 7', views: null},\n];",
    "df = pd.DataFrame({'run_id': [1344, 1345], 'title': ['Kitchen episode 2', 'Garden 7'], 'views': [99, 12]})",
    # YAML
    "runs:\n  - run_id: 1344\n    title: Kitchen episode 2\n    views: [7, 9]\n"
    "  - run_id: 1345\n    title: 'Garden 7'",
    '- title: "Kitchen episode 2"\n  run_id: 1344\n- title: Garden 7\n  run_id: 1345',
    "1344:\n  title: Kitchen episode 2\n  views: 99\n1345:\n  title: Garden 7\n  views: 12",
    # Times, links and signs in the values beside the ids
    "run_id: 1344\ntitle: Kitchen episode 2\nlength: 00:03:04\n\nrun_id: 1345\ntitle: Garden 7\nlength: 1:07",
    "Run: 1344\nTitle: Kitchen episode 2\nLink: https://x.example/99/a?b=12\nRun: 1345\nTitle: Garden 7\nLink: -",
    "-[ RECORD 1 ]---\nrun_id  | 1344\ntitle   | Kitchen episode 2\ncreated | 2026-08-01 10:00:00+00\n"
    "-[ RECORD 2 ]---\nrun_id  | 1345\ntitle   | Garden 7\ncreated | 2026-08-01 10:30:00+00",
    # A Python object a line
    "{'run_id': 1344, 'title': 'Kitchen episode 2', 'n': 99}\n{'run_id': 1345, 'title': 'Garden 7', 'n': None}",
    "Run(id=1344, title='Kitchen episode 2')\nRun(id=1345, title='Garden 7')",
    # A table on its side
    "Run ID\t1344\t1345\nTitle\tKitchen episode 2\tGarden 7\nMinutes\t24\t12",
    "Title;Kitchen episode 2;Garden 7\nLauf-ID;1344;1345",
    # HTML and XML
    "<table border=1><tr><th>run_id</th><th>title</th><th>views</th></tr>"
    "<tr><td>1344</td><td>Kitchen <b>episode</b> 2</td><td>99</td></tr>"
    "<tr><td>1345</td><td>Garden&nbsp;7</td><td>12</td></tr></table>",
    "<table class='t1'>\n<tbody>\n<tr>\n<td>1344</td>\n<td width=\"120\">Kitchen<br>episode 2</td>\n</tr>\n"
    "<tr><td>1345</td><td>Garden 7</td></tr></tbody></table>",
    "<runs><run><run_id>1344</run_id><title>Kitchen episode 2</title><n>99</n></run>"
    "<run><run_id>1345</run_id><title>Garden 7</title><n>12</n></run></runs>",
    '<runs><run id="1344" title="Kitchen episode 2" n="99"/><run id="1345" title="Garden 7" n="12"/></runs>',
    "<runs><run><id>1344</id><title><![CDATA[Kitchen episode 2]]></title></run>"
    "<run><id>1345</id><title><![CDATA[Garden 7]]></title></run></runs>",
]


@pytest.mark.parametrize("text", _BESIDE)
def test_cells_beside_the_ids_in_what_programs_write_are_no_ids(text):
    assert found(text) == KITCHEN


def test_a_part_of_a_title_in_lines_of_fields_is_no_id():
    assert found("run_id: 1344\ntitle: Kitchen: part 2") == {1344: "Kitchen: part 2"}
    assert found("run_id: 1344\ntitle: A = 7 | B") == {1344: "A = 7 | B"}
    assert list(found("Run: 1344: Kitchen\nTitle: none")) == [1344]


@pytest.mark.parametrize(
    "line",
    ["Run: {id}", "{id} run", "Run ID - {id}", "CAMB run #{id}", "Lauf: {id}", "実行ID: {id}", "{id} (run)"],
)
def test_the_name_of_an_id_is_no_title(line):
    assert found("\n".join(line.format(id=run_id) for run_id in KITCHEN)) == {1344: "", 1345: ""}


@pytest.mark.parametrize(
    "line",
    [
        "Run {id}: {title}",
        "run {id} {title}",
        "- Run ID {id} – {title}",
        "CAMB run #{id}: {title}",
        "{id} ({title})",
        '{id} "{title}"',
        "{id} – „{title}“",
        "{id} 「{title}」",
        "{id} **{title}**",
        "{id} - [x] {title}",
        "*{title}* - {id}",
        '"{title}" ({id})',
        "[10:31] {title}: {id}",
    ],
)
def test_a_title_in_a_line_is_without_the_signs_around_it(line):
    lines = [line.format(id=run_id, title=title) for run_id, title in KITCHEN.items()]
    assert found("\n".join(lines)) == KITCHEN


def test_signs_within_a_title_stay():
    titles = {1344: "(Kitchen) episode (2)", 1345: "¿Qué?", 1346: '"A" and "B"'}
    assert found("\n".join(f"{run_id} {title}" for run_id, title in titles.items())) == titles
    assert found("24 hours - 1344\n7 days - 1345") == {1344: "24 hours", 1345: "7 days"}


def test_a_short_number_in_a_quoted_title_is_no_id():
    assert list(found('"Kitchen 7" is run 1344, “Garden 12” is 1345')) == [1344, 1345]
    assert list(found("UPDATE runs SET title='Room 12' WHERE run_id=1344;")) == [1344]
    assert list(found("'5','7' and \"1344 and 1345\", \"run 9\"")) == [5, 7, 1344, 1345, 9]


@pytest.mark.parametrize(
    "text",
    [
        "[<Run 1344: Room 12>, <Run 1345: Hall: 1200>]",
        "&{RunID:1344 Title:Room 12} &{RunID:1345 Title:Hall 1200}",
        "[{Title:Room 12 RunID:1344 Lang:es} {Title:Hall 1200 RunID:1345 Lang:de}]",
        "Run(title=Room 12, id=1344), Run(title=Hall 1200, id=1345)",
        "Run 1344: Room 12\n\nRun ID 1345 - Hall 12",
        "Run 1344 (Room 12), run 1345 (Hall 12)",
        "Run 1344: Room 12, run 1345: Hall 12",
        "1344: Room 12\n\nThanks! 1345 is done",
        "<Run: Room 12> <Run: Run 1344> <Run: Run object (1345)>",
        "Run{runId=1344, title='Room 12'} Run{runId=1345, title='Hall 1200'}",
        "<Run: Room (1344)> <Run: Run object (1345)>",
    ],
)
def test_a_number_in_the_title_of_a_printed_object_is_no_id(text):
    assert list(found(text)) == [1344, 1345]
    assert all(line.note for line in parse(text) if line.verdict is Verdict.NOT_AN_ID)


def test_a_long_number_behind_an_id_stays_an_id():
    assert list(found("Run 1344: and 1345")) == [1344, 1345]
    assert list(found("Run 1344: 12")) == [1344, 12]
    assert list(found("<Run: Room 1344>")) == [1344]


@pytest.mark.parametrize(
    "date",
    ["2 Nov 2026", "Nov 2, 2026", "2. November 2026", "2 de noviembre de 2026", "2nd of May 2026", "1 févr. 2026"],
)
def test_a_date_in_a_message_is_no_id(date):
    lines = parse(f"> On {date}, at 10:31, Ana wrote:\n> please add run 1344\n\nDone. Also 1345.")
    assert [line.run_id for line in lines if line.run_id] == [1344, 1345]
    assert (date, "this looks like a date") in [(line.written, line.note) for line in lines]


@pytest.mark.parametrize("title", ["Null", "Nan", "Nil", "Undefined", "Na"])
def test_a_word_for_no_value_in_capitals_of_a_title_is_one(title):
    assert found(f"run_id,title\n1344,{title}") == {1344: title}


@pytest.mark.parametrize("nothing", ["NULL", "null", "NaN", "None", "N/A", "#N/A", "<NA>", "\\N", "-", "#REF!"])
def test_a_word_for_no_value_is_no_title_tag_language_or_source(nothing):
    [line] = parse(f"run_id,title,tags,language,source\n1344,{','.join([nothing] * 4)}")
    assert (line.title, line.tags, line.language, line.source, line.note) == ("", (), "", "", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0    1344\n1    1345\n2    1350\nName: run_id, dtype: int64", [1344, 1345, 1350]),
        ("0    1344\n1    1345\ndtype: int64", [1344, 1345]),
        ("[1] 1344 1345\n[3] 1350", [1344, 1345, 1350]),
        ("array([1344, 1345])", [1344, 1345]),
        ("<ul><li>1344</li><li>run 1345</li></ul>", [1344, 1345]),
        ("SELECT * FROM runs WHERE id IN (1344, 1345)", [1344, 1345]),
        ("(1344)", [1344]),
        ("runs = 1344, 1345", [1344, 1345]),
        ("Note: run 1344: done", [1344]),
    ],
)
def test_lists_that_programs_write_are_read(text, expected):
    assert list(found(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO runs VALUES (1344, 'x', 99), (1345, 'y', 12);",
        "[(1344, 'Kitchen', 99), (1345, 'Garden', 12)]",
        "array([[1344, 99], [1345, 12]])",
        "0    Kitchen 7\n1    Garden 9\nName: title, dtype: object",
        "{'Kitchen 7': 1344, 'Garden': 1345}",
    ],
)
def test_what_programs_write_without_names_is_a_question(text):
    pasted = read([text])
    assert pasted.lines == []
    assert pasted.question


# --- Several tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "run_id,title\n1344,Kitchen episode 2\n\ntitle,run_id\nGarden 7,1345",
        "run_id,title\n1344,Kitchen episode 2\n\nviews,title,run_id\n99,Garden 7,1345",
        "run_id,title\n1344,Kitchen episode 2\nviews,title,run_id\n99,Garden 7,1345",
        "run_id,title\n1344,Kitchen episode 2\n\nviews;title;run_id\n99;Garden 7;1345",
        "run_id,title\n1344,Kitchen episode 2\n\nSeason 2 of 3\n\nTake 2 (min),Titel,Lauf-ID\n99,Garden 7,1345",
        "| run_id | title |\n|--|--|\n| 1344 | Kitchen episode 2 |\n\nAnd 12:\n\n"
        "| title | views | run_id |\n|--|--|--|\n| Garden 7 | 99 | 1345 |",
        "run_id,title\n1344,Kitchen episode 2\npending,Video\n1345,Garden 7",
    ],
)
def test_each_table_is_read_by_its_own_header(text):
    assert found(text) == KITCHEN


def test_a_header_above_each_row_is_looked_at_once(monkeypatch):
    is_sure = Mock(wraps=tables._is_sure)
    monkeypatch.setattr(tables, "_is_sure", is_sure)
    assert len(tables.parts("run_id,title\n1344,Kitchen\n" * 100)) == 1
    assert is_sure.call_count < 10


def test_a_text_of_more_tables_than_are_looked_at_is_refused(monkeypatch):
    text = "".join(f"run_id,title{number % 7 * 'x'}\n{1344 + number},Kitchen\n\n" for number in range(6))
    assert len(found(text)) == 6
    monkeypatch.setattr(limits, "MAX_TABLES", 5)
    with pytest.raises(tables.TooManyTablesError):
        parse(text)


def test_a_long_text_is_the_name_of_no_column():
    assert column_names.run_rank("run id" + " " * 300) == 0
    assert column_names.run_rank("run id" + " " * 100) > 0


def test_a_question_about_one_of_two_tables_is_asked_and_answered():
    text = "run_id,title\n1344,Kitchen\n\nReference,Folder,title\n1345,24,Garden\n1346,12,Cellar"
    pasted = read([text])
    assert [line.run_id for line in pasted.lines] == [1344]
    assert pasted.question.startswith("Several columns could hold the run ids")
    answered = read([text], [Role.RUN, Role.OTHER, Role.TITLE], pasted.table.fingerprint)
    assert [line.run_id for line in answered.lines] == [1344, 1345, 1346]
    assert (answered.question, answered.table.names[0]) == ("", "Reference")


@pytest.mark.parametrize("sign", ["\u200b", "\x00", "\u2060", "\u200d", "\u202d"])
def test_an_invisible_sign_within_a_cell_of_ids_makes_it_unreadable(sign):
    lines = parse(f"run_id,title\n13{sign}44,Take 1{sign}2\n1345,Take 1{sign}2")
    assert [(line.written, line.verdict, line.title) for line in lines] == [
        ("13 44", Verdict.BAD_ID, ""),
        ("1345", Verdict.ID, "Take 1 2"),
    ]
    assert lines[0].note == "an invisible character stands between the digits; type the id again"


# --- Languages ---------------------------------------------------------------------------------------


def spoken(text: str, languages: dict[int, str] | None = None) -> dict[int | str, str]:
    """Return the ids in this text with the languages of their dubs."""
    return {line.found: line.language for line in read([text], languages=languages).lines if line.found}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("run_id,title,language,other", "es"),
        ("run_id,title,Sprache,other", "es"),
        ("run_id,title,idioma,other", "es"),
        ("run_id,title,言語,other", "es"),
        ("run_id,title,language code,other", "es"),
        ("run_id,title,Source language,Target language", "ja"),
        ("run_id,title,Ausgangssprache,Zielsprache", "ja"),
        ("run_id,title,lang,dub language", "ja"),
        ("run_id,title,language,target_lang", "ja"),
        ("run_id,title,source_language,x", ""),
        ("run_id,title,Original language,Language", "ja"),
        ("run_id,title,langue source,langue cible", "ja"),
        ("run_id,title,idioma de origen,idioma de destino", "ja"),
        ("run_id,title,language,language", "es"),
        ("run_id,title,x,language id", "ja"),
    ],
)
def test_the_column_of_the_dubs_language_is_found(header, expected):
    text = f"{header}\n1344,Kitchen,Spanish,ja\n1345,Garden,Spanish,ja"
    assert spoken(text) == {1344: expected, 1345: expected}
    assert found(text) == {1344: "Kitchen", 1345: "Garden"}


def test_a_language_may_be_a_tag_a_name_or_a_number_and_an_empty_cell_is_none():
    text = "run_id;language\n1;es-ES\n2;Brazilian Portuguese\n3;日本語\n4;54\n5;\n6;–\n7;2001"
    assert spoken(text, languages={2001: "ga-ie"}) == {
        1: "es-es", 2: "pt-br", 3: "ja", 4: "es-es", 5: "", 6: "", 7: "ga-ie",
    }  # fmt: skip


def test_languages_of_json_and_of_tasks_are_read():
    assert spoken('[{"run_id": 8081, "language": 54}, {"run_id": 8082, "language": "de"}]') == {
        8081: "es-es",
        8082: "de",
    }
    assert spoken(f"task_id,language\n{TASK},Deutsch") == {TASK: "de"}


def test_an_unknown_language_is_named_and_the_run_comes_in_without_one():
    (line,) = parse("run_id,title,language\n1344,Kitchen,Klingonish")
    assert (line.run_id, line.title, line.language, line.verdict) == (1344, "Kitchen", "", Verdict.ID)
    assert line.note == "Dubroom knows no language “Klingonish”; the run is added without one"


def test_a_repeated_line_adds_its_source():
    first, _other, again = parse("run_id,title,source\n1344,Kitchen,\n1345,Garten,Pilot\n1344,Kitchen,Pilot")
    assert (first.source, again.verdict) == ("Pilot", Verdict.REPEATED)


def test_a_repeated_line_adds_its_language():
    first, again = parse("run_id,language\n1344,\n1344,es")
    assert (first.language, again.verdict) == ("es", Verdict.REPEATED)


def test_a_person_chooses_the_column_of_languages():
    text = "run_id,a,b\n1344,es,de"
    table = read([text]).table
    roles = [Role.RUN, Role.OTHER, Role.LANGUAGE]
    assert [line.language for line in read([text], roles, table.fingerprint).lines] == ["de"]


# --- Any table ---------------------------------------------------------------------------------------

NAMES = ["run_id", "Run ID", "CAMB run #", "Lauf-ID", "dub id", "運行編號", "ID de ejecución", "camb_id"]
NOISE = ["minutes", "Q3 notes", "Year", "season", "Date", "price (€)", "状態", "Dauer", "client no", "fps"]
WORD = st.text("abcdefghij äöü京都", min_size=1, max_size=12).map(lambda text: f"w{' '.join(text.split())}")
CELLS = st.one_of(st.integers(0, 10**7).map(str), st.dates().map(str), st.just(""), WORD)


@given(st.data())
def test_of_any_table_only_the_column_of_ids_comes_in(data):
    ids = data.draw(st.lists(st.integers(1, 10**9), min_size=2, max_size=8, unique=True))
    noise = data.draw(st.lists(st.sampled_from(NOISE), max_size=4, unique=True))
    titles = data.draw(st.lists(WORD, min_size=len(ids), max_size=len(ids)))
    delimiter = data.draw(st.sampled_from("\t;,|"))
    columns = [(data.draw(st.sampled_from(NAMES)), list(map(str, ids))), ("Title", titles)]
    columns += [(name, [data.draw(CELLS) for _ in ids]) for name in noise]
    columns = data.draw(st.permutations(columns))
    rows = [[name for name, _ in columns], *zip(*(cells for _, cells in columns), strict=True)]
    text = "\n".join(delimiter.join(row) for row in rows)
    assert found(text) == dict(zip(ids, titles, strict=True))


def test_sections_without_an_end_are_read_in_time():
    assert found("<runs>" + "<![CDATA[" * 100_000) == {}


def test_a_long_line_of_brackets_is_read_in_time():
    assert parse("INSERT INTO runs VALUES " + "(" * 20_000)


@given(st.text(max_size=300))
def test_any_text_is_read(text):
    for line in parse(text):
        assert len(line.written) <= 60
        assert "\x00" not in line.title


KEYS = st.sampled_from(["run_id", "id", "task_id", "7", "x", "title"])
PLAIN = st.none() | st.integers() | st.text(max_size=5)
JSON = st.recursive(PLAIN, lambda part: st.lists(part, max_size=4) | st.dictionaries(KEYS, part, max_size=4))


@given(JSON)
def test_any_json_is_read(value):
    parse(json.dumps(value))
    parse(repr(value))
