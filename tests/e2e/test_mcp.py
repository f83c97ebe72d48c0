"""POST /v1/mcp on the deployed stack: the official clients, through gateway, authorizer and IAM."""

import json
from typing import Any

import pytest

from testkit import generated, node
from testkit.stack import RunningStack
from tests.functional.test_mcp import made_an_invoice, tool


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_the_official_client_makes_an_invoice_in_four_calls(
    stack: RunningStack, language: str
) -> None:
    address, key = f"{stack.api_url}/v1/mcp", stack.test_key
    if language == "python":
        found = json.loads(generated.run_tool("with_mcp.py", address, key))
    else:
        found = node.run("mcp.mjs", {"url": address, "key": key})
    made_an_invoice(found)


def test_a_key_that_is_bound_to_networks_is_checked_by_the_agents_address(
    stack: RunningStack,
) -> None:
    def use(network: str) -> Any:
        made = stack.craftkit(
            "keys", "create", "--project", stack.project_id, "--name", "Agent", "--mode", "test",
            "--network", network,
        )  # fmt: skip
        return stack.call("POST", "/v1/mcp", key=made["key"], json=tool("list_templates"))

    assert use("127.0.0.0/8").json()["result"]["isError"] is False
    refused = use("203.0.113.0/24")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "network_not_allowed")


def test_there_is_no_stream_to_get(stack: RunningStack) -> None:
    answer = stack.call("GET", "/v1/mcp")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")
