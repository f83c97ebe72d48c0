"""Is a deployed stage fit for callers? The main job from outside, with the operator's CLI and HTTP.

It asks for what every caller asks for, and leaves a project without a key behind, and the one test
render in it.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3

from deployment.stacks import stack_name
from deployment.workspace import BIN, ROOT, TaskError

_INVOICE = ROOT / "layers" / "craftkit" / "craftkit" / "templates" / "gallery" / "invoice"
_RENDER_SECONDS = 60

Json = dict[str, Any]


def accept(stage: str, say: Callable[[str], None] = print) -> None:
    """Try a stage with the AWS credentials of the environment.

    Raises:
        TaskError: with the first thing that is not as callers expect it.
    """
    url = _public_url(stage)
    _expect(_call(url, "/health")[0] == 200, "GET /health does not answer 200")
    say(f"  {url} is there")
    project = _craftkit(stage, "projects", "create", "--name", "Acceptance")["id"]
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
        _try_key(url, key["key"])
        say("  a document is rendered")
    finally:
        _craftkit(stage, "keys", "revoke", key["id"])
    status, answer = _call(url, "/v1/renders", key["key"])
    _expect(status == 401, f"a revoked key is answered {status}")
    _expect(
        answer["error"]["code"] == "invalid_credentials", "a revoked key is not refused as such"
    )
    say("  a revoked key is refused at once")


def _try_key(url: str, key: str) -> None:
    status, answer = _call(url, "/v1/renders")
    _expect(status == 401, f"a request without a key is answered {status}")
    _expect(answer["error"]["code"] == "missing_authorization", "a missing key is not told as such")
    data = json.loads((_INVOICE / "data.json").read_text(encoding="utf-8"))
    body = {"data": data, "options": {"sync": True}}
    status, render = _call(url, "/v1/templates/invoice/render", key, body)
    _expect(status in (200, 202), f"a render is answered {status}: {render}")
    deadline = time.monotonic() + _RENDER_SECONDS
    while render["status"] in ("queued", "rendering") and time.monotonic() < deadline:
        time.sleep(0.5)
        render = _call(url, f"/v1/renders/{render['id']}", key)[1]
    _expect(render["status"] == "succeeded", f"the render is {render['status']}: {render}")
    with urllib.request.urlopen(render["downloadUrl"]) as document:  # noqa: S310 the stage's own
        _expect(document.read(5) == b"%PDF-", "what is downloaded is no PDF")


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


def _call(url: str, path: str, key: str = "", body: Json | None = None) -> tuple[int, Json]:
    request = urllib.request.Request(  # noqa: S310 the stage's own address
        url + path, data=None if body is None else json.dumps(body).encode()
    )
    request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _expect(truth: bool, fault: str) -> None:
    if not truth:
        raise TaskError(f"Not fit for callers: {fault}.")
