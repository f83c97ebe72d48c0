"""The Python client against the API on loopback, with faults."""

import asyncio
import base64
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
from standardwebhooks import Webhook

from craftkit_sdk import (
    AsyncCraftkit,
    BatchFailedError,
    ConflictError,
    ConnectionFailedError,
    Craftkit,
    InvalidRequestError,
    InvalidSignatureError,
    NotFoundError,
    RateLimitedError,
    RenderFailedError,
    WaitTimeoutError,
)
from tests.sdks.stub import PDF, Stub, error
from tools.sync_client import PACKAGE, sync_client

README = Path(__file__).parents[2] / "sdks" / "python" / "README.md"
DATA = {"total": 42}


@pytest.fixture(autouse=True)
def loopback() -> Iterator[None]:
    pytest_socket.enable_socket()
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    yield made
    made.stop()


@pytest.fixture
def client(stub: Stub) -> Iterator[Craftkit]:
    with Craftkit("ck_test_x", base_url=stub.url) as made:
        yield made


def test_create_wait_save__writes_the_document(
    client: Craftkit, stub: Stub, tmp_path: Path
) -> None:
    render = client.renders.create("invoice", DATA, filename="a.pdf", metadata={"order": "1"})
    assert render.status == "queued"
    assert render.wait().status == "succeeded"
    assert render.save(tmp_path / "invoice.pdf").read_bytes() == PDF
    assert stub.bodies[0] == {
        "data": DATA, "metadata": {"order": "1"}, "options": {"filename": "a.pdf"},
    }  # fmt: skip
    assert stub.headers[0]["authorization"] == "Bearer ck_test_x"
    assert stub.headers[0]["idempotency-key"]
    assert "authorization" not in stub.headers[-1]  # the document's address is signed


def test_document__is_the_response_or_the_redirect_or_the_finished_render(
    client: Craftkit, stub: Stub
) -> None:
    stub.answer(200, PDF)
    assert client.renders.document("invoice", DATA, store=False) == PDF
    assert stub.bodies[0] == {"data": DATA, "options": {"store": False}}
    assert stub.headers[0]["accept"] == "application/pdf"
    stub.answer(303, None, Location=f"{stub.url}/document/1")
    assert client.renders.document("invoice", DATA) == PDF
    assert client.renders.document("invoice", DATA, options={"format": "png"}) == PDF
    assert "image/png" in [headers.get("accept") for headers in stub.headers]


def test_batches__items_are_rendered_listed_and_saved(
    client: Craftkit, stub: Stub, tmp_path: Path
) -> None:
    batch = client.batches.create("invoice", [{"data": DATA}] * 2, output="zip", on_invalid="skip")
    assert stub.bodies[0] == {
        "templateSlug": "invoice",
        "items": [{"data": DATA}] * 2,
        "output": "zip",
        "onInvalid": "skip",
    }
    assert stub.headers[0]["idempotency-key"]
    assert batch.wait().status == "completed"
    assert [item["row"] for item in batch.items(status="succeeded")] == [1, 2]
    assert batch.save(tmp_path / "invoices.zip").read_bytes() == PDF
    assert "authorization" not in stub.headers[-1]  # the file's address is signed
    assert batch.retry().status == "running"
    assert batch.cancel().status == "cancelled"
    with pytest.raises(BatchFailedError):
        stub.batch["resultUrl"] = None
        batch.save(tmp_path / "invoices.zip")
    assert [each.id for each in client.batches.list()] == [client.batches.get("b").id]


def test_batches__a_file_is_uploaded_and_started(
    client: Craftkit, stub: Stub, tmp_path: Path
) -> None:
    file = tmp_path / "invoices.csv"
    file.write_bytes(b"Amount\n42\n")
    batch = client.batches.upload("invoice", file, mapping={"total": "Amount"})
    assert batch.status == "running"
    assert stub.bodies[0]["upload"] == {"format": "csv", "mapping": {"total": "Amount"}}
    assert stub.bodies[1] == b"Amount\n42\n"
    assert "authorization" not in stub.headers[1]
    assert stub.calls["POST /v1/batches/b/start"] == 1


def test_batches__the_asynchronous_client_does_the_same(stub: Stub, tmp_path: Path) -> None:
    file = tmp_path / "invoices.ndjson"
    file.write_text(json.dumps({"data": DATA}), encoding="utf-8")

    async def run() -> None:
        async with AsyncCraftkit("ck_test_x", base_url=stub.url) as client:
            batch = await client.batches.upload("invoice", file)
            assert (await batch.wait()).status == "completed"
            assert [item["row"] async for item in batch.items()] == [1, 2]
            saved = await batch.save(tmp_path / "invoices.zip")
            assert saved.read_bytes() == PDF
            assert (await client.batches.create("invoice", [{"data": DATA}])).status == "running"
            assert [each.id async for each in client.batches.list()] == ["b"]

    asyncio.run(run())


def test_5000_creates__with_a_tenth_of_faults_make_exactly_5000_renders() -> None:
    stub = Stub(fault_rate=0.1)
    client = Craftkit("ck_test_x", base_url=stub.url, max_retries=8)
    with client, ThreadPoolExecutor(8) as pool:
        calls = pool.map(lambda n: client.renders.create("invoice", {"n": n}).id, range(5000))
        made = list(calls)
    stub.stop()
    assert len(set(made)) == len(stub.renders) == 5000
    assert stub.calls["POST /v1/templates/invoice/render"] > 5300


def test_async__500_creates_with_faults_make_exactly_500_renders(tmp_path: Path) -> None:
    stub = Stub(fault_rate=0.1)

    async def run() -> list[str]:
        async with AsyncCraftkit("ck_test_x", base_url=stub.url, max_retries=8) as client:
            gate = asyncio.Semaphore(10)

            async def one(number: int) -> str:
                async with gate:
                    return (await client.renders.create("invoice", {"n": number})).id

            made = await asyncio.gather(*(one(number) for number in range(500)))
            render = await client.renders.get(made[0])
            await render.save(tmp_path / "a.pdf")
            listed = [each.id async for each in client.renders.list(template="invoice")]
            assert sorted(listed) == sorted(made)
            assert (await client.me())["mode"] == "test"
            return made

    made = asyncio.run(run())
    stub.stop()
    assert len(set(made)) == len(stub.renders) == 500
    assert (tmp_path / "a.pdf").read_bytes() == PDF


def test_retry__waits_as_long_as_retry_after_says(client: Craftkit, stub: Stub) -> None:
    stub.answer(429, error("rate_limited", "Too many."), Retry_After="1")
    began = time.monotonic()
    client.renders.create("invoice", DATA)
    assert 1.0 <= time.monotonic() - began < 3
    keys = {headers["idempotency-key"] for headers in stub.headers}
    assert len(keys) == 1


def test_retry__a_wait_of_hours_raises_at_once(client: Craftkit, stub: Stub) -> None:
    stub.answer(429, error("quota_exceeded", "Used up."), Retry_After="7200")
    with pytest.raises(RateLimitedError) as refused:
        client.renders.create("invoice", DATA)
    assert (refused.value.code, refused.value.retry_after) == ("quota_exceeded", 7200)
    assert refused.value.request_id == "r-1"


def test_retry__a_call_that_is_not_idempotent_is_retried_only_if_it_had_no_effect(
    client: Craftkit, stub: Stub
) -> None:
    stub.answer(503, error("queue_unavailable", "Later."), Retry_After="0")
    session = client.embed.sessions.create(tenant={}, actor={}, scope={})
    assert session["session_id"] == "s"
    stub.answer(500, error("internal", "?"))
    with pytest.raises(Exception, match="internal"):
        client.embed.sessions.refresh("ert_x")
    client.embed.sessions.revoke("s")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_input_data", InvalidRequestError),
        (404, "template_not_found", NotFoundError),
        (409, "idempotency_conflict", ConflictError),
    ],
)
def test_errors__have_their_class_code_and_request_id(
    client: Craftkit, stub: Stub, status: int, code: str, kind: Any
) -> None:
    issues = {"formErrors": [], "fieldErrors": {"total": ["Required"]}}
    stub.answer(status, error(code, "No.", issues=issues, docUrl="https://x"))
    with pytest.raises(kind) as refused:
        client.renders.create("invoice", {})
    found = refused.value
    assert (found.status, found.code, found.request_id) == (status, code, "r-1")
    assert (found.field_errors, found.doc_url) == ({"total": ["Required"]}, "https://x")
    assert "total: Required" in str(found)


def test_a_failed_render__raises_for_sync_and_for_wait(client: Craftkit, stub: Stub) -> None:
    stub.failure = ("template_error", "unknown variable: totl")
    with pytest.raises(RenderFailedError, match="unknown variable") as failed:
        client.renders.create("invoice", DATA).wait()
    assert failed.value.code == "template_error"
    render = {"id": "1", "status": "failed", "errorCode": "template_error"}
    stub.answer(422, error("render_failed", "It failed.", render=render))
    with pytest.raises(RenderFailedError) as failed:
        client.renders.create("invoice", DATA, sync=True)
    assert failed.value.request_id == "r-1"


def test_wait__a_render_that_is_not_finished_in_time_continues(
    client: Craftkit, stub: Stub
) -> None:
    stub._polls = 1000
    render = client.renders.create("invoice", DATA)
    with pytest.raises(WaitTimeoutError):
        render.wait(timeout=0.2)
    assert render.cancel().status == "cancelled"
    with pytest.raises(RenderFailedError):
        render.wait()


def test_an_unreachable_api__raises_one_error_after_all_retries() -> None:
    client = Craftkit("k", base_url="http://127.0.0.1:1", max_retries=1)
    with client, pytest.raises(ConnectionFailedError):
        client.me()


def test_list__reads_every_page(client: Craftkit) -> None:
    made = {client.renders.create("invoice", DATA).id for _ in range(5)}
    assert {render.id for render in client.renders.list(status="queued")} == made


def test_webhooks__only_valid_signatures_are_accepted() -> None:
    secret = "whsec_" + base64.b64encode(b"x" * 32).decode()
    body = json.dumps({"type": "render.succeeded", "data": {"id": "1"}})
    now = int(time.time())
    signature = Webhook(secret).sign("evt", datetime.fromtimestamp(now, UTC), body)
    headers = {
        "Webhook-Id": "evt", "Webhook-Timestamp": str(now),
        "Webhook-Signature": f"v1,b3RoZXI= {signature}",
    }  # fmt: skip
    verify = Craftkit.webhooks.verify
    assert verify(body.encode(), headers, secret)["type"] == "render.succeeded"
    for wrong in (
        {"body": body + " "},
        {"secret": "whsec_" + base64.b64encode(b"y" * 32).decode()},
        {"now": now + 301.0},
        {"headers": {**headers, "Webhook-Timestamp": str(now - 1)}},
        {"headers": {}},
    ):
        how: dict[str, Any] = {"body": body, "headers": headers, "secret": secret, **wrong}
        with pytest.raises(InvalidSignatureError):
            verify(**how)


def snippets() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(len(snippets())))
def test_readme__its_snippets_run_as_printed(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    monkeypatch.setenv("CRAFTKIT_API_KEY", "ck_test_x")
    monkeypatch.setenv("CRAFTKIT_BASE_URL", stub.url)
    monkeypatch.chdir(tmp_path)
    secret = "whsec_" + base64.b64encode(b"x" * 32).decode()
    monkeypatch.setenv("CRAFTKIT_WEBHOOK_SECRET", secret)
    body, now = b'{"type": "render.succeeded", "data": {"id": "1"}}', datetime.now(UTC)
    headers = {
        "webhook-id": "evt", "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("evt", now, body.decode()),
    }  # fmt: skip
    code = compile(snippets()[number], f"{README.name}[{number}]", "exec")
    exec(code, {"__name__": "readme", "body": body, "headers": headers})


def test_the_synchronous_client_is_current() -> None:
    assert (PACKAGE / "_sync.py").read_text(encoding="utf-8") == sync_client()
