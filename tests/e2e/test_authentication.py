"""Each sentence of the authentication page, at the deployed API with IAM enabled."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from craftkit.auth import api_key
from testkit.stack import RunningStack


def ask(stack: RunningStack, *headers: tuple[str, bytes]) -> tuple[int, Any, Any]:
    """GET /v1/renders with exactly these header bytes."""
    address = urlsplit(stack.api_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    try:
        connection.putrequest("GET", "/v1/renders")
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    "value", [None, b"Basic dXNlcjpwYXNz", b"Bearer", b"Bearer ", b"Bearer   ", b"ck_live_x"]
)
def test_no_bearer_token_is_401_missing_authorization(
    stack: RunningStack, value: bytes | None
) -> None:
    headers = [("Authorization", value)] if value is not None else []
    status, answered, body = ask(stack, *headers)
    assert (status, body["error"]["code"]) == (401, "missing_authorization")
    assert answered["WWW-Authenticate"] == "Bearer"
    assert answered["x-request-id"] == body["error"]["requestId"]


@pytest.mark.parametrize(
    "text", ["nope", "x" * 9_000, "ключ", "ck_live_" + "0" * 38, "ck_live_abc ck_live_abc"]
)
def test_a_malformed_key_is_401_invalid_credentials(stack: RunningStack, text: str) -> None:
    status, answered, body = ask(stack, ("Authorization", f"Bearer {text}".encode()))
    assert (status, body["error"]["code"]) == (401, "invalid_credentials")
    assert answered["WWW-Authenticate"] == "Bearer"
    assert text not in json.dumps(body, ensure_ascii=False)


def test_a_key_with_one_character_changed_is_401(stack: RunningStack) -> None:
    key = stack.live_key
    changed = key[:20] + ("a" if key[20] != "a" else "b") + key[21:]
    assert stack.call("GET", "/v1/renders", key=changed).status_code == 401


def test_an_unknown_key_is_401(stack: RunningStack) -> None:
    answer = stack.call("GET", "/v1/renders", key=api_key.mint("live", stack.stage))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_credentials")


@pytest.mark.parametrize("spaces", [1, 2])
def test_any_number_of_spaces_before_the_key_is_accepted(stack: RunningStack, spaces: int) -> None:
    header = b"Bearer" + b" " * spaces + stack.live_key.encode()
    assert ask(stack, ("authorization", header))[0] == 200


def test_the_next_request_after_a_revocation_is_401(stack: RunningStack) -> None:
    words = ("--project", stack.project_id, "--name", "short-lived", "--mode", "test")
    for _ in range(3):
        made = stack.craftkit("keys", "create", *words)
        assert stack.call("GET", "/v1/renders", key=made["key"]).status_code == 200
        stack.craftkit("keys", "revoke", made["id"])
        answer = stack.call("GET", "/v1/renders", key=made["key"])
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_credentials")


def test_a_lost_key_cannot_be_recovered_from_the_table(stack: RunningStack) -> None:
    rows = stack.client("dynamodb").scan(TableName=stack.outputs["KeysTable"])["Items"]
    kept = json.dumps(rows)
    assert api_key.hash_of(stack.live_key) in kept
    assert stack.live_key not in kept


def test_a_key_cannot_change_templates_or_create_keys(stack: RunningStack) -> None:
    version = {"manifest": {"variables": []}}
    for method, path, body, refusal in (
        ("PUT", "/v1/templates/invoice", {}, (405, "method_not_allowed")),
        ("DELETE", "/v1/templates/invoice", {}, (405, "method_not_allowed")),
        ("POST", "/v1/templates", {}, (405, "method_not_allowed")),
        ("POST", "/v1/templates/invoice/versions", version, (403, "insufficient_scope")),
        ("POST", "/v1/templates/invoice/versions/1/publish", {}, (403, "insufficient_scope")),
        ("POST", "/v1/keys", {}, (404, "not_found")),
        ("POST", "/v1/projects", {}, (404, "not_found")),
        ("POST", "/v1/webhooks", {}, (404, "not_found")),
    ):
        answer = stack.call(method, path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == refusal, path


def test_resources_of_another_project_are_404(stack: RunningStack) -> None:
    other = stack.craftkit("projects", "create", "--empty", "--name", "Other")["id"]
    words = ("--project", other, "--name", "other", "--mode", "live")
    key = stack.craftkit("keys", "create", *words)["key"]
    own = stack.call("GET", "/v1/renders").json()["renders"][0]["id"]
    assert stack.call("GET", f"/v1/renders/{own}", key=key).status_code == 404
    assert stack.call("GET", "/v1/renders", key=key).json()["renders"] == []
    body = {"data": {}}
    foreign = stack.call("POST", "/v1/templates/invoice/render", key=key, json=body)
    missing = stack.call("POST", "/v1/templates/no-such/render", key=key, json=body)
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["error"]["code"] == missing.json()["error"]["code"]
    assert foreign.json()["error"]["message"] == missing.json()["error"]["message"]


def test_a_table_that_cannot_be_reached_is_5xx_and_never_401(stack: RunningStack) -> None:
    functions = stack.client("lambda")
    name = stack.deployed.physical_ids("AWS::Lambda::Function")["AuthorizeFunction"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    broken = {**variables, "KEYS_TABLE": "no-such-table"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": broken})
    try:
        answer = stack.call("GET", "/v1/renders")
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
        assert answer.headers["x-request-id"]
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )
    assert stack.call("GET", "/v1/renders").status_code == 200
