"""A database written by an earlier version keeps every row and value through the migrations, and still works."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from celery import current_app
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, models, transaction
from django.test import override_settings
from environ import Env

from results.dubs import speakers
from results.models import (
    ApiKey,
    Attempt,
    Call,
    CopyPolicy,
    Cue,
    Dub,
    Language,
    MediaCopy,
    RawAnswer,
    Run,
    SavedSearch,
    SearchAlert,
    Source,
    SpeakerName,
    Tag,
    TeamVersion,
    VocabularyWord,
)
from results.runs.archive import sync_pending, unarchive_runs
from results.runs.trash import delete_run, delete_team, purge_trash
from results.search.service import search
from teams.models import AccessToken, Invitation, Membership, Team, User
from tests.each_migration import each_migration
from tests.factories import make_dub, make_run
from tests.worker.installation import Database, new_database

# Today's names for the tables and columns of the data, in the order of the data, which holds the old names. A model
# or field that is renamed is renamed here too, in its place. A newer model or field does not belong here.
FIELDS: list[tuple[type[models.Model], str]] = [
    (
        User,
        "id password last_login is_superuser is_staff is_active date_joined name email speed has_captions "
        "uses_shortcuts",
    ),
    (Team, "id name slug created_at"),
    (Membership, "id team user role created_at"),
    (Invitation, "id team email role token_hash invited_by created_at expires_at accepted_at"),
    (AccessToken, "id membership name can_write token_hash last_four created_at expires_at last_used_at"),
    (
        ApiKey,
        "team sealed last_four is_demo state message failures retry_at last_call_at rate_used_until created_at",
    ),
    (Source, "id team"),
    (Tag, "id team name folded"),
    (Run.tags.through, "id run tag"),
    (
        Run,
        "id team camb_run_id camb_task_id title added_by created_at archived_at is_indexed status reason notes "
        "changed_at due_at requested_at attempts checked_at lease lease_until languages duration_ms cue_count "
        "version source",
    ),
    (RawAnswer, "run body size is_cut fetched_at"),
    (
        Dub,
        "id team run language video_url audio_url media_fetched_at cues_hash cue_count duration_ms "
        "is_alert_checked",
    ),
    (Cue, "id team run dub position start_ms end_ms speaker original_speaker text"),
    (SpeakerName, "id team run original name applied_through"),
    (Call, "id team at ms http_status outcome message run_count"),
    (Attempt, "id call run change"),
    (Language, "camb_id tag"),
    (TeamVersion, "team version requested requested_since"),
    (VocabularyWord, "team word backwards"),
    (SavedSearch, "id team owner q is_shared created_at"),
    (SearchAlert, "id saved_search dub count is_new found_at"),
    (CopyPolicy, "team is_enabled quota_bytes synced_at"),
    (
        MediaCopy,
        "id team dub kind state state_at name content_type size received_bytes source validator waveform length_ms "
        "failures message due_at lease lease_until",
    ),
    (EmailAddress, "id user email verified primary"),
]
# A migration empties the index and marks all runs as not indexed; a run's lines became those of its longest dub.
CHANGED: dict[Any, tuple[str, ...]] = {Run: ("is_indexed", "cue_count")}
# The table of the search index, which has no model.
INDEX = "results_search"

DEMO, STUDIO = 1, 3
# CAMB.AI's ids of four runs of the studio. The lines of the second are still in the index and those of the third
# are not yet in it, as no worker had synced either run.
ARCHIVED, TO_UNINDEX, TO_INDEX, CURRENT = 502, 503, 504, 506

# The names of these indexes contain the name that their table had when they were created.
NAMED_BY_DJANGO = r'INDEX "?\w+?(_pkey|_key|_uniq|_[0-9a-f]{8}(_\w+)?)"? ON'

POSTGRES = (
    "SELECT table_name, column_name, udt_name, character_maximum_length, is_nullable, is_identity, collation_name,"
    " CASE is_identity WHEN 'NO' THEN column_default END"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'",
)

Table = dict[str, Any]


def with_bytes(value: dict[str, Any]) -> object:
    """Decode bytes, which JSON does not have and the data holds as an object with their base64."""
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value


DATA = json.loads(
    gzip.decompress((Path(__file__).parent / "data" / "before_the_renames.json.gz").read_bytes()),
    object_hook=with_bytes,
)


def load(table: Table) -> None:
    """Insert the table's rows and set its id sequence to the last id."""
    name, columns, rows = table["table"], table["columns"], table["rows"]
    if connection.vendor == "postgresql":
        # PostgreSQL converts a quoted literal to its column's type: '1' to a boolean, text to a time, UUID or JSON.
        rows = [
            [value if value is None or isinstance(value, bytes) else str(value) for value in row] for row in rows
        ]
    into, marks = ", ".join(f'"{column}"' for column in columns), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(f"insert into {name} ({into}) values ({marks})", rows)
        if connection.vendor == "postgresql" and columns[0] == "id":
            cursor.execute(f"select setval(pg_get_serial_sequence('{name}', 'id'), max(id)) from {name}")


@contextmanager
def in_use(database: Database) -> Iterator[None]:
    """Have this database in place of the tests' own, and the keys of the data."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = Env.db_url_config(database.url)["NAME"]
    try:
        with override_settings(FIELD_KEYS=DATA["field_keys"]):
            yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
        ContentType.objects.clear_cache()


@pytest.fixture(scope="module")
def migrated_data(tmp_path_factory, django_db_blocker) -> Iterator[Database]:
    """A database with the data, which was loaded into tables of its version and migrated as an installation is.

    It went through every migration ever released. The tests of this file share it, as that takes long.
    """
    folder = tmp_path_factory.mktemp("old")
    with new_database(folder) as database, django_db_blocker.unblock():
        with in_use(database):
            each_migration().migrate([*DATA["migrations"].items()])
            index = DATA["index"][connection.vendor]
            with transaction.atomic():
                clear_index(index["table"])
                ContentType.objects.all().delete()
                for table in [*DATA["others"], *DATA["tables"], index]:
                    load(table)
            call_command("migrate", verbosity=0)
        yield database


@pytest.fixture
def _old_database(migrated_data, django_db_blocker, monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(current_app, "send_task", lambda name, args: None)
    with django_db_blocker.unblock(), in_use(migrated_data):
        yield


def clear_index(table: str) -> None:
    """Empty the search index."""
    clear = "delete from {table}"
    if connection.vendor == "sqlite":
        clear = "insert into {table} ({table}) values ('delete-all')"
    with connection.cursor() as cursor:
        cursor.execute(clear.format(table=table))


def as_stored(value: object) -> object:
    """Return the value as SQLite stores it, and so as the data holds it."""
    match value:
        case bool():
            return int(value)
        case datetime():
            return str(value.astimezone(UTC).replace(tzinfo=None))
        case UUID():
            return value.hex
        case list():
            return json.dumps(value)
        case memoryview():
            return bytes(value)
    return value


def without(names: list[str], rows: list[list[object]], left_out: tuple[str, ...]) -> list[list[object]]:
    return [[value for name, value in zip(names, row, strict=True) if name not in left_out] for row in rows]


def lines_in_index() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {INDEX}")
        return int(cursor.fetchone()[0])


def has_terms() -> bool:
    """Return whether the index holds any term. In SQLite, a line removed by wrong terms leaves some."""
    if connection.vendor == "postgresql":
        return lines_in_index() > 0
    with connection.cursor() as cursor:
        cursor.execute(f"create virtual table temp.index_terms using fts5vocab(main, {INDEX}, row)")
        cursor.execute("select term from temp.index_terms limit 1")
        has_any = cursor.fetchone() is not None
        cursor.execute("drop table temp.index_terms")
    return has_any


def found(team: int, typed: str) -> list[str]:
    return [hit.cue.text for hit in search(team, typed).hits]


def run(camb_run_id: int) -> Run:
    return Run.objects.get(team=STUDIO, camb_run_id=camb_run_id)


def definitions(database: Database) -> Any:
    """Return everything that defines the tables, whatever the order of their columns."""
    if settings.IS_EMBEDDED:
        rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        unnamed = (re.sub(NAMED_BY_DJANGO, "INDEX ON", sql) for (sql,) in rows)
        return {tuple(sorted(re.findall(r"\w+|[^\w\s\"]", sql))) for sql in unnamed}
    rows = [row for query in POSTGRES for row in database.execute(query).fetchall()]
    return {tuple(re.sub(NAMED_BY_DJANGO, "INDEX ON", str(value)) for value in row) for row in rows}


@pytest.mark.usefixtures("_old_database")
def test_every_row_survives_the_migrations_and_everything_works_with_them():
    for (model, fields), table in zip(FIELDS, DATA["tables"], strict=True):
        names = fields.split()
        rows = model._default_manager.order_by("pk").values_list(*names)
        stored = [[as_stored(value) for value in row] for row in rows]
        changed = CHANGED.get(model, ())
        assert without(names, stored, changed) == without(names, table["rows"], changed), model._meta.label
    assert set(Run.objects.values_list("is_indexed", flat=True)) == {False}
    assert {run.cue_count for run in Run.objects.all()} == {
        max((dub.cue_count for dub in run.dubs.all()), default=0) for run in Run.objects.all()
    }
    assert lines_in_index() == 0

    assert {key.team_id: key.secret for key in ApiKey.objects.all()} == {
        DEMO: "demo-key",
        STUDIO: "studio-key-0002",
    }

    # A worker puts the lines of current runs into the index again.
    sync_pending()
    assert len(found(DEMO, "الصحراء")) == 1
    assert found(STUDIO, "スープ speaker:misaki speaker:美咲 lang:ja") == ["味噌スープの台所へようこそ。"]
    assert found(STUDIO, "مطبخ") == ["مرحبا بكم في المطبخ"]
    assert found(STUDIO, "oboe") == ["And an oboe."]
    assert search(STUDIO, "celo").suggestion == "cello"
    assert found(STUDIO, "marigold") == found(STUDIO, "lantern") == []

    lines = lines_in_index()
    delete_run(run(CURRENT))
    assert (found(STUDIO, "oboe"), lines_in_index()) == ([], lines - 2)

    # Unfinished work goes on: one run is out of the index, one has returned, and a name reaches the later runs.
    assert (run(TO_UNINDEX).is_indexed, run(TO_INDEX).is_indexed) == (False, True)
    assert found(STUDIO, "speaker:annabel orchid") == []
    speakers.apply_pending()
    assert found(STUDIO, "speaker:annabel orchid") == ["The orchid comes back soon."]
    unarchive_runs(Team.objects.get(pk=STUDIO), [run(ARCHIVED).pk])
    sync_pending()
    assert found(STUDIO, "marigold speaker:benjamin") == ["Archived words stay marigold."]

    last = {model: table["rows"][-1][0] for (model, _), table in zip(FIELDS, DATA["tables"], strict=True)}
    dub = make_dub(make_run(Team.objects.get(pk=STUDIO)), ["A new line."])
    assert dub.run.pk > last[Run]
    assert dub.pk > last[Dub]
    assert dub.cues.get().pk > last[Cue]
    dub.cues.all().delete()  # they were never indexed, so no removal may look for them in the index

    for team in Team.objects.all():
        delete_team(team)
    purge_trash()
    left = {model for model, _ in FIELDS if model._default_manager.exists()}
    assert left == {User, EmailAddress, Language, MediaCopy}  # a copy's row stays until its file is removed
    assert not MediaCopy.objects.exclude(dub=None).exists()
    assert not has_terms()


def test_a_new_database_by_the_squashed_migrations_has_the_same_tables(
    migrated_data, tmp_path, request, django_db_blocker
):
    template = f"sqlite:///{request.getfixturevalue('migrated')}" if settings.IS_EMBEDDED else ""
    with new_database(tmp_path, template) as squashed:
        with django_db_blocker.unblock(), in_use(squashed):
            call_command("migrate", verbosity=0)
        assert definitions(squashed) == definitions(migrated_data)
        applied = "SELECT app || name FROM django_migrations"
        assert {*squashed.column(applied)} == {*migrated_data.column(applied)}
