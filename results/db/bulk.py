"""Writes many rows with raw SQL: bulk inserts and bulk updates.

The ORM compiles an expression for each value of each row, which takes several times as long as the database does.
Most fields hold the same value in all rows of a batch and are converted once here. PostgreSQL gets all rows column
by column in one statement, SQLite many new rows by each statement. A statement for each row costs both far more.

Raw SQL is used here because it pays for itself. Against `bulk_create` and `bulk_update`, with 20 to 2,000 rows:

- SQLite: inserts are 3 to 25 times as fast, updates 70 to 125 times.
- PostgreSQL: inserts are 1.4 to 4 times as fast, updates 9 to 22 times.

`python -m benchmarks.bulk_write` measures this.
"""

from collections.abc import Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, TypeAlias

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Field, Model

AnyField: TypeAlias = "Field[Any, Any]"

# For each statement that inserts, SQLite looks up and stores the table's last key: half of all work on a row.
_ROWS_PER_INSERT = 50


def insert(rows: Sequence[Model], *, replace: bool = False) -> None:
    """Insert these rows, all of one model; with `replace`, overwrite stored rows that have their keys.

    The objects do not learn the keys that the database gives them.
    """
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not isinstance(field, AutoField)]
    end = ""
    if replace:
        others = [field.column for field in fields if not field.primary_key]
        assignments = ", ".join(f"{column} = excluded.{column}" for column in others)
        end = f" ON CONFLICT ({meta.pk.column}) DO UPDATE SET {assignments}"
    _insert(meta.db_table, fields, _convert(fields, rows), end)


def insert_values(model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows given as tuples of these fields' values, in the form that the database takes.

    A foreign key is given by its field's name, such as "run", and its value is the key.
    """
    if rows:
        fields = {field.name: field for field in model._meta.concrete_fields}
        _insert(model._meta.db_table, [fields[name] for name in names], rows)


def update(model: type[Model], rows: Sequence[object], names: Sequence[str]) -> None:
    """Save these fields of stored rows, which the caller holds locked.

    A row is any object with attributes for these fields and for the primary key.
    """
    if not rows:
        return
    meta = model._meta
    table, key = meta.db_table, meta.pk.column
    fields = [field for field in meta.concrete_fields if field.name in names]
    each = f"UPDATE {table} SET {_list(fields, '{0} = %s')} WHERE {key} = %s"  # noqa: S608  names of our own
    all_at_once = (
        f"UPDATE {table} SET {_list(fields, '{0} = new.{0}')} FROM {{}} AS new ({_list(fields)}, {key}) "  # noqa: S608
        f"WHERE {table}.{key} = new.{key}"
    )
    fields.append(meta.pk)
    values = _convert(fields, rows)
    if _connection().vendor == "postgresql":
        _execute(all_at_once, fields, values)
    else:
        with _connection().cursor() as cursor:
            cursor.executemany(each, values)


def _insert(table: str, fields: Sequence[AnyField], rows: Sequence[Sequence[Any]], end: str = "") -> None:
    start = f"INSERT INTO {table} ({_list(fields)})"
    if _connection().vendor == "postgresql":
        _execute(f"{start} SELECT * FROM {{}} AS new{end}", fields, rows)  # noqa: S608  names of our own
        return
    row = f"({', '.join(['%s'] * len(fields))})"
    whole = len(rows) - len(rows) % _ROWS_PER_INSERT
    for count, some in ((_ROWS_PER_INSERT, rows[:whole]), (1, rows[whole:])):
        if some:
            params = [list(chain.from_iterable(some[at : at + count])) for at in range(0, len(some), count)]
            with _connection().cursor() as cursor:
                cursor.executemany(f"{start} VALUES {', '.join([row] * count)}{end}", params)


def _list(fields: Sequence[AnyField], form: str = "{0}") -> str:
    return ", ".join(form.format(field.column) for field in fields)


def _execute(statement: str, fields: Sequence[AnyField], rows: Sequence[Sequence[Any]]) -> None:
    """Execute the statement once, with all rows in place of its {}."""
    connection = _connection()
    # Without the length of the type: a cast to it would silently cut longer values.
    types = [str(field.db_type(connection)).partition("(")[0] for field in fields]
    columns = f"unnest({', '.join(f'%s::{name}[]' for name in types)})"
    with connection.cursor() as cursor:
        cursor.execute(statement.format(columns), [list(column) for column in zip(*rows, strict=True)])


def _convert(fields: Sequence[AnyField], rows: Sequence[object]) -> list[tuple[Any, ...]]:
    """Return the values of these fields for each row, in the form that the database takes."""
    connection = _connection()
    columns = zip(*map(attrgetter(*(field.attname for field in fields)), rows), strict=True)
    return list(zip(*map(_column, fields, columns, repeat(connection)), strict=True))


def _column(field: AnyField, values: tuple[Any, ...], connection: BaseDatabaseWrapper) -> Sequence[Any]:
    """Return the values of one field converted; most columns hold one value, which is converted once."""
    if values.count(values[0]) == len(values):
        return [field.get_db_prep_save(values[0], connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]


def _connection() -> BaseDatabaseWrapper:
    # Not the proxy `django.db.connection`, which looks up this thread's connection again for each value.
    return connections[DEFAULT_DB_ALIAS]
