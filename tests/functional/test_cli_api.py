"""The commands that need an API key and no AWS credentials, against the API on loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
from standardwebhooks import Webhook

from craftkit.templates import gallery
from craftkit.templates.data import validate_data
from craftkit.templates.models import read_manifest
from craftkit_cli import main as cli
from craftkit_cli import types
from craftkit_cli.local_stack import local_stack
from testkit.loopback import LoopbackReceiver
from tests.sdks.stub import PDF, Stub, error

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["customer", "items"],
    "properties": {
        "customer": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string", "title": "Customer"}},
        },
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["qty"],
                "properties": {"qty": {"type": "number"}, "unit-price": {"type": "string"}},
            },
        },
        "total": {"anyOf": [{"type": "number"}, {"type": "string"}]},
        "paid": {"type": "boolean"},
        "tier": {"enum": ["a", "b"]},
    },
}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    pytest_socket.enable_socket()
    made = Stub()
    monkeypatch.setenv("CRAFTKIT_API_KEY", "ck_test_x")
    monkeypatch.setenv("CRAFTKIT_BASE_URL", made.url)

    def refuse(_stage: str) -> str:
        raise AssertionError("this command must not ask for AWS")

    monkeypatch.setattr(cli, "connect", refuse)
    yield made
    made.stop()
    pytest_socket.disable_socket(allow_unix_socket=True)


def craftkit(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, Any]:
    capsys.readouterr()
    code = cli.main(words)
    out, failed = capsys.readouterr()
    return code, out, json.loads(failed) if failed.startswith("{") else failed


def test_render__saves_the_document_of_a_data_file(
    stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data, out = tmp_path / "data.json", tmp_path / "out.pdf"
    data.write_text('{"total": 42}')
    code, printed, _ = craftkit(
        capsys, "render", "invoice", "--data", str(data), "-o", str(out), "--metadata", "order=1"
    )
    assert code == 0
    assert (json.loads(printed)["status"], json.loads(printed)["file"]) == ("succeeded", str(out))
    assert out.read_bytes() == PDF
    assert stub.bodies[0] == {"data": {"total": 42}, "metadata": {"order": "1"}}


def test_render__without_data_uses_the_preview_data(
    stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert craftkit(capsys, "render", "invoice")[0] == 0
    assert (tmp_path / "invoice.pdf").read_bytes() == PDF
    assert stub.bodies[1] == {"data": {"total": 42}}


def test_render__invalid_json_is_reported_with_file_line_and_mistake(
    stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "data.json"
    data.write_text('{\n  "total": 42,\n}')
    code, _, failed = craftkit(capsys, "render", "invoice", "--data", str(data))
    assert (code, failed["error"]["code"]) == (1, "invalid_json")
    assert failed["error"]["message"] == (
        f"The file {data} is not valid JSON. Line 2, column 14: a trailing comma before }}."
    )


def test_render__an_error_of_the_api_is_printed_unchanged(
    stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.answer(404, error("template_not_found", "No such template."))
    code, out, failed = craftkit(capsys, "render", "invoice")
    assert (code, out) == (1, "")
    assert failed["error"]["code"] == "template_not_found"
    assert failed["error"]["requestId"] == "r-1"
    stub.failure = ("template_error", "unknown variable: totl")
    code, _, failed = craftkit(capsys, "render", "invoice")
    assert (code, failed["error"]["code"]) == (1, "template_error")


def test_no_key__names_the_variable_to_set(
    stub: Stub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CRAFTKIT_API_KEY")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("craftkit_cli.local_stack.__file__", str(tmp_path / "a" / "b" / "c.py"))
    _, _, failed = craftkit(capsys, "render", "invoice")
    assert "CRAFTKIT_API_KEY" in failed["error"]["message"]


def test_no_key__a_stack_file_of_another_machine_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stack file of another user in the folder must not redirect the command's requests."""
    monkeypatch.delenv("CRAFTKIT_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("craftkit_cli.local_stack.__file__", str(tmp_path / "a" / "b" / "c.py"))
    ours = {
        "apiUrl": "http://localhost:3000",
        "awsEndpointUrl": "http://127.0.0.1:4566",
        "keys": {"test": "ck_test_x"},
    }
    file = tmp_path / ".local" / "stack.json"
    file.parent.mkdir()
    for name in ("apiUrl", "awsEndpointUrl"):
        file.write_text(json.dumps({**ours, name: "https://localhost.example.com"}))
        assert local_stack() is None
    file.write_text(json.dumps(ours))
    assert local_stack() == ours


def test_templates__list_and_get_call_the_api(
    stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.answer(200, {"templates": [{"slug": "a", "name": "A", "latestVersion": 1}]})
    _, out, _ = craftkit(capsys, "templates", "list")
    assert json.loads(out)["templates"] == [{"slug": "a", "name": "A", "latestVersion": 1}]
    _, out, _ = craftkit(capsys, "templates", "get", "invoice")
    assert json.loads(out)["slug"] == "invoice"


def test_types__describe_the_data_in_both_languages(
    stub: Stub, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stub.answer(200, {"slug": "invoice", "jsonSchema": SCHEMA})
    _, out, _ = craftkit(capsys, "types", "invoice")
    for line in (
        "export interface Invoice {",
        "  customer: InvoiceCustomer;",
        "  items: InvoiceItemsItem[];",
        "  total?: number | string;",
        '  tier?: "a" | "b";',
        '  "unit-price"?: string;',
    ):
        assert line in out.splitlines()
    file = tmp_path / "invoice_data.py"
    file.write_text(types.python("invoice", SCHEMA) + "\nvalue: Invoice = SAMPLE  # noqa\n")
    text = file.read_text().replace(
        "SAMPLE", '{"customer": {"name": "Ada"}, "items": [{"qty": 1, "unit-price": "2"}]}'
    )
    file.write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "/dev/null", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    file.write_text(text.replace('"qty": 1', '"qty": "one"'))
    assert subprocess.run(command, capture_output=True, cwd=tmp_path).returncode == 1


def test_listen__forwards_each_event_once_with_a_webhook_signature(
    stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = LoopbackReceiver([500])
    ended = {
        "id": "019cec2a-7a10-7c44-8f21-1d2e3f405162",
        "status": "succeeded",
        "attempt": 1,
        "completedAt": "2026-03-14T12:00:00.000Z",
        "downloadUrl": "https://signed",
    }
    secret = "whsec_" + "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
    stub.answer(200, {"keyId": "k", "projectId": "p-1"})
    stub.answer(200, {"renders": [ended, {**ended, "status": "queued"}], "nextCursor": None})
    code, out, _ = craftkit(
        capsys, "listen", "--forward", receiver.url, "--secret", secret,
        "--since", "2026-03-14T11:00:00Z", "--once",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out.splitlines()[0])["status"] == 500
    (arrival,) = receiver.wait_for(1)
    event = Webhook(secret).verify(arrival.body, arrival.headers)
    assert event["type"] == "render.succeeded"
    assert event["data"]["projectId"] == "p-1"
    assert "downloadUrl" not in event["data"]
    stub.answer(200, {"keyId": "k", "projectId": "p-1"})
    stub.answer(200, ended)
    words = ("--forward", receiver.url, "--secret", secret, "--replay", ended["id"])
    _, out, _ = craftkit(capsys, "listen", *words)
    replayed = receiver.wait_for(2)[1]
    assert replayed.headers["webhook-id"] == arrival.headers["webhook-id"]
    assert json.loads(out)["status"] == 200


@pytest.mark.parametrize("slug", gallery.SLUGS)
def test_templates_new__writes_a_complete_template(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, slug: str
) -> None:
    folder = tmp_path / "mine"
    code, out, _ = craftkit(capsys, "templates", "new", str(folder), "--from", slug)
    written = json.loads(out)
    assert (code, written["from"]) == (0, slug)
    manifest = read_manifest(json.loads(Path(written["manifest"]).read_text()))
    assert Path(written["source"]).read_text() == gallery.load(slug).source
    sent = json.loads(Path(written["data"]).read_text())
    assert validate_data(manifest, sent)
    code, _, failed = craftkit(capsys, "templates", "new", str(folder), "--from", slug)
    assert (code, "exists already" in failed["error"]["message"]) == (1, True)
