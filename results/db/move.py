"""Copies the whole database into an empty PostgreSQL, so that a server can outgrow SQLite.

Tables are copied in batches by primary key, those that others point to first, each batch in a transaction of its
own. So an interrupted move goes on where it was. At the end every table is read on both sides and compared by count
and hash.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from psycopg.types.json import Jsonb

TARGET = "move_target"
BATCH = 5_000
# In the target while the move is under way; its absence beside rows of others means that the target is in use.
MARK = "dubroom_move"
# Django fills these itself, and nothing of ours points to them.
NOT_COPIED = ("contenttypes", "admin")
NOT_COPIED_TABLES = (
    "auth_permission",
    "auth_group_permissions",
    "teams_user_user_permissions",
    "teams_user_groups",
)


class MoveError(Exception):
    """The move cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Table:
    """One table as it was compared: its rows, and the sum of the hashes of its rows."""

    name: str
    rows: int
    hash: str


def connect(configuration: dict[str, Any]) -> None:
    """Make the target known as the connection TARGET, whose statements may take as long as they need.

    Raises MoveError for an address of PgBouncer, which would give them another session each.
    """
    options = configuration.setdefault("OPTIONS", {})
    if "pgbouncer" in options:
        raise MoveError(
            "Name the direct address of PostgreSQL, without pgbouncer=: a move does not fit through a pool."
        )
    # The role may have limits, as docs/operations.md recommends for a pool.
    limits = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
    options["options"] = f"{options.get('options', '')} {limits}".strip()
    databases = {**connections.settings, TARGET: configuration}
    connections.settings = connections.configure_settings(databases)
    connections[TARGET].ensure_connection()


def source_version() -> int:
    """Return the version of the SQLite file, which every write of another process changes."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        [version] = cursor.fetchone()
    return int(version)


def check_source(version: int) -> None:
    """Raise MoveError if the SQLite file is no longer the one of this version."""
    if source_version() != version:
        raise MoveError(
            "Dubroom has changed the SQLite file meanwhile. Stop it, and run the command again with --restart."
        )


def begin(*, restart: bool) -> None:
    """Mark the target as one of a move. Raises MoveError if it holds anyone else's rows.

    With `restart`, what an interrupted move has copied is deleted.
    """
    target = connections[TARGET]
    with target.cursor() as cursor:
        is_marked = MARK in target.introspection.table_names(cursor)
        if not is_marked and any(_max_key(model) is not None for model in copied_models() if _is_content(model)):
            raise MoveError("The target database holds data already. Name an empty one.")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {MARK} (since timestamptz DEFAULT now())")
        if restart or not is_marked:
            names = ", ".join(target.ops.quote_name(model._meta.db_table) for model in copied_models())
            cursor.execute(f"TRUNCATE {names} CASCADE")


def _is_content(model: type[Model]) -> bool:
    return model._meta.label in ("teams.User", "teams.Team", "results.Run")


def copied_models() -> list[type[Model]]:
    """Return the models of all tables to copy, each after those that its foreign keys point to."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        and not model._meta.proxy
        and model._meta.app_label not in NOT_COPIED
        and model._meta.db_table not in NOT_COPIED_TABLES
    ]
    ordered: list[type[Model]] = []
    while found:
        ready = [model for model in found if not _targets(model) & set(found)]
        if not ready:
            raise MoveError(f"Tables point to each other: {', '.join(model._meta.db_table for model in found)}")
        ordered += ready
        found = [model for model in found if model not in ready]
    return ordered


def _targets(model: type[Model]) -> set[Any]:
    related = {field.related_model for field in model._meta.concrete_fields if field.remote_field}
    return related - {model}


def copy_all(progress: Callable[[str, int], None]) -> None:
    """Copy what the target does not have yet, then set its sequences.

    `progress` is called after each batch, with the table and the number of rows copied of it now.
    """
    for model in copied_models():
        copied = 0
        for rows in _batches(model):
            _write(model, rows)
            copied += len(rows)
            progress(model._meta.db_table, copied)
    target = connections[TARGET]
    with target.cursor() as cursor:
        for statement in target.ops.sequence_reset_sql(no_style(), copied_models()):
            cursor.execute(statement)


def _batches(model: type[Model]) -> Iterator[list[tuple[Any, ...]]]:
    fields = _fields(model)
    names = [field.attname for field in fields]
    rows = model._base_manager.order_by("pk").values_list(*names)
    if not _has_number_as_key(model):
        # Other keys sort differently in the two databases: such tables, which are small, are copied anew.
        with connections[TARGET].cursor() as cursor:
            name = connections[TARGET].ops.quote_name(model._meta.db_table)
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608  a name of our own
        if everything := list(rows):
            yield everything
        return
    position = names.index(model._meta.pk.attname)
    last = _max_key(model)
    while batch := list((rows.filter(pk__gt=last) if last is not None else rows)[:BATCH]):
        yield batch
        last = batch[-1][position]


def _fields(model: type[Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not getattr(field, "generated", False)]


def _has_number_as_key(model: type[Model]) -> bool:
    key: Any = model._meta.pk
    while key.remote_field:
        key = key.target_field
    return isinstance(key, models.IntegerField)


def _max_key(model: type[Model]) -> Any:
    return model._base_manager.using(TARGET).order_by("-pk").values_list("pk", flat=True).first()


def _write(model: type[Model], rows: Iterable[tuple[Any, ...]]) -> None:
    target, fields = connections[TARGET], _fields(model)
    name = target.ops.quote_name
    columns = ", ".join(name(field.column) for field in fields)
    with (
        target.cursor() as cursor,
        cursor.copy(f"COPY {name(model._meta.db_table)} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([_for_copy(field, value) for field, value in zip(fields, row, strict=True)])


def _for_copy(field: "Field[Any, Any]", value: Any) -> Any:
    if isinstance(field, models.JSONField) and not (value is None and field.null):
        return Jsonb(value)
    return value


def compare_all() -> list[Table]:
    """Return each table as it is on both sides. Raises MoveError where they differ."""
    tables = []
    for model in copied_models():
        here, there = _summary(model, connection), _summary(model, connections[TARGET])
        if here != there:
            raise MoveError(
                f"The table {here.name} differs: {here.rows:,} rows here, {there.rows:,} there. Dubroom may have "
                "run meanwhile. Run the command again with --restart."
            )
        tables.append(here)
    return tables


def _summary(model: type[Model], database: BaseDatabaseWrapper) -> Table:
    names = [field.attname for field in _fields(model)]
    rows, total = 0, 0
    for row in model._base_manager.using(database.alias).values_list(*names).iterator(chunk_size=BATCH):
        text = _encode(row).encode("utf-8", "surrogatepass")
        total += int.from_bytes(blake2b(text, digest_size=16).digest(), "big")
        rows += 1
    # A sum does not depend on the order, in which the two databases differ.
    return Table(model._meta.db_table, rows, f"{total % 2**128:032x}")


def _canonical(value: Any) -> str:
    """Return a text of what JSON cannot hold, the same for both databases."""
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


# One encoder for all rows: it asks `_canonical` only about values that it does not know.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=_canonical).encode


def end() -> None:
    """Take the mark of the move off the target, which is in use from now on."""
    with connections[TARGET].cursor() as cursor:
        cursor.execute(f"DROP TABLE {MARK}")
