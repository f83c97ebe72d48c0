import json
from typing import Any

import pytest

from craftkit.auth.principal import Principal
from craftkit.templates import publishing
from testkit.cloud import Cloud
from testkit.typesetter import FakeTypesetter

PROJECT = "0193c2c3-7a10-7c44-8f21-1d2e3f405162"
READER = Principal(PROJECT, "key", "live", frozenset({"templates:read"}))


@pytest.fixture(autouse=True)
def templates(cloud: Cloud) -> None:
    for project, slug in ((PROJECT, "a"), (PROJECT, "b"), (PROJECT, "c"), ("other", "d")):
        publishing.publish(project, slug, slug.upper(), {}, "", by="ada", typeset=FakeTypesetter())


def _list(cloud: Cloud, event: Any, principal: Principal = READER, **query: str) -> tuple[int, Any]:
    call = event("list_templates", query=query, principal=principal)
    answer = cloud.invoke("list_templates", call)
    return answer["statusCode"], json.loads(answer["body"])


def test_list_templates__pages_through_the_project(cloud: Cloud, event: Any) -> None:
    status, first = _list(cloud, event, limit="2")
    assert status == 200
    assert [template["slug"] for template in first["templates"]] == ["a", "b"]
    _, second = _list(cloud, event, limit="2", cursor=first["nextCursor"])
    assert [template["slug"] for template in second["templates"]] == ["c"]
    assert second["nextCursor"] is None


def test_list_templates__a_key_limited_to_templates_sees_only_these(
    cloud: Cloud, event: Any
) -> None:
    confined = Principal(PROJECT, "key", "live", READER.scopes, frozenset({"b", "d"}))
    _, body = _list(cloud, event, confined)
    assert [template["slug"] for template in body["templates"]] == ["b"]


def test_list_templates__another_projects_cursor_is_400(cloud: Cloud, event: Any) -> None:
    _, first = _list(cloud, event, limit="1")
    foreigner = Principal("other", "key", "live", READER.scopes)
    for cursor in (first["nextCursor"], "made-up"):
        status, body = _list(cloud, event, foreigner, cursor=cursor)
        assert (status, body["error"]["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"colour": "red"}])
def test_list_templates__bad_query_is_400(cloud: Cloud, event: Any, query: dict[str, str]) -> None:
    status, body = _list(cloud, event, **query)
    assert (status, body["error"]["code"]) == (400, "invalid_request")


def test_list_templates__key_without_the_scope_is_403(cloud: Cloud, event: Any) -> None:
    writer = Principal(PROJECT, "key", "live", frozenset({"renders:write"}))
    assert _list(cloud, event, writer)[0] == 403
