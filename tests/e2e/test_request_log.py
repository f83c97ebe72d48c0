"""The request log of a deployed stack: requests are in it seconds after the response."""

import time
from typing import Any

from testkit.stack import RunningStack

WAIT_SECONDS = 30
"""The log promises five seconds; a busy machine may stall for longer."""


def make_key(stack: RunningStack, mode: str = "live") -> dict[str, Any]:
    scopes = ("--scope", "renders:read", "--scope", "requests:read")
    made: dict[str, Any] = stack.craftkit(
        "keys", "create", "--project", stack.project_id, "--name", "Log", "--mode", mode, *scopes
    )
    return made


def awaited(stack: RunningStack, key: str, request_id: str) -> dict[str, Any]:
    """Wait until the request is in the key's log, and return it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        page = stack.call("GET", f"/v1/requests?requestId={request_id}", key=key).json()
        if page["requests"]:
            return dict(page["requests"][0])
        time.sleep(0.2)
    raise TimeoutError(f"request {request_id} is not in the log")


def test_request_log__a_request_and_a_refusal_are_shown_to_their_key_alone(
    stack: RunningStack,
) -> None:
    key, other, test = make_key(stack), make_key(stack), make_key(stack, "test")
    agent = {"User-Agent": "curl/8.5.0"}
    good = stack.call("GET", "/v1/renders?limit=1", key=key["key"], headers=agent)
    bad = stack.call("POST", "/v1/templates/invoice/render", key=key["key"], json={"data": {}})
    shown = awaited(stack, key["key"], good.headers["x-request-id"])
    assert shown["keyId"] == key["id"]
    assert (shown["method"], shown["route"], shown["status"]) == ("GET", "/v1/renders", 200)
    assert (shown["client"], shown["address"], shown["fix"]) == ("curl", "127.0.0.0/24", None)
    refused = awaited(stack, key["key"], bad.headers["x-request-id"])
    assert (refused["status"], refused["code"]) == (403, "insufficient_scope")
    assert refused["fix"]
    for stranger in (other["key"], test["key"]):
        page = stack.call("GET", "/v1/requests", key=stranger).json()
        assert key["id"] not in {each["keyId"] for each in page["requests"]}


def test_request_log__contains_refusals_of_a_revoked_key_after_the_undo(
    stack: RunningStack,
) -> None:
    key = make_key(stack)
    stack.craftkit("keys", "revoke", key["id"])
    assert stack.call("GET", "/v1/renders", key=key["key"]).status_code == 401
    stack.craftkit("keys", "undo", key["id"])
    deadline = time.monotonic() + WAIT_SECONDS
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        found = stack.call("GET", "/v1/requests?status=401", key=key["key"]).json()["requests"]
        time.sleep(0.2)
    assert [(each["code"], each["route"]) for each in found] == [
        ("invalid_credentials", "/v1/renders")
    ]
    assert found[0]["fix"].startswith("This key was revoked.")
