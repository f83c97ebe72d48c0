"""GET /v1/me."""

import json
from typing import Any

import pytest
from botocore.client import BaseClient

from craftkit.keys import limiting
from craftkit.keys import service as keys
from craftkit.limits.models import LimitsChange, Rate
from testkit.cloud import Cloud
from testkit.events import event
from testkit.project import make_project


def test_get_me__shows_the_key_and_its_limits_with_one_read(cloud: Cloud, monkeypatch: Any) -> None:
    project = make_project(
        "live", scopes=("renders:read",), templates=("invoice",), networks=("203.0.113.0/24",)
    )
    key_id = project.key.key.id
    change = LimitsChange(renders_per_day=5, rate=Rate(calls=10, burst=20))
    limiting.limit_key(key_id, change, by="tester")
    principal = keys.get_key(key_id).principal
    cloud.invoke("get_me", event("get_me", principal=principal))
    made: list[str] = []
    call = BaseClient._make_api_call

    def counting(client: Any, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counting)
    answer = cloud.invoke("get_me", event("get_me", principal=principal))
    assert made == ["BatchGetItem"]
    assert "RateLimit" not in answer["headers"]
    body = json.loads(answer["body"])
    limits = {each.pop("name"): each for each in body.pop("limits")}
    assert body == {
        "keyId": key_id,
        "name": "Key",
        "kind": "key",
        "projectId": project.id,
        "mode": "live",
        "scopes": ["renders:read"],
        "templates": ["invoice"],
        "networks": ["203.0.113.0/24"],
        "bound": False,
        "expiresAt": None,
    }
    assert set(limits) == {"key-writes", "key-renders-day", "project-writes", "project-reads"}
    assert (limits["key-renders-day"]["limit"], limits["key-renders-day"]["remaining"]) == (5, 5)
    assert limits["key-renders-day"]["resetsAt"][10:19] == "T00:00:00"
    assert (limits["key-writes"]["limit"], limits["key-writes"]["remaining"]) == (20, 20)


@pytest.mark.usefixtures("clock")
def test_get_me__returns_the_used_limits(cloud: Cloud) -> None:
    project = make_project()
    cloud.invoke("list_renders", event("list_renders", principal=project.principal))
    body = json.loads(cloud.invoke("get_me", event("get_me", principal=project.principal))["body"])
    [reads] = [each for each in body["limits"] if each["name"] == "project-reads"]
    assert (reads["limit"], reads["remaining"]) == (1000, 950)
