"""Short-lived keys that the token exchange issues: ordinary keys to the authorizer.

They are not listed with the project's keys and cannot be rotated or renewed. Their revocation
cannot be undone. TTL deletes their items seven days after the key expires.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from craftkit.auth import api_key
from craftkit.auth.principal import Mode
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.keys import repository
from craftkit.keys.models import Key, MintedKey
from craftkit.keys.service import secret_of

LONGEST_LIFE = timedelta(minutes=15)


def issue(
    *,
    key_id: str,
    project_id: str,
    name: str,
    mode: Mode,
    scopes: tuple[str, ...],
    templates: tuple[str, ...],
    expires_at: datetime,
    created_by: str,
    rule_id: str,
    bound_to: str | None = None,
    extra_writes: Sequence[dict[str, Any]] = (),
) -> MintedKey:
    """Create a short-lived key and return it with its cleartext, which is stored nowhere.

    Args:
        bound_to: the RFC 7638 thumbprint of the caller's public key.
        extra_writes: further writes of the same transaction.

    Raises:
        ValueError: the key would live longer than 15 minutes.
        ConditionFailedError: a condition of the extra writes did not hold; nothing was written.
    """
    now = utc_now()
    if expires_at - now > LONGEST_LIFE:
        raise ValueError("the lifetime of a token is at most 15 minutes")
    cleartext = api_key.mint(mode, config.stage)
    key = Key(
        id=key_id,
        project_id=project_id,
        kind="token",
        name=name,
        mode=mode,
        scopes=scopes,
        templates=templates,
        limited=("project",),
        rule_id=rule_id,
        bound_to=bound_to,
        secrets=(secret_of(cleartext, now),),
        created_at=now,
        created_by=created_by,
        expires_at=expires_at,
    )
    repository.create(key, extra_writes=extra_writes)
    return MintedKey(key=key, cleartext=cleartext)
