"""Batches on the deployed stack: the commands of the page and their results."""

import json
import os
import re
import subprocess
import time
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import requests

from testkit.stack import RunningStack
from tools.site import text_of

_ANSWER = re.compile(r"^→.*\n?", re.MULTILINE)


def commands() -> list[str]:
    """The commands of docs/batches.md, in their order."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text_of("batches"), re.MULTILINE | re.DOTALL)
    shell = "".join(block for language, block in blocks if language in ("", "sh"))
    lines = _ANSWER.sub("", shell).replace("curl ", "\0curl ").split("\0")
    return [line.strip() for line in lines if line.strip()]


def run(stack: RunningStack, command: str, cwd: Path | None = None, **variables: str) -> Any:
    done = subprocess.run(
        ["sh", "-c", command.replace("https://api.craftkit.dev", stack.api_url)],
        env=os.environ | {"CRAFTKIT_API_KEY": stack.test_key} | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=cwd,
    )
    return json.loads(done.stdout) if done.stdout else None


def test_the_commands_of_the_page_create_a_batch_and_list_its_documents(
    stack: RunningStack,
) -> None:
    create, _, _, _, read, items, invalid, cancel, retry = commands()
    made = run(stack, create)
    assert (made["status"], made["counts"]["total"]) == ("running", 2)
    stack.finished_batch(made["id"], key=stack.test_key)
    batch = run(stack, read, BATCH_ID=made["id"])
    assert (batch["status"], batch["counts"]["succeeded"]) == ("completed", 2)
    listed = run(stack, items, BATCH_ID=made["id"])["items"]
    assert [each["jobId"] for each in listed] == ["order-4711", None]
    document = requests.get(listed[1]["downloadUrl"], timeout=30)
    assert document.content.startswith(b"%PDF")
    assert "hopper.pdf" in document.headers["content-disposition"]
    assert run(stack, invalid, BATCH_ID=made["id"])["items"] == []
    for command, code in ((cancel, "not_cancellable"), (retry, "conflict")):
        assert run(stack, command, BATCH_ID=made["id"])["error"]["code"] == code


def test_the_commands_of_the_page_render_a_csv_file_into_a_zip_file(
    stack: RunningStack, tmp_path: Path
) -> None:
    _, create, upload, start, *_ = commands()
    rows = [f"order-{n},Ada,42.50,Notes,1" for n in range(1, 121)]
    content = "\n".join(["Order,Customer,Amount,Item,Quantity", *rows, "order-x,,,,"])
    (tmp_path / "invoices.csv").write_text(content, encoding="utf-8")
    made = run(stack, create)
    assert made["status"] == "awaiting_upload"
    run(stack, upload, cwd=tmp_path, UPLOAD_URL=made["uploadUrl"])
    assert run(stack, start, BATCH_ID=made["id"])["status"] == "checking"
    batch = stack.finished_batch(made["id"], key=stack.test_key)
    assert batch["status"] == "completed"
    assert (batch["counts"]["succeeded"], batch["counts"]["invalid"]) == (120, 1)
    archive = ZipFile(BytesIO(requests.get(batch["resultUrl"], timeout=60).content))
    assert archive.testzip() is None
    assert len(archive.namelist()) == 121
    assert archive.read("invoice-000001.pdf").startswith(b"%PDF")
    lines = archive.read("manifest.ndjson").splitlines()
    assert json.loads(lines[119])["jobId"] == "order-120"


def test_usage_counts_each_document_of_a_batch_once(stack: RunningStack) -> None:
    made = stack.craftkit(
        "keys", "create", "--project", stack.project_id, "--name", "Batches", "--mode", "live"
    )

    def counted() -> int:
        usage = stack.call("GET", "/v1/usage", key=made["key"]).json()["usage"]
        return sum(row["renders"] for row in usage if row["keyId"] == made["id"])

    data = {"customer": {"name": "Ada"}, "items": [], "total": 1}
    options = {"invoice": False}
    body = {"templateSlug": "invoice", "items": [{"data": data}] * 120, "options": options}
    batch = stack.call("POST", "/v1/batches", key=made["key"], json=body).json()
    assert stack.finished_batch(batch["id"], key=made["key"])["counts"]["succeeded"] == 120
    deadline = time.monotonic() + 90
    while counted() < 120 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert counted() == 120
