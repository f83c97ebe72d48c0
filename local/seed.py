"""Creates the demo project with the operator's CLI, and renders an invoice with it."""

import json
import secrets
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deployment.workspace import ROOT, TaskError
from local.cli import Operator
from local.stack import Deployed, Stack

INVOICE = ROOT / "layers" / "craftkit" / "craftkit" / "templates" / "gallery" / "invoice"

_RENDER_SECONDS = 60


def seed(deployed: Deployed, api_url: str) -> Stack:
    """Create a project with the invoice template, a key of each mode, a user, and embed enabled.

    Raises:
        CommandError: a command of the CLI failed.
    """
    craftkit = Operator(deployed.stage, deployed.endpoint)
    project = craftkit("projects", "create", "--empty", "--name", "Demo")["id"]
    craftkit(
        "templates", "publish", "--project", project, "--slug", "invoice", "--name", "Invoice",
        "--manifest", INVOICE / "manifest.json", "--source", INVOICE / "source.typ",
    )  # fmt: skip
    craftkit("seals", "self-sign", "--name", "Craftkit local stack")
    keys = {
        mode: craftkit("keys", "create", "--project", project, "--name", f"Demo {mode}",
                       "--mode", mode)["key"]
        for mode in ("live", "test")
    }  # fmt: skip
    if find_spec("craftkit_cli.embed"):
        craftkit("embed", "enable", "--project", project)
    user = make_dashboard_user(deployed)
    craftkit(
        "projects", "add-member", "--project", project, "--email", user["email"], "--role", "owner"
    )
    return Stack(
        api_url=api_url,
        aws_endpoint_url=deployed.endpoint,
        stage=deployed.stage,
        project_id=project,
        live_key=keys["live"],
        test_key=keys["test"],
        dashboard_user=user,
    )


def make_dashboard_user(deployed: Deployed) -> dict[str, str]:
    """Create a user who can sign in, with a new random password."""
    pool = deployed.only("AWS::Cognito::UserPool")
    user = {"email": "demo@craftkit.example", "password": f"Ck1-{secrets.token_urlsafe(12)}"}
    cognito = deployed.client("cognito-idp")
    cognito.admin_create_user(
        UserPoolId=pool, Username=user["email"], MessageAction="SUPPRESS",
        UserAttributes=[
            {"Name": "email", "Value": user["email"]},
            {"Name": "email_verified", "Value": "true"},
        ],
    )  # fmt: skip
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=user["email"], Password=user["password"], Permanent=True
    )
    return user


def render_invoice(stack: Stack, pdf: Path) -> None:
    """Render the gallery's invoice through the proxy, and save the document.

    Raises:
        TaskError: the render failed or did not finish in time.
    """
    data = json.loads((INVOICE / "data.json").read_text(encoding="utf-8"))
    render = _call(
        stack, "POST", "/v1/templates/invoice/render", {"data": data, "options": {"sync": True}}
    )
    deadline = time.monotonic() + _RENDER_SECONDS
    while render["status"] in ("queued", "rendering") and time.monotonic() < deadline:
        time.sleep(0.2)
        render = _call(stack, "GET", f"/v1/renders/{render['id']}")
    if render["status"] != "succeeded":
        raise TaskError(
            f"The demo invoice is {render['status']}: {render['errorMessage'] or 'no reason given'}"
        )
    with urllib.request.urlopen(render["downloadUrl"]) as document:  # noqa: S310 a URL of our own
        pdf.parent.mkdir(parents=True, exist_ok=True)
        pdf.write_bytes(document.read())


def _call(stack: Stack, method: str, path: str, body: object = None) -> Any:
    request = urllib.request.Request(  # noqa: S310
        stack.api_url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {stack.live_key}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise TaskError(f"{method} {path} answered {error.code}: {text}") from error
