"""The OpenAPI document is complete and works with generators."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from craftkit.errors import every_error
from craftkit.openapi import ROUTES, describe
from craftkit.webhooks.models import EVENT_TYPES

DOCUMENT = describe("https://api.example.com")
OAUTH = {("POST /v1/oauth/token", "400"), ("POST /v1/oauth/token", "503")}
"""Answers in the form that OAuth clients read."""

OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each media type object of an operation: of its request and its responses."""
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from holder.get("content", {}).values()


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_every_body_has_an_example_that_fits_its_schema(
    name: str, operation: dict[str, Any]
) -> None:
    for body in bodies(operation):
        found = [body["example"]] if "example" in body else []
        for reference in body.get("examples", {}).values():
            named = reference["$ref"].rpartition("/")[2]
            found.append(DOCUMENT["components"]["examples"][named]["value"])
        assert found, name
        schema = {**body["schema"], "components": DOCUMENT["components"]}
        for example in found:
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(example)


def test_operations_have_names_and_descriptions() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert {"createRender", "listRenders", "createEmbedSession"} <= set(names)
    assert all(name.isalnum() and name[0].islower() for name in names)
    assert all(operation["description"].endswith(".") for _, operation in OPERATIONS)


def test_a_header_with_a_maximum_length_declares_it() -> None:
    """A browser's `Accept` is longer than the maximum of an idempotency key, and valid."""
    limits = {
        parameter["name"]: parameter["schema"].get("maxLength")
        for _, operation in OPERATIONS
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "header"
    }
    assert limits.pop("Idempotency-Key") == 200
    assert {"Accept", "x-craftkit-hook-token", "x-craftkit-signature"} <= set(limits)
    assert set(limits.values()) == {None}


def test_errors_are_one_schema_with_every_code() -> None:
    for name, operation in OPERATIONS:
        for status, response in operation["responses"].items():
            if int(status) >= 400 and (name, status) not in OAUTH:
                (body,) = response["content"].values()
                assert body["schema"] == {"$ref": "#/components/schemas/Error"}, (name, status)
    codes = set(DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"])
    assert {error.code for error in every_error()} <= codes


def test_no_schema_has_a_default() -> None:
    def look(value: object) -> None:
        if isinstance(value, dict):
            assert "default" not in value, value
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)

    look(DOCUMENT["components"]["schemas"])


def test_times_addresses_and_ids_have_their_formats() -> None:
    render = DOCUMENT["components"]["schemas"]["Render"]["properties"]
    assert render["id"]["format"] == "uuid"
    assert render["createdAt"]["format"] == "date-time"
    assert render["pollUrl"]["format"] == "uri"
    assert render["downloadUrl"]["anyOf"][0]["format"] == "uri"


def test_the_document_lists_exactly_the_webhook_events() -> None:
    assert set(DOCUMENT["webhooks"]) == set(EVENT_TYPES)


def test_every_tag_is_described_and_used() -> None:
    described = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {route.tag for route in ROUTES} | {"webhooks"} == described
