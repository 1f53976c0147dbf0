"""Rows in the database of any earlier version keep their values through all later migrations."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps as newest
from django.db import models
from django.db.migrations.operations import RenameField, RenameModel

from results.models import LargeChange, Run
from results.runs.archive import sync_pending
from results.search.service import search
from tests.each_migration import EachMigration, each_migration

OURS = ("teams", "results")
VALUES = {
    models.BinaryField: b"kitchen",
    models.BooleanField: True,
    models.DateTimeField: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    models.FloatField: 0.5,
    models.IntegerField: 7,
    models.JSONField: ["kitchen"],
    models.GenericIPAddressField: "::1",
    models.UUIDField: UUID(int=7),
}

# The values that a migration changes: these empty the index, which a worker fills again.
CHANGED: dict[str, dict[str, dict[str, object]]] = {
    "0010_analyzer_2": {"results.Run": {"is_indexed": False}},
    "0025_analyzer_3": {
        "results.Run": {"is_indexed": False, "title_folded": None},
        "results.Tag": {"letters": None},
    },
    "0033_analyzer_4": {
        "results.Run": {"is_indexed": False, "title_folded": None},
        "results.Tag": {"letters": None},
    },
    "0035_analyzer_5": {
        "results.Run": {"is_indexed": False, "title_folded": None},
        "results.Tag": {"letters": None},
    },
}

Node = tuple[str, str]


# By default the newest two are tried, as each takes seconds; `test_old_database` goes through nearly all of them.
NEWEST = 2


def earlier_states() -> Iterator[dict[str, Node]]:
    """Yield the last migration of each app before each of our migrations, the first of each app aside."""
    graph = EachMigration(None).graph
    plan = {node: None for leaf in graph.leaf_nodes() for node in graph.forwards_plan(leaf) if node[0] in OURS}
    state: dict[str, Node] = {}
    for node in plan:
        if len(state) == len(OURS):
            yield dict(state)
        state[node[0]] = node


def states() -> Iterator[Any]:
    first, *others = earlier_states()
    for place, state in enumerate([first, *others]):
        is_default = place > len(others) - NEWEST
        marks = () if is_default else pytest.mark.thorough
        yield pytest.param([*state.values()], id=" ".join(map("/".join, state.values())), marks=marks)


def tables(apps: Any) -> dict[str, Any]:
    every = apps.get_models(include_auto_created=True)
    return {model._meta.label: model for model in every if model._meta.app_label in OURS}


def fill(apps: Any) -> None:
    """Insert a row, with a value in every field, into each of our tables that refers to no other app's table."""
    known, inserted = tables(apps), {}

    def row_of(model: Any) -> Any:
        label = model._meta.label
        if label not in inserted:
            inserted[label] = model.objects.create(**{field.name: value_of(field) for field in fields_of(model)})
        return inserted[label]

    def value_of(field: Any) -> object:
        if field.is_relation:
            return row_of(field.related_model)
        if field.choices:
            return field.choices[-1][0]
        return next(
            (value for kind, value in VALUES.items() if isinstance(field, kind)), "kitchen"[: field.max_length]
        )

    for model in known.values():
        if all(field.related_model._meta.label in known for field in fields_of(model) if field.is_relation):
            row_of(model)


def fields_of(model: Any) -> list[Any]:
    automatic = (models.AutoField, models.CompositePrimaryKey)
    return [field for field in model._meta.concrete_fields if not isinstance(field, automatic)]


def rows(apps: Any) -> dict[str, list[dict[str, object]]]:
    return {label: list(model.objects.order_by("pk").values()) for label, model in tables(apps).items()}


def under_new_names(before: dict[str, list[dict[str, object]]], state: list[Node]) -> dict[str, list[Any]]:
    """Return these rows under the names that the migrations after this state give to their models and fields."""
    graph = EachMigration(None).graph
    applied = {node for target in state for node in graph.forwards_plan(target)}
    plan = dict.fromkeys(node for leaf in graph.leaf_nodes() for node in graph.forwards_plan(leaf))
    for app, name in (node for node in plan if node not in applied):
        for operation in graph.nodes[app, name].operations:
            if isinstance(operation, RenameModel):
                old, new = f"{app}.{operation.old_name}", f"{app}.{operation.new_name}"
                before = {new if label == old else label: rows for label, rows in before.items()}
            elif isinstance(operation, RenameField):
                label = next(label for label in before if label.lower() == f"{app}.{operation.model_name_lower}")
                names = {operation.old_name: operation.new_name}
                before[label] = [{names.get(key, key): row[key] for key in row} for row in before[label]]
    return before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", list(states()))
def test_every_row_survives_the_later_migrations_and_is_found(state):
    executor = each_migration()
    try:
        executor.migrate(state)
        earlier = each_migration().loader.project_state(state).apps
        fill(earlier)
        before = rows(earlier)
    finally:
        executor = each_migration()
        executor.migrate(executor.loader.graph.leaf_nodes())
    after = rows(newest)
    for label, rows_before in under_new_names(before, state).items():
        later = [fields for name, fields in CHANGED.items() if name > dict(state)["results"]]
        changed = {name: value for fields in later for name, value in fields.get(label, {}).items()}
        kept = [new | old | changed for new, old in zip(after[label], rows_before, strict=True)]
        assert kept == after[label], label
    # The filled-in change has no verb that a worker could carry out.
    LargeChange.objects.all().delete()
    Run.objects.update(archived_at=None, is_indexed=False)
    sync_pending()
    assert search(Run.objects.get().team_id, "kitchen").count == 1
