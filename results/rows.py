"""How are the rows of a batch written with what the database needs, and no more?

Past the ORM, to which each value of each row is an expression to be compiled: that takes several times as long as
the database does. Most fields hold the same value in all rows of a batch, and are converted once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Field, Model


def insert(rows: Sequence[Model], *, replace: bool = False) -> None:
    """Insert rows, which do not learn the keys they are given; or `replace` those that have their keys."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not isinstance(field, AutoField)]
    names, values = ", ".join(str(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {meta.db_table} ({names}) VALUES ({values})"  # noqa: S608  names of our own, here and below
    if replace:
        news = ", ".join(f"{field.column} = excluded.{field.column}" for field in fields if not field.primary_key)
        sql += f" ON CONFLICT ({meta.pk.column}) DO UPDATE SET {news}"
    _execute(sql, rows, fields)


def update(rows: Sequence[Model], names: Sequence[str]) -> None:
    """Save these fields of rows that are there, which the caller holds locked."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if field.name in names]
    news = ", ".join(f"{field.column} = %s" for field in fields)
    sql = f"UPDATE {meta.db_table} SET {news} WHERE {meta.pk.column} = %s"  # noqa: S608
    _execute(sql, rows, [*fields, meta.pk])


def _execute(sql: str, rows: Sequence[Model], fields: "Sequence[Field[Any, Any]]") -> None:
    # Not the proxy `connection`, which looks up this thread's connection anew for each value.
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        cursor.executemany(sql, list(zip(*(_converted(field, rows, connection) for field in fields), strict=True)))


def _converted(field: "Field[Any, Any]", rows: Sequence[Model], connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """The field's value of each row as the database takes it."""
    last: Any = None
    converted = field.get_db_prep_save(last, connection)
    for row in rows:
        value = getattr(row, field.attname)
        if value != last:
            last, converted = value, field.get_db_prep_save(value, connection)
        yield converted
