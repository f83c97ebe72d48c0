"""Every outcome of /v1/embed/catalogs."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from craftkit.embed.partners import service as partners
from testkit.embed import partnership
from testkit.project import DemoProject, make_project

Call = Callable[..., Any]

NAME = {"key": "name", "label": "Name", "dataType": "text", "required": True}
NAMESPACE = {"key": "customer", "label": "Customer", "fields": [NAME]}
CATALOG = {
    "allowCustom": False,
    "namespaces": [NAMESPACE],
    "loops": [{"key": "items", "label": "Items", "itemFields": [NAME]}],
}


def body(name: str = "crm", **catalog: Any) -> dict[str, Any]:
    return {"name": name, "catalog": {**CATALOG, **catalog}}


def test_publish_catalog__the_same_name_makes_the_next_version(
    call: Call, partner: DemoProject
) -> None:
    first = call("publish_catalog", partner, body=body())
    second = call("publish_catalog", partner, body=body(loops=[]))
    assert (first.status, first.body["version"]) == (201, 1)
    assert (second.body["version"], second.body["versions"]) == (2, [2, 1])
    newest = call("get_catalog", partner)
    pinned = call("get_catalog", partner, query={"version": "1"})
    assert (newest.body["version"], newest.body["catalog"]["loops"]) == (2, [])
    assert pinned.body["catalog"]["loops"][0]["key"] == "items"


def test_publish_catalog__of_many_errors_the_first_are_reported(
    call: Call, partner: DemoProject
) -> None:
    """Before, 1 MB of them took ten seconds, 1 GB of memory, and returned 69 MB."""
    loop = {"key": "a", "label": "A", "itemFields": [{}] * 100}
    wide = {**loop, "itemFields": [loop] * 100}
    for catalog in ({"loops": [wide] * 20}, {"namespaces": [{}] * 100_000}):
        answer = call("publish_catalog", partner, body={"name": "crm", "catalog": catalog})
        assert (answer.status, answer.code) == (400, "invalid_request")
        assert len(answer.field_errors) <= 5


@pytest.mark.parametrize("sample", [r'"\ud800"', r'{"\ud800": 1}', "1e400"])
def test_publish_catalog__values_that_json_cannot_hold_are_refused(
    call: Call, partner: DemoProject, sample: str
) -> None:
    text = json.dumps(body(namespaces=[{**NAMESPACE, "fields": [{**NAME, "previewData": "?"}]}]))
    answer = call("publish_catalog", partner, body=text.replace('"?"', sample))
    assert (answer.status, answer.code) == (400, "invalid_json")


def test_publish_catalog__ten_concurrent_requests_make_ten_versions(
    call: Call, partner: DemoProject
) -> None:
    def publish(_: int) -> Any:
        return call("publish_catalog", partner, body=body()).body.get("version")

    with ThreadPoolExecutor(4) as pool:
        versions = [one for one in pool.map(publish, range(8)) if one]
    assert sorted(versions) == list(range(1, len(versions) + 1))


def test_get_catalog__returns_the_changes_since_an_earlier_version(
    call: Call, partner: DemoProject
) -> None:
    call("publish_catalog", partner, body=body())
    fields = [{**NAME, "label": "Full name"}, {"key": "vat", "label": "VAT", "dataType": "text"}]
    namespaces = [{"key": "customer", "label": "Customer", "fields": fields}]
    call("publish_catalog", partner, body=body(namespaces=namespaces, loops=[]))
    changes = call("get_catalog", partner, query={"compareTo": "1"}).body["changes"]
    assert changes == {
        "version": 1,
        "added": ["customer.vat"],
        "removed": ["items.name", "items"],
        "changed": ["customer.name"],
    }


@pytest.mark.parametrize("query", [None, {"version": "9"}, {"compareTo": "9"}])
def test_get_catalog__a_missing_catalog_is_404(
    call: Call, partner: DemoProject, query: Any
) -> None:
    if query:
        call("publish_catalog", partner)
    answer = call("get_catalog", partner, query=query)
    assert (answer.status, answer.code) == (404, "catalog_not_found")


def test_get_catalog__unknown_and_foreign_catalogs_are_the_same_404(
    call: Call, partner: DemoProject
) -> None:
    other = make_project(name="Other")
    partnership(other)
    call("publish_catalog", other, body=body("secret"))
    foreign = call("get_catalog", partner, path={"name": "secret"})
    unknown = call("get_catalog", partner, path={"name": "nothing"})
    assert foreign.status == 404
    assert foreign.body == unknown.body
    assert call("get_catalog", partner, path={"name": "Not A Name"}).body == unknown.body


def test_list_catalogs__the_next_page_follows_without_a_gap(
    call: Call, partner: DemoProject
) -> None:
    for name in ("a", "b", "c"):
        call("publish_catalog", partner, body=body(name))
    call("publish_catalog", partner, body=body("b"))
    first = call("list_catalogs", partner, query={"limit": "2"}).body
    assert [(one["name"], one["version"]) for one in first["catalogs"]] == [("a", 1), ("b", 2)]
    query = {"limit": "2", "cursor": first["next_cursor"]}
    second = call("list_catalogs", partner, query=query).body
    assert [one["name"] for one in second["catalogs"]] == ["c"]
    assert second["next_cursor"] is None


def test_list_catalogs__a_cursor_of_another_list_is_400(call: Call, partner: DemoProject) -> None:
    answer = call("list_catalogs", partner, query={"cursor": "made-up"})
    assert (answer.status, answer.code) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (body("Not-A-Name"), "name"),
        (body("-a"), "name"),
        (body("a" * 121), "name"),
        (body(loops=[{"key": "a.b", "label": "L", "itemFields": [NAME]}]), "catalog.loops.0.key"),
        (body(loops=[{"key": "a", "label": "L", "itemFields": []}]), "catalog.loops.0.itemFields"),
        (body(namespaces=[{"key": "a", "label": "A", "fields": [NAME, NAME]}]), "catalog"),
        (body(namespaces=[{"key": "items", "label": "A", "fields": [NAME]}]), "catalog"),
        (body(extra=1), "catalog.extra"),
    ],
)
def test_publish_catalog__invalid_fields_are_400_with_their_paths(
    call: Call, partner: DemoProject, fields: Any, path: str
) -> None:
    answer = call("publish_catalog", partner, body=fields)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert path in answer.field_errors


@pytest.mark.parametrize("function", ["publish_catalog", "list_catalogs", "get_catalog"])
def test_catalogs__without_a_partnership_are_401_and_suspended_403(
    call: Call, project: DemoProject, function: str
) -> None:
    off = call(function, project)
    assert (off.status, off.code) == (401, "invalid_credentials")
    partnership(project)
    partners.suspend(project.id, by="operator")
    suspended = call(function, project)
    assert (suspended.status, suspended.code) == (403, "partner_suspended")
