"""Renders through the whole stack: API Gateway, queue, worker, Typst, bucket."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import requests

from local.logs import lines
from testkit.contents import places_of
from testkit.stack import RunningStack

DATA: dict[str, Any] = {
    "number": "2026-014",
    "customer": {"name": "Ada Lovelace"},
    "items": [{"name": "Analytical engine", "qty": 3, "price": "400.00"}],
    "total": "1200.00",
}
RENDER = "/v1/templates/invoice/render"


def text_of(url: str, folder: Path) -> str:
    file = folder / "render.pdf"
    file.write_bytes(requests.get(url, timeout=30).content)
    done = subprocess.run(
        ["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_queued_render_becomes_a_page_with_its_data(stack: RunningStack, tmp_path: Path) -> None:
    answer = stack.call("POST", RENDER, json={"data": DATA, "metadata": {"order": "4711"}})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    render = stack.finished(answer.json()["id"])
    assert (render["status"], render["mode"], render["pageCount"]) == ("succeeded", "live", 1)
    assert render["metadata"] == {"order": "4711"}
    text = text_of(render["downloadUrl"], tmp_path)
    for expected in ("2026-014", "Ada Lovelace", "Analytical engine", "1,200.00"):
        assert expected in text


def test_a_synchronous_render_is_200_with_its_document(stack: RunningStack, tmp_path: Path) -> None:
    answer = stack.call("POST", RENDER, json={"data": DATA, "options": {"sync": True}})
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert "Ada Lovelace" in text_of(answer.json()["downloadUrl"], tmp_path)


def test_a_test_render_has_the_watermark_and_a_live_render_does_not(stack: RunningStack) -> None:
    for key, mode in ((stack.test_key, "test"), (stack.live_key, "live")):
        body = {"data": DATA, "options": {"sync": True}}
        render = stack.call("POST", RENDER, key=key, json=body).json()
        assert render["mode"] == mode
        with pikepdf.open(BytesIO(requests.get(render["downloadUrl"], timeout=30).content)) as pdf:
            pages = [
                pikepdf.unparse_content_stream(pikepdf.parse_content_stream(page))
                for page in pdf.pages
            ]
        assert [b"/Watermark" in page for page in pages] == [mode == "test"] * len(pages)


def test_a_template_that_fails_at_run_time_fails_its_render_with_a_reason(
    stack: RunningStack, tmp_path: Path
) -> None:
    manifest, source = tmp_path / "manifest.json", tmp_path / "source.typ"
    manifest.write_text(
        '{"variables": [{"key": "parts", "label": "Parts", "dataType": "number",'
        ' "required": true, "previewData": 2}], "loops": []}'
    )
    source.write_text('#import "/craftkit.typ": *\n#(100 / int(data.parts))\n')
    stack.craftkit(
        "templates", "publish", "--project", stack.project_id, "--slug", "fragile",
        "--name", "Fragile", "--manifest", manifest, "--source", source,
    )  # fmt: skip
    answer = stack.call("POST", "/v1/templates/fragile/render", json={"data": {"parts": 0}})
    render = stack.finished(answer.json()["id"])
    assert (render["status"], render["errorCode"]) == ("failed", "template_error")
    assert "divide by zero" in render["errorMessage"]
    assert "Traceback" not in render["errorMessage"]
    assert stack.call("GET", f"/v1/renders/{render['id']}/download").status_code == 409


def test_concurrent_requests_with_one_idempotency_key_create_one_render(
    stack: RunningStack,
) -> None:
    headers = {"Idempotency-Key": "race-1"}

    def send(_: int) -> requests.Response:
        return stack.call("POST", RENDER, json={"data": DATA}, headers=headers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert sorted(answer.status_code for answer in answers).count(202) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_two_hundred_concurrent_renders_succeed_once_each(stack: RunningStack) -> None:
    def send(number: int) -> str:
        answer = stack.call("POST", RENDER, json={"data": DATA, "metadata": {"n": str(number)}})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(send, range(200)))
    assert len(set(ids)) == 200
    with ThreadPoolExecutor(4) as pool:
        renders = list(pool.map(stack.finished, ids))
    assert {render["status"] for render in renders} == {"succeeded"}
    assert {render["attempt"] for render in renders} == {1}
    assert {render["metadata"]["n"] for render in renders} == {str(n) for n in range(200)}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_request"),
        (b'{"data": {"total": NaN}}', 400, "invalid_json"),
        (b'{"data": {}}', 400, "invalid_input_data"),
        (b'{"data": "' + b"x" * 2_000_000 + b'"}', 413, "payload_too_large"),
    ],
)
def test_a_bad_body_is_a_clear_error(
    stack: RunningStack, body: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = stack.call("POST", RENDER, data=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-request-id"] == answer.json()["error"]["requestId"]


@pytest.mark.parametrize(
    ("accept", "options", "signature"),
    [
        ("application/pdf", {}, b"%PDF"),
        ("image/png", {"format": "png", "pages": "1"}, b"\x89PNG"),
        ("image/svg+xml", {"format": "svg", "pages": "1"}, b"<svg"),
    ],
)
def test_curl_gets_the_document_in_the_response(
    stack: RunningStack, tmp_path: Path, accept: str, options: dict[str, Any], signature: bytes
) -> None:
    def curl(path: str, *words: str) -> dict[str, str]:
        key = f"Authorization: Bearer {stack.live_key}"
        command = ["curl", "-sSf", f"{stack.api_url}{path}", "-H", key, "-H", f"Accept: {accept}"]
        subprocess.run([*command, "-o", "file", "-D", "headers", *words], cwd=tmp_path, check=True)
        lines = (tmp_path / "headers").read_text().splitlines()
        pairs = (line.split(": ", 1) for line in lines if ": " in line)
        return {name.lower(): value for name, value in pairs}

    body = json.dumps({"data": DATA, "options": options})
    headers = curl(RENDER, "-H", "Content-Type: application/json", "-d", body)
    made = (tmp_path / "file").read_bytes()
    assert made.startswith(signature)
    assert headers["content-type"] == accept
    assert headers["content-disposition"].startswith('inline; filename="invoice.')
    assert headers["x-craftkit-page-count"] == "1"
    id_ = headers["x-craftkit-render-id"]
    assert curl(f"/v1/renders/{id_}/download")["x-craftkit-render-id"] == id_
    assert (tmp_path / "file").read_bytes() == made


def test_a_deleted_render_is_404_and_its_content_is_removed(stack: RunningStack) -> None:
    secret = "Vertraulich-5d1c"
    data = {**DATA, "customer": {"name": secret}}
    for options in ({"filename": f"{secret}.pdf"}, {"filename": f"{secret}.png", "format": "png"}):
        body = {"data": data, "options": {**options, "sync": True}, "metadata": {"name": secret}}
        render = stack.call("POST", RENDER, json=body).json()
        path = f"/v1/renders/{render['id']}"
        assert stack.call("DELETE", path).status_code == 204
        for method in ("DELETE", "GET"):
            assert stack.call(method, path).status_code == 404
        assert requests.get(render["downloadUrl"], timeout=30).status_code in (403, 404)
    dynamodb = stack.client("dynamodb")
    for table in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            assert secret not in repr(page["Items"]), table


def test_a_render_expires_after_expires_in_seconds(stack: RunningStack) -> None:
    body = {"data": DATA, "options": {"sync": True, "expiresInSeconds": 60}}
    render = stack.call("POST", RENDER, json=body).json()
    assert render["expiresAt"] > render["createdAt"]
    dynamodb = stack.client("dynamodb")
    key = {"project_id": {"S": stack.project_id}, "render_id": {"S": render["id"]}}
    dynamodb.update_item(
        TableName=stack.outputs["RendersTable"],
        Key=key,
        UpdateExpression="SET erase_at = :past, due_at = :past",
        ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00.000Z"}},
    )
    assert stack.call("GET", f"/v1/renders/{render['id']}").status_code == 404
    stack.client("lambda").invoke(
        FunctionName=stack.outputs["RequeueStaleRendersFunctionName"], Payload=b"{}"
    )
    assert requests.get(render["downloadUrl"], timeout=30).status_code in (403, 404)


def test_a_document_is_delivered_to_a_presigned_address(stack: RunningStack) -> None:
    s3 = stack.client("s3")
    s3.create_bucket(Bucket="callers-own-storage")
    place = {"Bucket": "callers-own-storage", "Key": "in/invoice.pdf"}
    url = s3.generate_presigned_url(
        "put_object", Params={**place, "ContentType": "application/pdf"}, ExpiresIn=3600
    )
    body = {"data": DATA, "options": {"deliverTo": {"url": url}}}
    made = stack.call("POST", RENDER, json=body)
    assert (made.status_code, made.json()["delivery"]["status"]) == (202, "pending")
    deadline = time.monotonic() + 60
    while (render := stack.finished(made.json()["id"]))["delivery"]["status"] == "pending":
        assert time.monotonic() < deadline, render
        time.sleep(0.2)
    assert render["delivery"] == {"status": "delivered", "attempts": 1, "lastError": None}
    stored = s3.get_object(**place)
    assert stored["ContentType"] == "application/pdf"
    assert stored["Body"].read() == requests.get(render["downloadUrl"], timeout=30).content
    signature = url.partition("Signature=")[2].partition("&")[0]
    assert places_of(signature, stack.client) == []
    assert not [line for _, line in lines(stack.aws_endpoint_url) if signature in line]
