"""Encrypted and authenticated JSON (Fernet), also as cookies. Each purpose has its own key."""

import base64
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from craftkit import settings
from craftkit.clock import utc_now
from craftkit.config import config
from dashboard.web import Request


class Seal:
    """Texts that only this stage can read, for one purpose and a limited time.

    Args:
        purpose: part of the encryption key: a text of another purpose cannot be opened.
        lifetime_seconds: how long the content is valid.
    """

    def __init__(self, purpose: str, lifetime_seconds: int) -> None:
        self._purpose = purpose
        self._lifetime_seconds = lifetime_seconds

    def seal(self, content: dict[str, Any]) -> str:
        text = json.dumps(content, separators=(",", ":")).encode()
        return self._fernet().encrypt_at_time(text, int(utc_now().timestamp())).decode()

    def open(self, sealed: str) -> dict[str, Any] | None:
        """The content. None if it is expired, or was not sealed by this stage for this purpose."""
        now = int(utc_now().timestamp())
        try:
            text = self._fernet().decrypt_at_time(sealed, self._lifetime_seconds, now)
        except (InvalidToken, ValueError):
            return None
        content: dict[str, Any] = json.loads(text)
        return content

    def age_seconds(self, sealed: str) -> int:
        """Seconds since the content was sealed. Call it only after `open` returned content."""
        return int(utc_now().timestamp()) - self._fernet().extract_timestamp(sealed)

    def _fernet(self) -> Fernet:
        secret = settings.secret(config.session_secret)
        material = f"{config.stage}/{self._purpose}/{secret}".encode()
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(material).digest()))


class Cookie:
    """A cookie for one purpose. Cookies of another purpose or stage cannot be decrypted.

    Args:
        purpose: part of the cookie's name and of its encryption key.
        lifetime_seconds: how long the content is valid. The server enforces it.
    """

    def __init__(self, purpose: str, lifetime_seconds: int) -> None:
        self._purpose = purpose
        self._lifetime_seconds = lifetime_seconds
        self._seal = Seal(purpose, lifetime_seconds)

    def encode(self, request: Request, content: dict[str, Any]) -> str:
        """The `Set-Cookie` value that sets the content."""
        return self._line(request, self._seal.seal(content), self._lifetime_seconds)

    def decode(self, request: Request) -> dict[str, Any] | None:
        """The content. None if the cookie is absent, expired, or not made by this stage."""
        sealed = request.cookies.get(self._name(request))
        return self._seal.open(sealed) if sealed else None

    def age_seconds(self, request: Request) -> int:
        """Seconds since the content was encrypted. Call it only after `decode` returned content."""
        return self._seal.age_seconds(request.cookies[self._name(request)])

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
