"""The sign-in of the `craftkit` command: the user chooses a project, and the command gets a key.

`craftkit login` waits on a port of the user's machine and opens `/connect` with a state and the
SHA-256 of a secret. The page that creates the key sends the browser to that port with a sealed
code; the command exchanges code and secret for the key at `/connect/key`. The code alone is of no
use, and nothing is stored (docs/decisions/command-login.md).
"""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, Field, StringConstraints

from craftkit.clock import to_rfc3339, utc_now
from craftkit.config import config
from craftkit.errors import ConflictError, InvalidRequestError
from craftkit.ids import is_id, new_id
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects import members
from craftkit.projects.models import Project
from craftkit.schema import validate_request
from dashboard import flash
from dashboard.cookies import Seal
from dashboard.request_context import RequestContext
from dashboard.web import Response

KEY_LIFETIME = timedelta(days=90)
_code = Seal("command", 120)


class ConnectRequest(BaseModel):
    """The request of the command. `challenge` is the SHA-256 of its secret, in base64url."""

    port: Annotated[int, Field(ge=1024, le=65535)]
    state: Annotated[str, StringConstraints(pattern=r"^[\w-]{16,128}$")]
    challenge: Annotated[str, StringConstraints(pattern=r"^[\w-]{43}$")]
    machine: Annotated[str, StringConstraints(pattern=r"^[\w.-]{0,80}$")] = ""


class Choice(ConnectRequest):
    """The form of one project."""

    mode: Literal["test", "live"] = "test"


def choose(context: RequestContext) -> Response:
    """The user's projects in which the user may create keys."""
    requested = validate_request(ConnectRequest, context.request.query)
    places = [
        place for place in members.list_memberships(context.user).joined if place.member.may_change
    ]
    return context.page(
        "connect/choose.html",
        requested=requested,
        places=places,
        once=new_id(),
        days=KEY_LIFETIME.days,
    )


def connect(context: RequestContext) -> Response:
    """Create a key for the command; the next page hands over its code. Sending the form twice
    creates one key."""
    choice = validate_request(Choice, {k: v for k, v in context.request.form.items() if v})
    once = context.form("once")
    key_id = once if is_id(once) else new_id()
    expires_at = utc_now() + _lifetime(context.project)
    wanted = NewKey(
        name=f"craftkit on {choice.machine}" if choice.machine else "craftkit",
        mode=choice.mode,
        expires_at=expires_at,
    )
    try:
        minted = keys.create_key(context.project.id, wanted, by=context.user.sub, key_id=key_id)
    except ConflictError:
        return context.done("/connected")
    code = _code.seal(
        {
            "challenge": choice.challenge,
            "key": minted.cleartext,
            "keyId": key_id,
            "projectId": context.project.id,
            "projectName": context.project.name,
            "mode": choice.mode,
            "expiresAt": to_rfc3339(expires_at),
        }
    )
    query = urlencode({"state": choice.state, "code": code})
    return context.done("/connected", address=f"http://127.0.0.1:{choice.port}/?{query}")


def _lifetime(project: Project) -> timedelta:
    """As long as the project's key policy allows."""
    longest = project.key_policy.longest_life_days
    return min(KEY_LIFETIME, timedelta(days=longest)) if longest else KEY_LIFETIME


def connected(context: RequestContext) -> Response:
    """Sends the browser on to the command. A page, because `form-action` of the security headers
    forbids the form itself to redirect to another origin."""
    if "address" not in flash.load(context.request):
        return context.go(context.url("/keys"))
    return context.page("connect/connected.html")


def hand_over(context: RequestContext) -> Response:
    """The key, for the code and the secret whose hash the code contains. Changes nothing."""
    headers = context.request.headers
    content = _code.open(headers.get("x-craftkit-code", ""))
    secret = headers.get("x-craftkit-verifier", "")
    challenge = urlsafe_b64encode(sha256(secret.encode()).digest()).decode().rstrip("=")
    if content is None or not hmac.compare_digest(challenge, content.pop("challenge")):
        error = InvalidRequestError(
            "This code is not valid, has expired, or was made for another command. Run "
            "`craftkit login` again."
        )
        return _json(400, error.as_json(context.request.id))
    return _json(200, {**content, "apiUrl": config.api_url})


def _json(status: int, content: object) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(status, body, content_type="application/json")
