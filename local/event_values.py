"""What an event needs to end in success: ids and tokens of resources that the running stack has.

The resources are made with the stack's test key when an event is filled, because an event can use
one up: a render is deleted once.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from craftkit_sdk import Craftkit
from deployment.workspace import ROOT
from local.cli import Operator
from local.stack import Stack

Json = dict[str, Any]

_KEY = re.compile(r"Bearer ck_(test|live)_\w+")
_PROJECTS = re.compile("0193c2c3-7a10-7c44-8f21-1d2e3f405162|019cec2a-0000-7000-8000-000000000001")
_KEY_ID = "019cec2a-1000-7000-8000-000000000001"
"""What the events of events/ have as key, project and key id."""

EXPECTED = {
    "cancel_render": (409, "a render is finished before a container has started"),
    "retry_batch": (409, "no document of the batch has failed"),
    "reject_method": (405, "it answers nothing else"),
    "exchange_token": (400, "only an issuer can sign a token"),
    "exchange_embed_token": (403, "only a partner can sign a token"),
    "report_exposed_keys": (503, "a stage on this machine fetches no keys of the scanning service"),
}
"""Responses that are errors on a stack without third parties, and why. Any other status of these
functions, and every error of another, is a failure."""


def fill(event: str, stack: Stack) -> str:
    """An event with the running stack's project and test key in place of the example's."""
    return _PROJECTS.sub(stack.project_id, _KEY.sub(f"Bearer {stack.test_key}", event))


def complete(name: str, event: str, stack: Stack) -> str:
    """A filled event, with the resources that the function `name` needs.

    Raises:
        craftkit_sdk.CraftkitError: the stack refused to make one.
    """
    filled = fill(event, stack)
    with Craftkit(stack.test_key, base_url=stack.api_url) as client:
        filled = filled.replace(_KEY_ID, client.me()["keyId"])
        if name not in _NEEDS:
            return filled
        find, make = _NEEDS[name]
        return filled.replace(find(json.loads(filled)), make(client, stack))


def _in_path(parameter: str) -> Callable[[Json], str]:
    return lambda event: str(event["pathParameters"][parameter])


def _preview(client: Craftkit) -> Json:
    preview = client.templates.get("invoice")["previewData"]
    assert preview is not None  # noqa: S101 the gallery's invoice has it
    return dict(preview["data"])


def _render(client: Craftkit, _stack: Stack) -> str:
    return client.renders.create("invoice", _preview(client), sync=True).wait().id


def _batch(client: Craftkit, _stack: Stack) -> str:
    batch = client.batches.create(
        "invoice", items=[{"data": _preview(client)}], options={"invoice": False}
    )
    return str(batch.wait().json["id"])


def _uploaded_batch(client: Craftkit, _stack: Stack) -> str:
    """A batch whose file is uploaded, and which is not started."""
    body = {
        "templateSlug": "invoice",
        "upload": {"format": "ndjson"},
        "options": {"invoice": False},
    }
    made = client._json("POST", "/v1/batches", json=body, is_safe=False)  # noqa: SLF001 no upload
    row = json.dumps({"data": _preview(client)}).encode()
    client._http.put(made["uploadUrl"], content=row).raise_for_status()  # noqa: SLF001
    return str(made["id"])


def _session(field: str) -> Callable[[Craftkit, Stack], str]:
    """A field of a new embed session, of the request in events/create_embed_session.json."""

    def make(client: Craftkit, _stack: Stack) -> str:
        body = json.loads(_event("create_embed_session")["body"])
        made = client._json("POST", "/v1/embed/sessions", json=body, is_safe=False)  # noqa: SLF001
        return str(made[field])

    return make


def _catalog(client: Craftkit, _stack: Stack) -> str:
    body = json.loads(_event("publish_catalog")["body"])
    client._json("POST", "/v1/embed/catalogs", json=body, is_safe=False)  # noqa: SLF001
    return str(body["name"])


def _hook(client: Craftkit, stack: Stack) -> str:
    craftkit = Operator(stack.stage, stack.aws_endpoint_url)
    made = craftkit(
        "hooks", "create", "--project", stack.project_id, "--slug", "invoice",
        "--key", client.me()["keyId"],
    )  # fmt: skip
    return str(made["token"])


def _event(name: str) -> Json:
    loaded: Json = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


_ID = _in_path("id")
_NEEDS: dict[str, tuple[Callable[[Json], str], Callable[[Craftkit, Stack], str]]] = {
    "get_render": (_ID, _render),
    "download_render": (_ID, _render),
    "delete_render": (_ID, _render),
    "cancel_render": (_ID, _render),
    "get_invoice": (_ID, _render),
    "get_batch": (_ID, _batch),
    "list_batch_items": (_ID, _batch),
    "retry_batch": (_ID, _batch),
    "start_batch": (_ID, _uploaded_batch),
    "cancel_batch": (_ID, _uploaded_batch),
    "revoke_embed_session": (_ID, _session("session_id")),
    "refresh_embed_session": (
        lambda event: str(json.loads(event["body"])["renewToken"]),
        _session("renew_token"),
    ),
    "embed_page": (
        lambda event: str(event["queryStringParameters"]["session_token"]),
        _session("session_token"),
    ),
    "get_catalog": (_in_path("name"), _catalog),
    "receive_hook": (_in_path("token"), _hook),
}
"""By function: the example's value in its event, and what makes one that the stack knows."""
