"""An inbound hook, as it is kept and made."""

import hashlib
import re
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 random bits in URL-safe base 64."""


class Hook(BaseModel):
    """A template's door for a third party.

    It renders as the API key `key_id`: in its mode, within its rights, for as long as it lives.
    Of the token only the SHA-256 is kept; the secret is sealed, since a signature needs it.
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
    """The body of `POST /v1/hooks/{token}`: the template's data itself, with nothing around it."""


class MadeHook(BaseModel):
    """A hook with its token and its secret in clear: shown when it is made or rotated alone."""

    hook: Hook
    token: str = Field(repr=False)
    secret: str = Field(repr=False)


def hash_of(token: str) -> str | None:
    """The SHA-256 that a token is kept under; None for what cannot be a token."""
    if _TOKEN.fullmatch(token) is None:
        return None
    return hashlib.sha256(token.encode()).hexdigest()
