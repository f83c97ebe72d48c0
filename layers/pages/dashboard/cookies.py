"""Cookies that hold sealed JSON: nobody can read or make one but this stage, for this purpose."""

import base64
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from craftkit import settings
from craftkit.clock import utc_now
from craftkit.config import config
from dashboard.web import Request


class Cookie:
    """One kind of cookie. Another kind's content, or another stage's, does not open.

    Args:
        purpose: a part of its name and of the key that it is sealed with.
        lifetime_seconds: how long its content counts, whatever the browser does.
    """

    def __init__(self, purpose: str, lifetime_seconds: int) -> None:
        self._purpose = purpose
        self._lifetime_seconds = lifetime_seconds

    def encode(self, request: Request, content: dict[str, Any]) -> str:
        """The `Set-Cookie` line that carries the content."""
        text = json.dumps(content, separators=(",", ":")).encode()
        sealed = self._fernet().encrypt_at_time(text, int(utc_now().timestamp())).decode()
        return self._line(request, sealed, self._lifetime_seconds)

    def decode(self, request: Request) -> dict[str, Any] | None:
        """The content, or None where there is no such cookie, or it is forged, foreign or old."""
        sealed = request.cookies.get(self._name(request))
        if not sealed:
            return None
        now = int(utc_now().timestamp())
        try:
            text = self._fernet().decrypt_at_time(sealed, self._lifetime_seconds, now)
        except (InvalidToken, ValueError):
            return None
        content: dict[str, Any] = json.loads(text)
        return content

    def age_seconds(self, request: Request) -> int:
        """How long ago the content was sealed. The cookie must be one that `decode` accepts."""
        sealed = request.cookies[self._name(request)]
        return int(utc_now().timestamp()) - self._fernet().extract_timestamp(sealed)

    def clear(self, request: Request) -> str:
        """The `Set-Cookie` line that takes it away."""
        return self._line(request, "", 0)

    def _line(self, request: Request, value: str, max_age: int) -> str:
        secure = "; Secure" if request.is_secure else ""
        return (
            f"{self._name(request)}={value}; Path=/; Max-Age={max_age}; "
            f"HttpOnly; SameSite=Lax{secure}"
        )

    def _name(self, request: Request) -> str:
        # Ports of one host share their cookies: two stages on a machine must not share a name.
        # The prefix has the browser refuse it from a subdomain or over plain HTTP.
        prefix = "__Host-" if request.is_secure else ""
        return f"{prefix}craftkit-{config.stage}-{self._purpose}"

    def _fernet(self) -> Fernet:
        secret = settings.secret(config.session_secret)
        material = f"{config.stage}/{self._purpose}/{secret}".encode()
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(material).digest()))
