"""POST /v1/mcp: the tools over HTTP, each with the checks of its route."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
import pytest_socket

from craftkit.auth.principal import TOKEN_SCOPES
from craftkit.mcp import routes
from craftkit.openapi import methods_of
from craftkit.renders.models import Render
from testkit import events, generated, node
from testkit.cloud import Cloud
from testkit.project import DATA, MANIFEST, SOURCE, DemoProject
from tests.functional.conftest import Answer
from tests.functional.test_mcp import made_an_invoice, message, tool
from typesetting import typeset
from typesetting.worker import render_document

Call = Callable[..., Answer]


@pytest.fixture(autouse=True)
def functions(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The routes' functions, a worker that is always free, and the events they were sent."""
    sent: list[dict[str, Any]] = []

    def invoke(alias: str, event: dict[str, Any]) -> Any:
        sent.append(event)
        code = cloud.template.functions[alias.split(":")[6]]["CodeUri"]
        answer = cloud.invoke(code.removeprefix("functions/"), json.loads(json.dumps(event)))
        return json.loads(json.dumps(answer))

    def work(render: Render) -> Render | None:
        return render_document(render.project_id, render.id, typeset=typeset)

    monkeypatch.setattr(routes, "invoke", invoke)
    monkeypatch.setattr("craftkit.renders.dispatch.call", work)
    return sent


@pytest.fixture
def use(call: Call, project: DemoProject) -> Callable[..., Any]:
    """`use("get_template", slug="invoice")`: what the tool returned, and whether it is an error."""

    def use(name: str, *, caller: Any = project, **arguments: Any) -> tuple[bool, Any]:
        answer = call("answer_mcp", caller, body=tool(name, **arguments))
        assert answer.status == 200, answer.body
        result = answer.body["result"]
        return result["isError"], json.loads(result["content"][0]["text"])

    return use


class Caller:
    """A project's key with other scopes or templates."""

    def __init__(self, project: DemoProject, **changes: Any) -> None:
        self.id = project.id
        self.principal = replace(project.principal, **changes)


def test_answer_mcp__an_agent_makes_an_invoice_in_four_calls(
    use: Any, functions: list[dict[str, Any]]
) -> None:
    slug = use("list_templates")[1][0]["slug"]
    data = use("get_template", slug=slug)[1]["exampleData"]
    assert use("validate_data", slug=slug, data=data) == (False, {"valid": True, "issues": {}})
    is_error, render = use("create_render", slug=slug, data=data)
    assert (is_error, render["status"], render["mode"]) == (False, "succeeded", "test")
    assert render["downloadUrl"].startswith("https://")
    assert use("get_render", id=render["id"])[1]["id"] == render["id"]
    assert {event["requestContext"]["requestId"] for event in functions} == {
        "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    }


def test_answer_mcp__a_preview_is_a_picture(call: Call, project: DemoProject) -> None:
    answer = call("answer_mcp", project, body=tool("preview", slug="invoice", data=DATA))
    (image,) = answer.body["result"]["content"]
    assert image["mimeType"] == "image/png"
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("status", [202, 303])
def test_answer_mcp__a_preview_that_is_not_ready_or_too_large_says_so(
    use: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    answer = {"statusCode": status, "headers": {}, "body": ""}
    monkeypatch.setattr(routes, "invoke", lambda *_: answer)
    is_error, error = use("preview", slug="invoice", data=DATA)
    assert (is_error, error["code"]) == (True, "not_ready")
    assert "Create the render instead" in error["message"]


@pytest.mark.parametrize(
    ("name", "arguments", "scope"),
    [
        ("list_templates", {}, "templates:read"),
        ("get_template", {"slug": "invoice"}, "templates:read"),
        ("validate_data", {"slug": "invoice", "data": DATA}, "templates:read"),
        ("preview", {"slug": "invoice", "data": DATA}, "renders:write"),
        ("create_render", {"slug": "invoice", "data": DATA}, "renders:write"),
        ("get_render", {"id": "01970000-0000-7000-8000-000000000000"}, "renders:read"),
        (
            "create_template_version",
            {"slug": "invoice", "manifest": MANIFEST, "source": SOURCE},
            "templates:write",
        ),
    ],
)
def test_answer_mcp__a_tool_is_refused_as_its_route_is(
    use: Any, project: DemoProject, name: str, arguments: dict[str, Any], scope: str
) -> None:
    caller = Caller(project, scopes=frozenset(TOKEN_SCOPES) - {scope})
    is_error, error = use(name, caller=caller, **arguments)
    assert (is_error, error["code"]) == (True, "insufficient_scope")
    assert scope in error["message"]
    assert error["requestId"]


def test_answer_mcp__a_key_of_another_template_is_refused(use: Any, project: DemoProject) -> None:
    caller = Caller(project, templates=frozenset({"letter"}))
    assert use("create_render", caller=caller, slug="invoice", data=DATA)[1]["code"] == (
        "insufficient_scope"
    )
    assert use("list_templates", caller=caller) == (False, [])


def test_answer_mcp__no_api_key_can_create_a_version_and_a_token_can(
    use: Any, project: DemoProject, monkeypatch: pytest.MonkeyPatch, cloud: Cloud
) -> None:
    version = {"slug": "invoice", "manifest": MANIFEST, "source": SOURCE}
    is_error, error = use("create_template_version", **version)
    assert (is_error, error["code"]) == (True, "insufficient_scope")
    module = cloud.module("create_template_version")
    monkeypatch.setattr(module, "typeset_remotely", typeset)
    token = Caller(project, scopes=frozenset(TOKEN_SCOPES))
    is_error, made = use("create_template_version", caller=token, **version)
    assert (is_error, made["slug"], made["published"]) == (False, "invoice", False)


def test_answer_mcp__data_that_does_not_fit_is_the_result_of_the_tool(use: Any) -> None:
    is_error, error = use("create_render", slug="invoice", data={"total": "much"})
    assert (is_error, error["code"]) == (True, "invalid_input_data")
    assert "total" in error["issues"]["fieldErrors"]


@pytest.mark.parametrize("id_", ["none", "../me", "01970000-0000-7000-8000-000000000000"])
def test_answer_mcp__an_unknown_render_is_not_found(use: Any, id_: str) -> None:
    is_error, error = use("get_render", id=id_)
    assert (is_error, error["code"]) == (True, "not_found")


def test_answer_mcp__a_notification_is_202_without_a_body(call: Call, project: DemoProject) -> None:
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = call("answer_mcp", project, body=notification)
    assert (answer.status, answer.body) == (202, None)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{", {}, 400),
        ("[]", {}, 400),
        (json.dumps({"jsonrpc": "2.0"}), {}, 400),
        (json.dumps(message("ping")), {"Content-Type": "text/plain"}, 415),
        (json.dumps(message("ping")), {"MCP-Protocol-Version": "1999-01-01"}, 400),
    ],
)
def test_answer_mcp__what_is_no_message_is_refused(
    call: Call, project: DemoProject, body: str, headers: dict[str, str], status: int
) -> None:
    answer = call("answer_mcp", project, body=body, headers=headers)
    assert answer.status == status
    assert answer.body["error"]["message"]


def test_answer_mcp__there_is_no_stream_to_get_and_no_session_to_delete() -> None:
    assert methods_of("/v1/mcp") == ["OPTIONS", "POST"]


@pytest.fixture
def address(cloud: Cloud, project: DemoProject) -> Iterator[str]:
    """The route on loopback, for the official clients. Other methods are 405, as on the gateway."""
    pytest_socket.enable_socket()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            event = events.event(
                "answer_mcp", body=body, headers=dict(self.headers), principal=project.principal
            )
            event["requestContext"]["requestId"] = str(uuid4())
            answer = cloud.invoke("answer_mcp", event)
            self._send(answer["statusCode"], answer["headers"], answer["body"].encode())

        def do_GET(self) -> None:
            self._send(405, {"Allow": "POST"}, b"")

        def do_DELETE(self) -> None:
            self._send(405, {"Allow": "POST"}, b"")

        def log_message(self, *_: Any) -> None: ...

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/mcp"
    server.shutdown()
    server.server_close()
    thread.join()
    pytest_socket.disable_socket(allow_unix_socket=True)


KEY = "ck_test_x"
ENVIRONMENT = dict(os.environ)
"""As the clients' package managers need it; the stack's fixture clears it."""


def test_answer_mcp__the_official_python_client_makes_an_invoice_in_four_calls(
    address: str,
) -> None:
    with patch.dict(os.environ, ENVIRONMENT):
        made_an_invoice(json.loads(generated.run_tool("with_mcp.py", address, KEY)))


def test_answer_mcp__the_official_typescript_client_makes_an_invoice_in_four_calls(
    address: str,
) -> None:
    with patch.dict(os.environ, ENVIRONMENT):
        made_an_invoice(node.run("mcp.mjs", {"url": address, "key": KEY}))


@pytest.mark.parametrize("change", [{"id": True}, {"id": {}}, {"params": 2.5}, {"params": []}])
def test_a_malformed_message_is_400_in_the_envelope_of_the_api(
    call: Call, project: DemoProject, change: dict[str, Any]
) -> None:
    answer = call("answer_mcp", project, body=message("ping") | change)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert next(iter(change)) in answer.body["error"]["message"]
