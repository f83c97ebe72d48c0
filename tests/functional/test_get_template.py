import json
from typing import Any

import pytest

from craftkit.auth.principal import Principal
from craftkit.templates import drafts, publishing
from testkit.cloud import Cloud
from testkit.project import DemoProject
from testkit.typesetter import FakeTypesetter
from tests.unit.templates.manifests import INVOICE

PROJECT = "0193c2c3-7a10-7c44-8f21-1d2e3f405162"


def _principal(*templates: str, project: str = PROJECT, scope: str = "templates:read") -> Principal:
    return Principal(project, "key", "live", frozenset({scope}), frozenset(templates))


def _get(cloud: Cloud, event: Any, slug: str, principal: Principal) -> tuple[int, Any]:
    call = event("get_template", path={"slug": slug}, principal=principal)
    answer = cloud.invoke("get_template", call)
    body = json.loads(answer["body"])
    if "error" in body:
        del body["error"]["requestId"]
    return answer["statusCode"], body


@pytest.fixture
def invoice(cloud: Cloud) -> None:
    publishing.publish(
        PROJECT, "invoice", "Invoice", INVOICE, "= Hi", by="ada", typeset=FakeTypesetter()
    )


@pytest.mark.usefixtures("invoice")
def test_get_template__returns_manifest_schema_and_versions(cloud: Cloud, event: Any) -> None:
    status, body = _get(cloud, event, "invoice", _principal())
    assert status == 200
    assert body["slug"] == "invoice"
    assert body["latestVersion"] == 1
    assert body["manifest"]["loops"][0]["itemFields"][1]["dataType"] == "number"
    assert body["jsonSchema"]["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert [version["number"] for version in body["versions"]] == [1]
    assert body["versions"][0]["publishedAt"].endswith("Z")
    assert "source" not in json.dumps(body)


def test_get_template__its_preview_data_can_be_rendered(call: Any, project: DemoProject) -> None:
    template = call("get_template", project, path={"slug": "invoice"}).body
    assert call("create_render", project, body=template["previewData"]).status == 202


def test_get_template__a_draft_has_no_schema(cloud: Cloud, event: Any) -> None:
    drafts.save_draft(PROJECT, "invoice", "Invoice", {}, by="ada")
    status, body = _get(cloud, event, "invoice", _principal())
    assert status == 200
    assert (body["latestVersion"], body["manifest"], body["jsonSchema"]) == (None, None, None)
    assert body["previewData"] is None


@pytest.mark.usefixtures("invoice")
def test_get_template__missing_and_foreign_are_the_same_404(cloud: Cloud, event: Any) -> None:
    foreign = _get(cloud, event, "invoice", _principal(project="another"))
    missing = _get(cloud, event, "nothing", _principal())
    assert foreign == missing
    assert foreign[0] == 404
    assert foreign[1]["error"]["code"] == "template_not_found"


@pytest.mark.usefixtures("invoice")
def test_get_template__key_for_other_templates_is_403_either_way(cloud: Cloud, event: Any) -> None:
    there = _get(cloud, event, "invoice", _principal("receipt"))
    missing = _get(cloud, event, "nothing", _principal("receipt"))
    assert there == missing
    assert (there[0], there[1]["error"]["code"]) == (403, "insufficient_scope")


@pytest.mark.usefixtures("invoice")
def test_get_template__key_without_the_scope_is_403(cloud: Cloud, event: Any) -> None:
    status, body = _get(cloud, event, "invoice", _principal(scope="renders:read"))
    assert status == 403
    assert "templates:read" in body["error"]["message"]
