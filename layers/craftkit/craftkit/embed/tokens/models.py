"""What session tokens say, once their signature was verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from craftkit.embed.partners.models import Partner, SigningKey


@dataclass(frozen=True)
class Claims:
    """Which session a token of ours is for."""

    project_id: str
    session_id: str
    publishable_key: str | None
    expires_at: int


@dataclass(frozen=True)
class PartnerToken:
    """A token that a partner signed, verified. `request` is not judged yet."""

    partner: Partner
    key: SigningKey
    jti: str
    expires_at: int
    request: Mapping[str, Any]
