"""Reads rows as instances of models by plain SQL.

Most pages read the same few rows by their keys, and the ORM takes ten times as long to build and compile such a
query as the database to answer it. Values are converted as the ORM does it, so an instance is the same either way.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


class _Columns(NamedTuple):
    """The columns of a model's table, with the converters of those whose values the database gives otherwise."""

    sql: str
    names: list[str]
    converters: list[tuple[int, Any, list[Callable[..., Any]]]]


def read_models(
    model: type[M], rest: str, params: Sequence[int], *, without: frozenset[str] = frozenset()
) -> list[M]:
    """Return the rows of the model's table that the `rest` of the SQL query asks for, such as `where id = %s`.

    Fields named in `without` are not read: as deferred fields, each costs a query once it is asked for.
    """
    columns = _columns(model, connection.vendor, without)
    with connection.cursor() as cursor:
        cursor.execute(f"select {columns.sql} from {model._meta.db_table} {rest}", params)  # noqa: S608  SQL of our own
        rows = cursor.fetchall()
    return [_instance(model, columns, row) for row in rows]


def _instance(model: type[M], columns: _Columns, row: Sequence[Any]) -> M:
    values = list(row)
    for place, expression, converters in columns.converters:
        for convert in converters:
            values[place] = convert(values[place], expression, connection)
    return model.from_db(DEFAULT_DB_ALIAS, columns.names, values)


@lru_cache
def _columns(model: type[Model], vendor: str, without: frozenset[str]) -> _Columns:
    """Return the columns; `vendor` names the database, of which each has its own converters."""
    fields = [field for field in model._meta.concrete_fields if field.name not in without]
    converters = []
    for place, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)
        of_field = [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
        if of_field:
            converters.append((place, expression, of_field))
    sql = ", ".join(f"{model._meta.db_table}.{field.column}" for field in fields)
    return _Columns(sql, [field.attname for field in fields], converters)
