"""Cookies with encrypted and authenticated JSON (Fernet), one key for each stage and purpose."""

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
    """A cookie for one purpose. Cookies of another purpose or stage cannot be decrypted.

    Args:
        purpose: part of the cookie's name and of its encryption key.
        lifetime_seconds: how long the content is valid. The server enforces it.
    """

    def __init__(self, purpose: str, lifetime_seconds: int) -> None:
        self._purpose = purpose
        self._lifetime_seconds = lifetime_seconds

    def encode(self, request: Request, content: dict[str, Any]) -> str:
        """The `Set-Cookie` value that sets the content."""
        text = json.dumps(content, separators=(",", ":")).encode()
        sealed = self._fernet().encrypt_at_time(text, int(utc_now().timestamp())).decode()
        return self._line(request, sealed, self._lifetime_seconds)

    def decode(self, request: Request) -> dict[str, Any] | None:
        """The content. None if the cookie is absent, expired, or not made by this stage."""
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
        """Seconds since the content was encrypted. Call it only after `decode` returned content."""
        sealed = request.cookies[self._name(request)]
        return int(utc_now().timestamp()) - self._fernet().extract_timestamp(sealed)

    def clear(self, request: Request) -> str:
        """The `Set-Cookie` value that deletes the cookie."""
        return self._line(request, "", 0)

    def _line(self, request: Request, value: str, max_age: int) -> str:
        secure = "; Secure" if request.is_secure else ""
        return (
            f"{self._name(request)}={value}; Path=/; Max-Age={max_age}; "
            f"HttpOnly; SameSite=Lax{secure}"
        )

    def _name(self, request: Request) -> str:
        # Ports of one host share their cookies, so the name contains the stage. Browsers refuse a
        # `__Host-` cookie from a subdomain or over plain HTTP.
        prefix = "__Host-" if request.is_secure else ""
        return f"{prefix}craftkit-{config.stage}-{self._purpose}"

    def _fernet(self) -> Fernet:
        secret = settings.secret(config.session_secret)
        material = f"{config.stage}/{self._purpose}/{secret}".encode()
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(material).digest()))
