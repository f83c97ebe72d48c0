"""Models of an inbound hook."""

import hashlib
import re
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 random bits in URL-safe base 64."""


class Hook(BaseModel):
    """A template's inbound endpoint for a third party without an API key.

    A call of the hook renders with the API key `key_id`: in that key's mode, with its rights and
    until it ends. Only the SHA-256 of the token is stored. The secret is stored encrypted, because
    signatures are verified with it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    project_id: str
    slug: str
    key_id: str
    token_hash: str
    sealed_secret: bytes = Field(repr=False)
    requires_signature: bool = False
    is_on: bool = True
    created_at: datetime
    created_by: str
    rotated_at: datetime | None = None


class HookData(RootModel[dict[str, Any]]):
    """The body of `POST /v1/hooks/{token}`: the template's data, without an envelope."""


class MadeHook(BaseModel):
    """A hook with its token and secret in cleartext, returned only on creation and rotation."""

    hook: Hook
    token: str = Field(repr=False)
    secret: str = Field(repr=False)


def hash_of(token: str) -> str | None:
    """The SHA-256 that a token is stored under; None for text that cannot be a token."""
    if _TOKEN.fullmatch(token) is None:
        return None
    return hashlib.sha256(token.encode()).hexdigest()
