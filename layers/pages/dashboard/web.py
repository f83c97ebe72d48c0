"""Requests and responses of the dashboard's REST API. Each response gets the security headers.

The API's stage is named `dashboard`, as is the base path of its host: `requestContext.path` is what
the browser requested with both (docs/decisions/stages.md).
"""

import base64
import binascii
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from craftkit.auth.request import values_of
from craftkit.config import config

BASE = "/dashboard"
FORM_LIMIT_BYTES = 1024 * 1024

_FIELD_LIMIT = 1000
_GZIP_FROM_BYTES = 1024
_TEXT = ("text/", "application/json", "application/javascript", "image/svg+xml")

ProxyEvent = dict[str, Any]


class TooLargeError(Exception):
    """The form is larger than 1 MiB or has too many fields."""


class Request:
    """One request. Headers, cookies and form are parsed when they are read."""

    def __init__(self, event: ProxyEvent) -> None:
        self._event = event
        context = event["requestContext"]
        self.id: str = context["requestId"]
        self.method: str = context["httpMethod"]
        self.path: str = context["path"]

    @cached_property
    def headers(self) -> dict[str, str]:
        """By lower-case name."""
        return {name.lower(): value for name, value in (self._event["headers"] or {}).items()}

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Cookies by name. For a repeated name, the first counts: it has the longer path."""
        found: dict[str, str] = {}
        for cookie in "; ".join(values_of(self._event, "cookie")).split(";"):
            name, _, value = cookie.strip().partition("=")
            found.setdefault(name, value)
        return found

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(self._event.get("queryStringParameters") or {})

    @cached_property
    def fields(self) -> list[tuple[str, str]]:
        """The fields of a posted form in their order.

        Raises:
            TooLargeError: the form is larger than 1 MiB or has too many fields.
        """
        text = self._event.get("body") or ""
        try:
            raw = base64.b64decode(text) if self._event.get("isBase64Encoded") else text.encode()
        except binascii.Error:
            raw = b""
        if len(raw) > FORM_LIMIT_BYTES:
            raise TooLargeError
        try:
            return parse_qsl(
                raw.decode(errors="replace"), keep_blank_values=True, max_num_fields=_FIELD_LIMIT
            )
        except ValueError as error:
            raise TooLargeError from error

    @cached_property
    def form(self) -> dict[str, str]:
        return dict(self.fields)

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a repeated field, such as a group of checkboxes."""
        return tuple(value for field_name, value in self.fields if field_name == name)

    @property
    def is_fragment(self) -> bool:
        """Whether htmx requests a part of a page."""
        return self.headers.get("hx-request") == "true"

    @property
    def accepts_gzip(self) -> bool:
        return "gzip" in self.headers.get("accept-encoding", "")

    @property
    def origin(self) -> str:
        """The origin of the dashboard, without a trailing slash."""
        return config.pages_origin or f"https://{self._event['requestContext']['domainName']}"

    @property
    def is_secure(self) -> bool:
        return self.origin.startswith("https://")


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    style_nonce: str = ""
    """A nonce of this response that lets the code editor's script add styles."""
    frame_source: str = ""
    """The origin that the page may show in a frame; None forbids frames."""

    def with_cookies(self, *cookies: str) -> "Response":
        return replace(self, cookies=(*self.cookies, *cookies))


def see_other(path: str) -> Response:
    """A redirect that is followed with GET."""
    return Response(303, headers={"Location": path})


def respond(request: Request, response: Response) -> ProxyEvent:
    """The response in API Gateway's format, with the security headers."""
    body, headers = response.body, {**_hardening(request, response), **response.headers}
    headers["Content-Type"] = response.content_type
    headers["x-request-id"] = request.id
    is_text = response.content_type.startswith(_TEXT)
    if is_text:
        headers["Vary"] = "Accept-Encoding"
    if is_text and len(body) >= _GZIP_FROM_BYTES and request.accepts_gzip:
        body = gzip.compress(body, compresslevel=6, mtime=0)
        headers["Content-Encoding"] = "gzip"
    binary = not is_text or "Content-Encoding" in headers
    return {
        "statusCode": response.status,
        "headers": headers,
        "multiValueHeaders": {"Set-Cookie": list(response.cookies)} if response.cookies else {},
        "body": base64.b64encode(body).decode() if binary else body.decode(),
        "isBase64Encoded": binary,
    }


def _hardening(request: Request, response: Response) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{response.style_nonce}'" if response.style_nonce else "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "frame-src": response.frame_source or "'none'",
        # The response to the sign-out form redirects to the hosted page.
        "form-action": f"'self' {config.sign_in_url}",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    transport = {"Strict-Transport-Security": "max-age=63072000"} if request.is_secure else {}
    return {
        **transport,
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
