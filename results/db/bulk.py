"""How are the rows of a batch written with what the database needs, and no more?

Past the ORM, to which each value of each row is an expression to be compiled: that takes several times as long as
the database does. Most fields hold the same value in all rows of a batch, and are converted once. PostgreSQL gets
them column by column in one statement, and SQLite new ones many by each: a statement a row costs both far more.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Field, Model

AnyField: TypeAlias = "Field[Any, Any]"

# SQLite looks up and notes the last key of a table for each statement that inserts: half of all it does for a row.
_INSERTED_AT_ONCE = 50


def insert(rows: Sequence[Model], *, replace: bool = False) -> None:
    """Insert rows, which do not learn the keys they are given; or `replace` those that have their keys."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not isinstance(field, AutoField)]
    end = ""
    if replace:
        news = ", ".join(f"{field.column} = excluded.{field.column}" for field in fields if not field.primary_key)
        end = f" ON CONFLICT ({meta.pk.column}) DO UPDATE SET {news}"
    _insert(meta.db_table, fields, _converted(fields, rows), end)


def insert_values(model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """As `insert`, of rows that are nothing but the values of these fields, as the database takes them."""
    if rows:
        fields = {field.name: field for field in model._meta.concrete_fields}
        _insert(model._meta.db_table, [fields[name] for name in names], rows)


def update(model: type[Model], rows: Sequence[object], names: Sequence[str]) -> None:
    """Save these fields of rows that are there, which the caller holds locked.

    A row is anything that has them and the key, by their attributes' names.
    """
    if not rows:
        return
    meta = model._meta
    table, key = meta.db_table, meta.pk.column
    fields = [field for field in meta.concrete_fields if field.name in names]
    each = f"UPDATE {table} SET {_list(fields, '{0} = %s')} WHERE {key} = %s"  # noqa: S608  names of our own
    together = (
        f"UPDATE {table} SET {_list(fields, '{0} = new.{0}')} FROM {{}} AS new ({_list(fields)}, {key}) "  # noqa: S608
        f"WHERE {table}.{key} = new.{key}"
    )
    fields.append(meta.pk)
    values = _converted(fields, rows)
    if _connection().vendor == "postgresql":
        _execute(together, fields, values)
    else:
        with _connection().cursor() as cursor:
            cursor.executemany(each, values)


def _insert(table: str, fields: Sequence[AnyField], rows: Sequence[Sequence[Any]], end: str = "") -> None:
    start = f"INSERT INTO {table} ({_list(fields)})"
    if _connection().vendor == "postgresql":
        _execute(f"{start} SELECT * FROM {{}} AS new{end}", fields, rows)  # noqa: S608  names of our own
        return
    row = f"({', '.join(['%s'] * len(fields))})"
    whole = len(rows) - len(rows) % _INSERTED_AT_ONCE
    for count, some in ((_INSERTED_AT_ONCE, rows[:whole]), (1, rows[whole:])):
        if some:
            params = [list(chain.from_iterable(some[at : at + count])) for at in range(0, len(some), count)]
            with _connection().cursor() as cursor:
                cursor.executemany(f"{start} VALUES {', '.join([row] * count)}{end}", params)


def _list(fields: Sequence[AnyField], form: str = "{0}") -> str:
    return ", ".join(form.format(field.column) for field in fields)


def _execute(statement: str, fields: Sequence[AnyField], rows: Sequence[Sequence[Any]]) -> None:
    """Execute the statement once, with all rows in place of {}."""
    connection = _connection()
    # Without a length, to which a cast would cut what is too long.
    types = [str(field.db_type(connection)).partition("(")[0] for field in fields]
    columns = f"unnest({', '.join(f'%s::{name}[]' for name in types)})"
    with connection.cursor() as cursor:
        cursor.execute(statement.format(columns), [list(column) for column in zip(*rows, strict=True)])


def _converted(fields: Sequence[AnyField], rows: Sequence[object]) -> list[tuple[Any, ...]]:
    """The fields' values of each row as the database takes them."""
    connection = _connection()
    return list(zip(*(_column(field, rows, connection) for field in fields), strict=True))


def _column(field: AnyField, rows: Sequence[object], connection: BaseDatabaseWrapper) -> Iterator[Any]:
    last: Any = None
    converted = field.get_db_prep_save(last, connection)
    for row in rows:
        value = getattr(row, field.attname)
        if value != last:
            last, converted = value, field.get_db_prep_save(value, connection)
        yield converted


def _connection() -> BaseDatabaseWrapper:
    # Not the proxy, which looks up this thread's connection anew for each value.
    return connections[DEFAULT_DB_ALIAS]
