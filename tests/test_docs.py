"""The documents name what exists, and everything that needs a word has one."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from dashboard.http.wsgi_threads import POLL_THREADS, THREADS
from results.db import expired
from results.media import part_files
from results.models import Run
from results.notifications.periodic import EVENT_LIFETIME, LOG_LIFETIME

ROOT = Path(__file__).parent.parent
DOCUMENTS = {
    name: (ROOT / name).read_text()
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/operations.md",
        "docs/performance.md",
        "docs/scale.md",
        "docs/security.md",
        "docs/voice.md",
    )
}
ARCHITECTURE = DOCUMENTS["docs/architecture.md"]
LAYERS = ("teams", "results", "dashboard")
SELF_EVIDENT = {"__init__.py", "apps.py", "asgi.py", "celery.py"}
NAMES_OF_OTHERS = {"sqlite3_setlk_timeout"}


def rooms():
    """Every package of the three layers, and every module that stands beside the packages."""
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*")):
            is_package = (path / "__init__.py").exists() and path.name not in ("migrations", "management")
            is_module = path.suffix == ".py" and path.parent.name == layer and path.name not in SELF_EVIDENT
            if is_package or is_module:
                yield f"{path.relative_to(ROOT)}{'/' if is_package else ''}"


def modules():
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            if path.name not in SELF_EVIDENT and path.parent.name != "migrations":
                yield path.relative_to(ROOT)


@pytest.mark.parametrize("room", list(rooms()))
def test_architecture_names_every_room(room):
    assert f"`{room}`" in ARCHITECTURE


@pytest.mark.parametrize("module", list(modules()), ids=str)
def test_every_module_says_what_it_does(module):
    assert ast.get_docstring(ast.parse((ROOT / module).read_text()))


def test_architecture_reads_in_ten_minutes():
    assert len(ARCHITECTURE.split()) <= 2000


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_names_only_existing_files(document):
    tops = {path.name for path in ROOT.iterdir()} - {"data"}
    paths = {
        path
        for path in re.findall(r"(?<![\w/.])[\w.-]+(?:/[\w.-]+)+/?", DOCUMENTS[document])
        if path.partition("/")[0] in tops
    }
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_architecture_names_only_existing_code():
    source = "".join(
        path.read_text() for layer in (*LAYERS, "static") for path in (ROOT / layer).rglob("*.[pj][ys]")
    )
    words = set(re.findall(r"\w+", source)) | {path.stem for path in modules()}
    names = set(re.findall(r"`([A-Za-z_]+(?:\.[a-z_]+)?)`", ARCHITECTURE)) - NAMES_OF_OTHERS
    names = {name for name in names if not (ROOT / name).exists()}
    assert names
    assert {name for name in names if not set(name.split(".")) <= words} == set()


def test_a_rooms_row_names_only_modules_of_its_folder():
    rows = re.findall(r"(?m)^(`[^|]+/`[^|]*) \| (.+)$", ARCHITECTURE.partition("## Rooms")[2].partition("##")[0])
    named = 0
    for place, holds in rows:
        modules = {path.stem for folder in re.findall(r"`([^`]+)/`", place) for path in (ROOT / folder).glob("*.*")}
        names = set(re.findall(r"`([a-z_]+)`", holds))
        assert names <= modules, place
        named += len(names)
    assert named > 20


def test_one_module_reads_and_writes_the_headers_of_htmx():
    found = {
        str(path) for path in modules() if re.search(r"from django_htmx|request\.htmx", (ROOT / path).read_text())
    }
    assert found == {"dashboard/htmx.py"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_gives_only_commands_that_exist(document):
    text = DOCUMENTS[document]
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())
    assert set(re.findall(r"(?m)^(?:.*`)?make ([a-z-]+)", text)) <= targets
    benchmarks = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert set(re.findall(r"-m benchmarks\.([a-z_]+)", text)) <= benchmarks


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_dependency_has_its_reason(file):
    own = (ROOT / file).read_text().partition("\n\n")[0]
    names = re.findall(r"(?m)^([A-Za-z0-9-]+)(?:\[[^]]*\])?==", own)
    reasons = ARCHITECTURE.partition("## Dependencies")[2].lower()
    assert names
    assert [name for name in names if name.lower() not in reasons] == []


def test_every_setting_of_the_readme_exists():
    table = DOCUMENTS["README.md"].partition("## Settings")[2].partition("**")[0]
    known = (ROOT / ".env.example").read_text()
    names = re.findall(r"`([A-Z][A-Z_]+)`", table)
    assert names
    assert [name for name in names if f"{name}=" not in known and not name.startswith("AWS_")] == []


def test_operations_counts_the_connections_of_each_thread():
    text = DOCUMENTS["docs/operations.md"]
    threads = (
        rf"2 processes × \({THREADS} threads for pages \+ {POLL_THREADS} for polls \+ 1 for the health check\)"
    )
    [web] = map(int, re.findall(rf"web machine \| {threads} = (\d+)", text))
    more = settings.CELERY_WORKER_CONCURRENCY - settings.WORKER_THREADS
    [worker] = map(int, re.findall(rf"`WORKER_THREADS` \+ {more}, and 1 for the heartbeat = (\d+)", text))
    assert (web, worker) == (2 * (THREADS + POLL_THREADS + 1), 16 + more + 1)
    assert f"count {web} a web machine there" in text
    assert f"2 × {web} + 4 × {worker} + 1 = {2 * web + 4 * worker + 1}." in text


def test_the_commands_of_the_administrator_print_json():
    table = DOCUMENTS["docs/operations.md"].partition("## Commands of the administrator")[2].partition("##")[0]
    names = set(re.findall(r"(?m)^`manage\.py ([a-z_]+)", table))
    assert len(names) > 4
    for name in names:
        command = load_command_class(get_commands()[name], name)
        assert command.create_parser("manage.py", name).format_help().count("--json"), name


# Each task that deletes by the clock, with what it deletes.
DELETED = {
    "apply-retention": ("runs, dubs, lines", "copies of media"),
    "delete-expired": ("sessions", "invitations", "emails as files"),
    "delete-old-audit-entries": ("audit trail",),
    "delete-old-calls": ("call log",),
    "delete-old-events": ("events and lines of inboxes", "messages"),
    "delete-old-part-files": ("part files",),
    "purge-trash": ("trash",),
}


def test_operations_says_of_all_that_is_deleted_by_the_clock_how_long_it_stays():
    tasks = {name for name in settings.CELERY_BEAT_SCHEDULE if name.startswith("delete-")}
    assert tasks | {"apply-retention", "purge-trash"} == DELETED.keys()
    table = DOCUMENTS["docs/operations.md"].partition("## What grows")[2].partition("##")[0]
    for rows in DELETED.values():
        assert [row for row in rows if not re.search(rf"(?m)^{row}.*hourly", table)] == []
    lifetimes = [("trash", Run.TRASH_TIME), ("events", EVENT_LIFETIME), ("messages", LOG_LIFETIME)]
    lifetimes += [("part files", part_files.MAX_AGE), ("emails as files", expired.KEEP_FOR)]
    for row, lifetime in lifetimes:
        assert re.search(rf"(?m)^{row}.* {lifetime.days} days", table), row
