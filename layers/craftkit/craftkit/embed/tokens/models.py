"""The claims of verified session tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from craftkit.embed.partners.models import Partner, SigningKey


@dataclass(frozen=True)
class Claims:
    """The claims of a token that the stage has signed."""

    project_id: str
    session_id: str
    publishable_key: str | None
    expires_at: int


@dataclass(frozen=True)
class PartnerToken:
    """A verified token that a partner has signed. Its `request` is not validated yet."""

    partner: Partner
    key: SigningKey
    jti: str
    expires_at: int
    request: Mapping[str, Any]
