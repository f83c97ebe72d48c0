"""Keys at the deployed API with IAM: revoked, rotated, limited, used, reported as exposed."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from testkit import trials
from testkit.stack import RunningStack

PATIENCE_SECONDS = 90
DATA = {
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Engine notes", "qty": 1, "price": 42}],
    "total": 42,
}


@pytest.fixture
def key(stack: RunningStack) -> dict[str, Any]:
    """A test key of its own."""
    words = ("--project", stack.project_id, "--name", "Trial", "--mode", "test")
    made: dict[str, Any] = stack.craftkit("keys", "create", *words)
    return made


def status(stack: RunningStack, key: str) -> int:
    return stack.call("GET", "/v1/renders?limit=1", key=key).status_code


def awaited(found: Callable[[], Any]) -> Any:
    """Wait for the result of streams and schedules."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.5)
    raise TimeoutError


def test_revoke__under_load_all_further_requests_are_refused(stack: RunningStack) -> None:
    outcomes = trials.revocations(stack, 100)
    assert len(outcomes) == 100
    assert sum(outcome.passed_after for outcome in outcomes) == 0


def test_undo__makes_the_key_valid_for_the_next_request(
    stack: RunningStack, key: dict[str, Any]
) -> None:
    stack.craftkit("keys", "revoke", key["id"], "--reason", "by mistake")
    assert status(stack, key["key"]) == 401
    stack.craftkit("keys", "undo", key["id"])
    assert status(stack, key["key"]) == 200


def test_rotate__the_grace_begins_with_the_first_use_of_the_new_secret(
    stack: RunningStack, key: dict[str, Any]
) -> None:
    rotated = stack.craftkit("keys", "rotate", key["id"], "--grace", "0m")
    assert status(stack, key["key"]) == 200
    assert status(stack, rotated["key"]) == 200
    awaited(lambda: status(stack, key["key"]) == 401)
    assert status(stack, rotated["key"]) == 200
    shown = stack.craftkit("keys", "show", key["id"])
    assert [secret["state"] for secret in shown["secrets"]] == ["current", "ended"]


def test_activity__is_exact_within_a_minute(stack: RunningStack, key: dict[str, Any]) -> None:
    for _ in range(5):
        assert status(stack, key["key"]) == 200
    body = {"data": DATA}
    stack.call("POST", "/v1/templates/invoice/render", key=key["key"], json=body)

    def shown() -> Any:
        return stack.craftkit("keys", "show", key["id"])

    awaited(lambda: shown()["requests"] == 6)
    assert shown()["renders"] == 1
    assert shown()["lastUsedAt"] >= shown()["firstUsedAt"]


def test_budget_of_100_accepts_exactly_100_of_400_concurrent_requests(
    stack: RunningStack, key: dict[str, Any]
) -> None:
    subject = ("--project", stack.project_id, "--key", key["id"])
    stack.craftkit("limits", "set", *subject, "--renders-per-day", "100")
    assert trials.race(stack, key["key"], 400, {"data": DATA}) == {202: 100, 429: 300}
    refused = stack.call(
        "POST", "/v1/templates/invoice/render", key=key["key"], json={"data": DATA}
    )
    assert refused.json()["error"]["code"] == "quota_exceeded"
    assert ";r=0;" in refused.headers["RateLimit"]
    assert int(refused.headers["Retry-After"]) > 0
    entry = awaited(lambda: warning_of(stack, key["id"]))
    # Several calls reach 80 % concurrently; the first that writes the warning sends it.
    used = int(entry["details"].pop("used"))
    assert 80 <= used < 80 + trials.CONNECTIONS
    assert entry["details"] == {"of": "key", "period": "day", "limit": "100"}


def warning_of(stack: RunningStack, target: str) -> Any:
    """The audit entry `limit.warning`, which the limits table's stream causes."""
    table = stack.outputs["AuditTable"]
    pages = stack.client("dynamodb").get_paginator("query")
    for page in pages.paginate(
        TableName=table,
        KeyConditionExpression="pk = :project AND begins_with(sk, :audit)",
        ExpressionAttributeValues={
            ":project": {"S": f"project#{stack.project_id}"},
            ":audit": {"S": "audit#"},
        },
    ):
        for item in page["Items"]:
            if item["action"]["S"] == "limit.warning" and item["target"]["S"] == target:
                details = {name: value["S"] for name, value in item["details"]["M"].items()}
                return {"details": details}
    return None


def test_rate__more_than_the_burst_is_429(stack: RunningStack, key: dict[str, Any]) -> None:
    subject = ("--project", stack.project_id, "--key", key["id"])
    stack.craftkit("limits", "set", *subject, "--rate", "1/m", "--burst", "2")
    body = {"data": DATA}
    answers = [
        stack.call("POST", "/v1/templates/invoice/render", key=key["key"], json=body)
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[-1].json()["error"]["code"] == "rate_limited"
    # Reads do not use the write rate.
    assert status(stack, key["key"]) == 200


def test_exposed_keys__an_unsigned_report_is_refused(
    stack: RunningStack, key: dict[str, Any]
) -> None:
    report = json.dumps([{"token": key["key"], "type": "craftkit_api_key", "url": ""}])
    unsigned: dict[str, str] = {}
    forged = {"Github-Public-Key-Identifier": "x", "Github-Public-Key-Signature": "AAAA"}
    # Without internet access the scanner keys cannot be fetched: 503.
    for headers, refusals in (
        (unsigned, {(401, "invalid_signature")}),
        (forged, {(401, "invalid_signature"), (503, "scanner_keys_unavailable")}),
    ):
        answer = stack.call("POST", "/v1/exposed-keys", key="", data=report, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) in refusals
    assert status(stack, key["key"]) == 200


def test_a_key_in_any_field_is_never_logged(stack: RunningStack, key: dict[str, Any]) -> None:
    """Use keys in all places that could store them; logs and tables are searched at the end."""
    secret = key["key"]
    stack.call("GET", f"/v1/renders/{secret}", key=secret)
    stack.call("GET", f"/v1/renders?cursor={secret}", key=secret)
    stack.call("POST", f"/v1/hooks/{secret}", key="", json={"a": secret})
    stack.call("POST", "/v1/templates/invoice/render", key=secret, json={"data": {"x": secret}})
    stack.call("POST", f"/v1/templates/{secret}/render", key=secret, json={"data": DATA})
    stack.call("GET", "/v1/renders", key=f"{secret}x")
    stack.call("GET", "/v1/renders", headers={"Authorization": f"Basic {secret}"})
    assert stack.craftkit("keys", "diagnose", stdin=secret)["outcome"] == "fine"


class TestPermissions:
    """The permissions on the keys table, in addition to the test of docs/permissions.md."""

    def test_the_authorizer_can_only_read_keys_and_write_activity(
        self, stack: RunningStack
    ) -> None:
        dynamodb = stack.client_of("AuthorizeFunction", "dynamodb")
        keys, activity = stack.outputs["KeysTable"], stack.outputs["KeyActivityTable"]
        at_key = {"key_hash": {"S": "nothing"}}
        at_use = {"key_id": {"S": "nothing"}, "secret_day": {"S": "nothing"}}
        assert "Item" not in dynamodb.get_item(TableName=keys, Key=at_key)
        denied = [
            lambda: dynamodb.put_item(TableName=keys, Item=at_key),
            lambda: dynamodb.update_item(TableName=keys, Key=at_key),
            lambda: dynamodb.delete_item(TableName=keys, Key=at_key),
            lambda: dynamodb.scan(TableName=keys),
            lambda: dynamodb.get_item(TableName=activity, Key=at_use),
            lambda: dynamodb.put_item(TableName=activity, Item=at_use),
            lambda: dynamodb.scan(TableName=activity),
            lambda: dynamodb.scan(TableName=stack.outputs["ProjectsTable"]),
            lambda: stack.client_of("AuthorizeFunction", "sqs").list_queues(),
        ]
        for call in denied:
            with pytest.raises(Exception, match="AccessDenied"):
                call()

    @pytest.mark.parametrize(
        "function", ["CreateRenderFunction", "ReceiveHookFunction", "ReportExposedKeysFunction"]
    )
    def test_the_data_plane_cannot_write_a_key(self, stack: RunningStack, function: str) -> None:
        dynamodb = stack.client_of(function, "dynamodb")
        keys = stack.outputs["KeysTable"]
        for call in (
            lambda: dynamodb.put_item(TableName=keys, Item={"key_hash": {"S": "forged"}}),
            lambda: dynamodb.update_item(TableName=keys, Key={"key_hash": {"S": "forged"}}),
            lambda: dynamodb.delete_item(TableName=keys, Key={"key_hash": {"S": "forged"}}),
        ):
            with pytest.raises(Exception, match="AccessDenied"):
                call()
