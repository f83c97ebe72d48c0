"""Acceptance test of a deployed stage, from outside, with HTTP and the operator's CLI.

It renders a document as a caller does, and checks responses that only API Gateway itself returns.
It leaves a project with a few test renders and without a key.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import boto3

from deployment.stacks import stack_name
from deployment.workspace import BIN, ROOT, TaskError

BODY_LIMIT_BYTES = 1024 * 1024
# API Gateway refuses a larger payload itself.
GATEWAY_LIMIT_BYTES = 10 * 1024 * 1024

_INVOICE = ROOT / "layers" / "craftkit" / "craftkit" / "templates" / "gallery" / "invoice"
_RENDER = "/v1/templates/invoice/render"
_RENDER_SECONDS = 60

Json = dict[str, Any]


def accept(stage: str, say: Callable[[str], None] = print) -> None:
    """Test a stage with the AWS credentials of the environment.

    Raises:
        TaskError: a response was not as expected. The message has the first such response.
    """
    url = _public_url(stage)
    _expect(_call(url, "/health")[0] == 200, "GET /health is not answered 200")
    say(f"  {url} answers")
    project = _craftkit(stage, "projects", "create", "--empty", "--name", "Acceptance")["id"]
    _craftkit(
        stage, "templates", "publish", "--project", project, "--slug", "invoice",
        "--name", "Invoice", "--manifest", str(_INVOICE / "manifest.json"),
        "--source", str(_INVOICE / "source.typ"),
    )  # fmt: skip
    say("  a template is published")
    key = _craftkit(
        stage, "keys", "create", "--project", project, "--name", "Acceptance", "--mode", "test"
    )
    try:
        _try_render(url, key["key"])
        say("  a document is rendered, and downloaded in the stage's region")
        _try_gateway(url, key["key"])
        say("  the gateway's own answers have the error envelope")
        _try_bodies(url, key["key"])
        say("  a body of 1 MiB is read, and a larger one refused")
    finally:
        _craftkit(stage, "keys", "revoke", key["id"])
    _expect_refusal(
        _call(url, "/v1/renders", key["key"]), 401, "invalid_credentials", "revoked key"
    )
    say("  a revoked key is refused at once")


def _try_render(url: str, key: str) -> None:
    status, render = _call(url, _RENDER, key, _body({"sync": True}))
    _expect(status in (200, 202), f"a render is answered {status}: {render}")
    deadline = time.monotonic() + _RENDER_SECONDS
    while render["status"] in ("queued", "rendering") and time.monotonic() < deadline:
        time.sleep(0.5)
        render = _call(url, f"/v1/renders/{render['id']}", key)[1]
    _expect(render["status"] == "succeeded", f"the render is {render['status']}: {render}")
    _try_download(render["downloadUrl"])


def _try_download(address: str) -> None:
    """Check that signed URLs use the region's host: the global host fails in newer regions."""
    host, region = str(urlsplit(address).hostname), boto3.Session().region_name
    if host.endswith(".amazonaws.com"):
        _expect(f".s3.{region}." in host, f"documents are downloaded from {host}")
    with urllib.request.urlopen(address, timeout=60) as document:  # noqa: S310 the stage's own
        _expect(document.url == address, "a download is redirected")
        _expect(document.read(5) == b"%PDF-", "a downloaded document is not a PDF")


def _try_gateway(url: str, key: str) -> None:
    """Check the responses that API Gateway returns without invoking a function."""
    nowhere = "/v1/there-is-no-such-route"
    _expect_refusal(_call(url, "/v1/renders"), 401, "missing_authorization", "call without a key")
    _expect_refusal(_call(url, nowhere), 404, "not_found", "unknown route")
    _expect_refusal(_call(url, nowhere, key), 404, "not_found", "unknown route with a key")
    # Without `OpenApiVersion`, SAM deploys the API a second time, past firewall and throttle.
    copy = urlsplit(url)._replace(path="").geturl()
    status, _ = _call(copy, "/Stage/health")
    _expect(status in (403, 404), f"/Stage/health is answered {status}: there is a second copy")


def _try_bodies(url: str, key: str) -> None:
    status, answer = _call(url, _RENDER, key, _body(of_bytes=BODY_LIMIT_BYTES))
    # The template can refuse the padding, but only after the body was read.
    _expect(status in (200, 202, 422), f"a body of 1 MiB is answered {status}: {answer}")
    for size in (BODY_LIMIT_BYTES + 1, GATEWAY_LIMIT_BYTES + 1):
        refused = _call(url, _RENDER, key, _body(of_bytes=size))
        _expect_refusal(refused, 413, "payload_too_large", f"body of {size} bytes")


def _body(options: Json | None = None, of_bytes: int = 0) -> bytes:
    """The invoice's example data, padded to this size with a note."""
    data = json.loads((_INVOICE / "data.json").read_text(encoding="utf-8"))
    body = json.dumps({"data": data, "options": options or {}}).encode()
    if of_bytes:
        empty = json.dumps({"data": {**data, "notes": ""}, "options": {}})
        note = "n" * (of_bytes - len(empty.encode()))
        body = json.dumps({"data": {**data, "notes": note}, "options": {}}).encode()
    return body


def _public_url(stage: str) -> str:
    stacks = boto3.client("cloudformation").describe_stacks(StackName=stack_name(stage))["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}
    return outputs["PublicUrl"]


def _craftkit(stage: str, *arguments: str) -> Any:
    done = subprocess.run(
        [BIN / "craftkit", "--stage", stage, *arguments],
        cwd=ROOT, env=os.environ, text=True, capture_output=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise TaskError(f"craftkit {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def _call(url: str, path: str, key: str = "", body: bytes | None = None) -> tuple[int, Json]:
    """The status, and the body as JSON; `{}` if it is not JSON."""
    request = urllib.request.Request(url + path, data=body)  # noqa: S310 the stage's own
    request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, _json(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, _json(error.read()) | _request_id(error.headers)


def _request_id(headers: Message) -> Json:
    return {"x-request-id": headers["x-request-id"]} if "x-request-id" in headers else {}


def _json(text: bytes) -> Json:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _expect_refusal(answer: tuple[int, Json], status: int, code: str, what: str) -> None:
    """Raise unless the response has this status, this code and a request id."""
    got, body = answer
    error = body.get("error", {})
    _expect(got == status, f"a {what} is answered {got}, not {status}")
    _expect(error.get("code") == code, f"a {what} is answered {body}, not with the code {code}")
    _expect(bool(error.get("requestId")), f"the answer to a {what} has no requestId")
    _expect("x-request-id" in body, f"the answer to a {what} has no header x-request-id")


def _expect(holds: bool, fault: str) -> None:
    if not holds:
        raise TaskError(f"The stage failed the acceptance test: {fault}.")
