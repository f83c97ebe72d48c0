"""`craftkit listen`: forwards the events of renders to a port of this machine.

The command polls the API for renders that have ended, and sends each as a signed webhook event. It
needs neither a public URL nor a webhook endpoint.
"""

import argparse
import base64
import json
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
from standardwebhooks import Webhook

from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.errors import InvalidRequestError
from craftkit.ids import derived_id
from craftkit_cli.answers import Answer
from craftkit_cli.api import api_command
from craftkit_cli.arguments import moment
from craftkit_sdk import Craftkit, NotFoundError

Json = dict[str, Any]

POLL_SECONDS = 1.0
LONGEST_RENDER = timedelta(hours=1)
"""Renders created up to this long before the start are polled too."""
_FINAL = ("succeeded", "failed", "cancelled")


def add_commands(commands: Any) -> None:
    what = "forward the events of renders to a local port"
    made = api_command(commands, "listen", _listen, what)
    made.add_argument("--forward", required=True, metavar="URL", help="http://localhost:8080/hook")
    made.add_argument(
        "--secret", metavar="WHSEC", help="sign events with this secret (default: a new one)"
    )
    made.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="first forward the renders that have ended since this time",
    )
    made.add_argument("--replay", metavar="RENDER_ID", help="forward this render's event and stop")
    made.add_argument("--once", action="store_true", help="stop after the first poll")


def _listen(arguments: argparse.Namespace, client: Craftkit) -> Answer:
    secret = arguments.secret or "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    forwarder = Forwarder(arguments.forward, secret, _project_id(client))
    if arguments.replay:
        render = dict(client.renders.get(arguments.replay).json)
        if render["status"] not in _FINAL:
            message = f"Render {arguments.replay} has not ended: its status is {render['status']}."
            raise InvalidRequestError(message)
        return forwarder.forward(render)
    print(f"Forwarding to {arguments.forward}, signed with {secret}", file=sys.stderr, flush=True)
    since = arguments.since or utc_now()
    seen: set[str] = set()
    count = 0
    try:
        while True:
            for render in ended_since(client, since):
                event_id = event_id_of(render)
                if event_id not in seen:
                    seen.add(event_id)
                    count += 1
                    line = json.dumps(forwarder.forward(render), ensure_ascii=False)
                    print(line, flush=True)
            if arguments.once:
                break
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        pass
    return {"forwarded": count}


def _project_id(client: Craftkit) -> str | None:
    """The key's project; None if the stage does not have `GET /v1/me` yet."""
    try:
        return client.me()["projectId"]
    except NotFoundError:
        return None


def ended_since(client: Craftkit, since: datetime) -> Iterator[Json]:
    """Renders that have ended since a time, in the order of their end."""
    created = to_rfc3339(since - LONGEST_RENDER)
    found = [dict(render.json) for render in client.renders.list(from_=created)]
    ended = [
        render
        for render in found
        if render["status"] in _FINAL and from_rfc3339(str(render["completedAt"])) >= since
    ]
    return iter(sorted(ended, key=lambda render: str(render["completedAt"])))


def event_id_of(render: Json) -> str:
    """The event id that a webhook endpoint receives for the end of the render."""
    at = from_rfc3339(str(render["completedAt"]))
    return derived_id(at, render["id"], render["status"], str(render["attempt"]))


class Forwarder:
    """Sends events to one URL in the format of webhooks."""

    def __init__(self, url: str, secret: str, project_id: str | None) -> None:
        self._url, self._project_id = url, project_id
        try:
            self._webhook = Webhook(secret)
        except ValueError as error:
            raise InvalidRequestError("--secret must be whsec_ followed by base64.") from error

    def forward(self, render: Json) -> Answer:
        """Send the event of a render's end once. Returns the outcome."""
        id_, kind, now = event_id_of(render), f"render.{render['status']}", utc_now()
        data = {name: value for name, value in render.items() if not name.startswith("download")}
        event = {
            "type": kind,
            "timestamp": render["completedAt"],
            "data": {**data, "projectId": self._project_id},
        }
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(id_, now, body),
            "x-craftkit-event": kind,
        }
        outcome: Answer = {"id": id_, "type": kind, "renderId": render["id"]}
        try:
            answer = httpx.post(self._url, content=body.encode(), headers=headers, timeout=15)
        except httpx.TransportError as error:
            return outcome | {"status": None, "error": str(error)}
        return outcome | {"status": answer.status_code}
