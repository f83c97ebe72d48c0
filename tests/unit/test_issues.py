"""The issues of an invalid body: paths, and messages without pydantic's wording."""

from pathlib import Path
from typing import Any

import pytest

import craftkit
from craftkit.embed.catalogs.models import CatalogRequest
from craftkit.embed.sessions.models import SessionRequest
from craftkit.errors import InvalidRequestError
from craftkit.issues import ISSUE_LIMIT
from craftkit.renders.models import RenderList, RenderRequest
from craftkit.schema import validate_request
from craftkit.usage.models import UsageQuery

Found = dict[str, list[str]]

WHOLE = "Must be a whole number"


def found(kind: type[Any], value: object) -> Found:
    """The issues by path; those without a field have an empty path."""
    with pytest.raises(InvalidRequestError) as refusal:
        validate_request(kind, value)
    assert refusal.value.issues is not None
    issues = refusal.value.issues
    return issues.field_errors | ({"": issues.form_errors} if issues.form_errors else {})


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"data": None}, {"data": ["Must be an object"]}),
        ({"options": []}, {"options": ["Must be an object"]}),
        ({"options": {"sync": "yes"}}, {"options.sync": ["Must be true or false"]}),
        (
            {"options": {"versionNumber": "1"}},
            {"options.versionNumber": ["Must be a whole number"]},
        ),
        ({"options": {"versionNumber": 0}}, {"options.versionNumber": ["Must be 1 or more"]}),
        ({"options": {"versionNumber": 1.5}}, {"options.versionNumber": [WHOLE]}),
        (
            {"options": {"filename": "a/b.pdf"}},
            {
                "options.filename": [
                    "Must be a file name of at most 156 characters that ends in .pdf, or in the "
                    "format's own ending, without any of / \\ : * ? \" < > |"
                ]
            },
        ),
        ({"colour": 1}, {"colour": ["Unknown field"]}),
        ({"jobId": ""}, {"jobId": ["Must have 1 or more characters"]}),
        ({"jobId": "x" * 201}, {"jobId": ["Must have 200 or fewer characters"]}),
        ({"metadata": {"order": 4711}}, {"metadata.order": ["Must be text"]}),
        (
            {"metadata": {"x" * 65: ""}},
            {"metadata": ["Each of its names must have 64 or fewer characters"]},
        ),
        (
            {"metadata": {str(number): "" for number in range(21)}},
            {"metadata": ["Must have 20 or fewer entries"]},
        ),
    ],
)
def test_a_render_request_is_refused_with_plain_messages(
    part: dict[str, Any], expected: Found
) -> None:
    assert found(RenderRequest, {"data": {}} | part) == expected


def test_a_whole_number_with_a_decimal_point_is_accepted() -> None:
    request = validate_request(RenderRequest, {"data": {}, "options": {"versionNumber": 1.0}})
    assert request.options.version_number == 1
    assert type(request.options.version_number) is int


def test_no_message_contains_a_regular_expression() -> None:
    for path in (Path(craftkit.__file__).parent).rglob("*.py"):
        assert "StringConstraints(pattern" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    ("kind", "query", "expected"),
    [
        (RenderList, {"limit": "ten"}, {"limit": [WHOLE]}),
        (RenderList, {"limit": "101"}, {"limit": ["Must be 100 or less"]}),
        (UsageQuery, {"to": "2026-13-01"}, {"to": ["Must be a day, such as 2026-11-24"]}),
    ],
)
def test_a_query_is_refused_with_plain_messages(
    kind: type[Any], query: Any, expected: Found
) -> None:
    assert found(kind, query) == expected


def test_a_value_outside_a_list_is_refused_with_the_list() -> None:
    (message,) = found(RenderList, {"status": "done"})["status"]
    assert message == "Must be 'queued', 'rendering', 'succeeded', 'failed' or 'cancelled'"


def test_a_field_is_known_by_its_public_name_only() -> None:
    request = {"data": {}, "job_id": "4711", "options": {"version_number": 1}}
    unknown = ["Unknown field"]
    assert found(RenderRequest, request) == {"job_id": unknown, "options.version_number": unknown}


def test_the_path_uses_the_callers_names() -> None:
    """The path has no step of pydantic's union of variable and loop."""
    loop = {"key": "items", "label": "Items", "itemFields": [{"key": "name", "label": "Name"}]}
    request = {"name": "crm", "catalog": {"loops": [loop]}}
    assert found(CatalogRequest, request)["catalog.loops.0.itemFields.0.dataType"] == ["Required"]


def test_a_boolean_must_be_a_boolean() -> None:
    """As the OpenAPI document says; before, `no` was false and `yes` true."""
    field = {"key": "name", "label": "Name", "dataType": "text", "required": "yes"}
    catalog = {"allowCustom": "no", "namespaces": [{"key": "a", "label": "A", "fields": [field]}]}
    issues = found(CatalogRequest, {"name": "crm", "catalog": catalog})
    assert {"catalog.allowCustom", "catalog.namespaces.0.fields.0.required"} <= set(issues)


def test_an_email_address_is_not_repeated() -> None:
    session = {
        "tenant": {"externalId": "t", "displayName": "T"},
        "actor": {"externalId": "a", "email": "ada lovelace@example.com"},
        "scope": {"mode": "create"},
    }
    assert found(SessionRequest, session) == {"actor.email": ["Must be an email address"]}


def test_the_number_of_issues_is_limited() -> None:
    """Before, 1 MiB of unknown fields caused a response of 4 MiB."""
    unknown = found(RenderRequest, {"data": {}} | {str(number): 1 for number in range(90_000)})
    assert unknown.pop("") == [f"{90_000 - ISSUE_LIMIT} more issues like these"]
    assert len(unknown) == ISSUE_LIMIT
