"""Partners, sessions and requests of the embedded page, as its script sends them."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from craftkit.embed.partners import service as partners
from testkit.cloud import Cloud
from testkit.events import event
from testkit.project import DemoProject

ORIGIN = "http://127.0.0.1:3000"
"""The page's origin in the local stage."""

SESSION_BODY: dict[str, Any] = {
    "tenant": {"externalId": "acme", "displayName": "Acme Ltd"},
    "actor": {"externalId": "u-17", "displayName": "Ada Lovelace"},
    "scope": {"mode": "fill", "templateExternalId": "invoice"},
}


_API = "/embed/api/"
_CALLS = {
    "get_embed_page": ("embed_page", "GET", "/embed", "/embed"),
    "get_embed_asset": ("embed_page", "GET", "/embed/assets/page.css", "/embed/assets/{name}"),
    "exchange_embed_token": ("exchange_embed_token", "POST", *[f"{_API}exchange"] * 2),
    "open_embed_session": ("embed_page", "POST", *[f"{_API}session"] * 2),
    "preview_embed_form": ("embed_page", "POST", *[f"{_API}preview"] * 2),
    "submit_embed_form": ("embed_page", "POST", *[f"{_API}submit"] * 2),
    "get_embed_document": ("embed_page", "POST", *[f"{_API}document"] * 2),
    "preview_embed_template": ("embed_page", "POST", *[f"{_API}template/preview"] * 2),
    "save_embed_draft": ("embed_page", "POST", *[f"{_API}template/draft"] * 2),
    "publish_embed_template": ("embed_page", "POST", *[f"{_API}template/publish"] * 2),
}
"""The function, method, path and route of each call of the page."""


def session_body(mode: str = "fill", **changes: Any) -> dict[str, Any]:
    """The body of a session request, with this mode and these top-level fields."""
    scope = {"mode": mode, "templateExternalId": "invoice"}
    return {**SESSION_BODY, "scope": scope, **changes}


def partnership(project: DemoProject, *origins: str) -> None:
    """Make a project a partner."""
    partners.enable(project.id, by="tester")
    if origins:
        partners.set_origins(project.id, origins, by="tester")


@dataclass(frozen=True)
class PageAnswer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def text(self) -> str:
        return self.raw.decode()

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def field_errors(self) -> dict[str, list[str]]:
        return dict(self.body["error"]["issues"]["fieldErrors"])


def page_call(
    cloud: Cloud,
    name: str,
    token: str | None,
    body: object = None,
    *,
    headers: dict[str, str | None] | None = None,
    **changes: Any,
) -> PageAnswer:
    """A request of the page's script: the page's origin, the token in the header.

    Args:
        name: the name of the route, such as `open_embed_session`.
    """
    function, method, path, resource = _CALLS[name]
    sent = {
        "origin": ORIGIN,
        "content-type": "application/json",
        "authorization": f"Bearer {token}" if token else None,
    }
    made = event(function, body=body, headers={**sent, **(headers or {})})
    made |= {"httpMethod": method, "resource": resource, "path": path}
    made["requestContext"] |= {
        "httpMethod": method,
        "resourcePath": resource,
        "path": f"/local{path}",
    }
    made["queryStringParameters"] = changes.pop("query", None)
    answer = cloud.invoke(function, made | changes)
    text = answer["body"]
    raw = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
    return PageAnswer(answer["statusCode"], answer["headers"], raw)


class PartnerSigner:
    """A partner's server, which signs tokens with its private key and has no API key."""

    def __init__(self, project: DemoProject, mode: Any = "live") -> None:
        minted = partners.create_signing_key(project.id, by="tester", mode=mode)
        self.publishable_key = minted.key.publishable_key
        self._private: Any = load_pem_private_key(minted.private_key_pem.encode(), None)

    def sign(
        self,
        now: datetime,
        *,
        jti: str = "one",
        lifetime: timedelta = timedelta(minutes=5),
        **changes: Any,
    ) -> str:
        claims = {
            "iss": self.publishable_key,
            "aud": "craftkit-embed",
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": jti,
            "ck": session_body(),
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self._private, algorithm="EdDSA")
