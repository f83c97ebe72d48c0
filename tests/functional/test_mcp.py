"""`craftkit mcp`: the protocol message by message, and with both official clients."""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_socket

from craftkit.mcp.protocol import VERSIONS
from craftkit_cli import main as cli
from testkit import generated, node
from tests.sdks.stub import Stub, error

MANIFEST = {
    "variables": [{"key": "total", "label": "Total", "dataType": "currency", "required": True}]
}
TEMPLATE = {
    "slug": "invoice",
    "name": "Invoice",
    "latestVersion": 1,
    "jsonSchema": {"type": "object"},
    "manifest": MANIFEST,
    "previewData": {"data": {"total": 42}},
}
TOOLS = [
    "list_templates",
    "get_template",
    "validate_data",
    "preview",
    "create_render",
    "get_render",
    "create_template_version",
]


class McpStub(Stub):
    """The API, with a template that has a manifest."""

    def _read(self, method: str, path: str) -> tuple[int | None, Any, dict[str, str]]:
        if path.split("?")[0] == "/v1/templates/invoice":
            return 200, TEMPLATE, {}
        return super()._read(method, path)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    pytest_socket.enable_socket()
    made = McpStub()
    monkeypatch.setenv("CRAFTKIT_API_KEY", "ck_test_x")
    monkeypatch.setenv("CRAFTKIT_BASE_URL", made.url)
    yield made
    made.stop()
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture
def talk(stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def send(*lines: object) -> list[Any]:
        """The responses to these messages; text is sent as it is."""
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        given = io.TextIOWrapper(io.BytesIO("\n".join(texts).encode() + b"\n"))
        monkeypatch.setattr(sys, "stdin", given)
        capsys.readouterr()
        assert cli.main(["mcp"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return send


def message(method: str, id_: object = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def tool(name: str, **arguments: Any) -> dict[str, Any]:
    return message("tools/call", name=name, arguments=arguments)


def content(answers: list[Any]) -> tuple[bool, Any]:
    result = answers[0]["result"]
    return result["isError"], json.loads(result["content"][0]["text"])


def test_mcp__agrees_on_a_version_and_names_its_tools(talk: Any) -> None:
    first, second, listed = talk(
        message("initialize", protocolVersion=VERSIONS[-1]),
        message("initialize", 2, protocolVersion="1999-01-01"),
        message("tools/list", "three"),
    )
    assert first["result"]["protocolVersion"] == VERSIONS[-1]
    assert second["result"]["protocolVersion"] == VERSIONS[0]
    assert listed["id"] == "three"
    assert [each["name"] for each in listed["result"]["tools"]] == TOOLS


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", -32700),
        ("[]", -32600),
        ('{"jsonrpc": "2.0", "id": 1}', -32600),
        (message("prompts/list"), -32601),
        (message("tools/call", name="none"), -32602),
        (tool("get_template"), -32602),
        (tool("get_template", slug="a", more=1), -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, -32600),
    ],
)
def test_mcp__an_invalid_message_has_an_error_and_the_next_is_answered(
    talk: Any, line: object, code: int
) -> None:
    refused, answered = talk(line, message("ping"))
    assert refused["error"]["code"] == code
    assert answered["result"] == {}


def test_mcp__notifications_and_responses_have_no_answer(talk: Any) -> None:
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert talk(notification, {"jsonrpc": "2.0", "id": 7, "result": {}}, "") == []


def test_mcp__invalid_data_names_the_field_and_renders_nothing(talk: Any, stub: Stub) -> None:
    answer = content(talk(tool("validate_data", slug="invoice", data={"total": "much"})))
    assert answer == (False, {"valid": False, "issues": {"total": ["Must be a number"]}})
    assert stub.renders == {}


def test_mcp__an_error_of_the_api_is_the_result_of_the_tool(talk: Any, stub: Stub) -> None:
    refusal = error("insufficient_scope", "The key has no scope templates:write.")
    stub.answer(403, refusal)
    version = {"slug": "invoice", "manifest": MANIFEST, "source": "= A"}
    is_error, found = content(talk(tool("create_template_version", **version)))
    assert (is_error, found["code"]) == (True, "insufficient_scope")
    assert stub.bodies[-1] == {"manifest": MANIFEST, "source": "= A", "publish": False}


def test_mcp__a_failed_render_returns_its_reason(talk: Any, stub: Stub) -> None:
    stub.failure = ("template_error", "unknown variable: totl")
    is_error, found = content(talk(tool("create_render", slug="invoice", data={"total": 1})))
    assert (is_error, found["code"]) == (True, "template_error")


def test_mcp__a_preview_is_an_image_whose_render_expires_soon(talk: Any, stub: Stub) -> None:
    (answer,) = talk(tool("preview", slug="invoice", data={"total": 1}))
    assert answer["result"]["content"][0]["mimeType"] == "image/png"
    (sent,) = [body["options"] for body in stub.bodies if body]
    assert (sent["format"], sent["pages"], sent["expiresInSeconds"]) == ("png", "1", 60)


def made_an_invoice(found: Any) -> None:
    assert found["tools"] == TOOLS
    assert found["valid"] == {"valid": True, "issues": {}}
    assert found["render"]["status"] == "succeeded"
    assert found["render"]["downloadUrl"]
    assert found["image"] == "image"
    assert (found["refused"][0], found["refused"][1]["code"]) == (True, "not_found")


def command() -> str:
    return str(Path(sys.executable).parent / "craftkit")


def test_mcp__the_official_python_client_makes_an_invoice_in_four_calls(stub: Stub) -> None:
    made_an_invoice(json.loads(generated.run_tool("with_mcp.py", command())))


def test_mcp__the_official_typescript_client_makes_an_invoice_in_four_calls(stub: Stub) -> None:
    names = ("CRAFTKIT_API_KEY", "CRAFTKIT_BASE_URL", "PATH")
    environment = {name: os.environ[name] for name in names}
    made_an_invoice(node.run("mcp.mjs", {"command": command(), "environment": environment}))
