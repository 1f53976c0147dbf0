"""openapi.json: each operation and each schema is described under a name of its own, as it answers."""

from collections import Counter
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from ninja.operation import Operation
from ninja.schema import NinjaGenerateJsonSchema

from dashboard.api.router import ROUTERS
from results.exports.formats import FORMATS

REF = "#/components/schemas/{model}"


@pytest.fixture(scope="module")
def described():
    return Client().get(reverse("api:openapi-json")).json()


def operations() -> Iterator[Operation]:
    for module in ROUTERS:
        for path_view in module.router.path_operations.values():
            yield from path_view.operations


def described_operations(described) -> dict[str, dict]:
    return {
        operation["operationId"]: operation
        for methods in described["paths"].values()
        for operation in methods.values()
    }


def test_each_operation_has_an_id_of_its_own(described):
    ids = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert {"list_checks", "list_dub_checks"} <= set(ids)


def test_each_schema_is_that_of_the_only_class_of_its_name(described):
    schemas = described["components"]["schemas"]
    for operation in operations():
        answers = [(model, "serialization") for model in operation.response_models.values() if model]
        for model, mode in [*answers, *((model, "validation") for model in operation.models)]:
            made = model.model_json_schema(ref_template=REF, schema_generator=NinjaGenerateJsonSchema, mode=mode)
            for name, schema in made.get("$defs", {}).items():
                assert schemas[name] == schema, (operation.view_func.__name__, name)


def test_each_operation_is_described_with_the_fields_of_its_answer(described):
    found = described_operations(described)
    for operation in operations():
        answer = operation.response_models.get(200)
        model = answer.model_fields["response"].annotation if answer else None
        if not hasattr(model, "model_fields"):
            continue
        content = found[operation.view_func.__name__]["responses"]["200"]["content"]["application/json"]
        name = content["schema"]["$ref"].rpartition("/")[2]
        assert set(described["components"]["schemas"][name]["properties"]) == set(model.model_fields)


def test_each_operation_may_refuse_a_token(described):
    for operation in described_operations(described).values():
        assert {"401", "403", "404", "429"} <= set(operation["responses"])


def test_an_error_is_described_as_a_problem_document(described):
    for operation in described_operations(described).values():
        for status, answer in operation["responses"].items():
            if status >= "400" and "content" in answer:
                assert list(answer["content"]) == ["application/problem+json"]


def test_kinds_and_formats_are_listed(described):
    found = described_operations(described)
    format_key = next(one for one in found["transcript"]["parameters"] if one["name"] == "format")
    assert format_key["schema"]["enum"] == list(FORMATS)
    schemas = described["components"]["schemas"]
    assert [schemas[name]["properties"]["kind"]["title"] for name in ("CheckOut", "DubCheckOut", "EventOut")] == [
        "CheckKind",
        "CheckKind",
        "EventKind",
    ]
