"""The stage's public signing keys: they verify tokens, and the JWKS lists them.

Only roles that can sign tokens may write to this table.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key as KeyCondition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from craftkit import dynamodb, process_cache
from craftkit.clock import from_rfc3339, to_epoch_seconds, to_rfc3339, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError

_RING = "embed"
_KID = re.compile(r"[A-Za-z0-9_-]{43}")
_ROTATION = timedelta(minutes=1)
_MEMORY = timedelta(seconds=60)
"""How long a process caches a key."""

Jwk = dict[str, str]


class _Known:
    """A cache of keys, with the time at which each was read."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[Jwk, datetime | None, datetime]] = {}

    def find(self, kid: str, now: datetime) -> tuple[Jwk, datetime | None] | None:
        jwk, honoured_until, read_at = self._keys.get(kid, (None, None, now))
        fresh = jwk is not None and now - read_at < _MEMORY
        return (jwk, honoured_until) if fresh and jwk is not None else None

    def keep(self, kid: str, jwk: Jwk, honoured_until: datetime | None, now: datetime) -> None:
        self._keys[kid] = (jwk, honoured_until, now)

    def clear(self) -> None:
        self._keys.clear()


_known = _Known()
process_cache.register(_known.clear)


def find(kid: str) -> Ed25519PublicKey | None:
    """The key of this id while it is valid. Text that cannot be an id is not looked up."""
    if not _KID.fullmatch(kid):
        return None
    now = utc_now()
    known = _known.find(kid, now)
    if known is None:
        item = _table().get_item(Key={"ring": _RING, "kid": kid}, ConsistentRead=True).get("Item")
        if item is None:
            return None
        known = _jwk(item), _honoured_until(item)
        _known.keep(kid, *known, now)
    jwk, honoured_until = known
    if honoured_until is not None and honoured_until <= now:
        return None
    key = OKPAlgorithm.from_jwk(dict(jwk))
    assert isinstance(key, Ed25519PublicKey)  # noqa: S101 only such are published
    return key


def jwks() -> dict[str, list[Jwk]]:
    """All valid keys, newest first (RFC 7517, RFC 8037)."""
    now = utc_now()
    rows = sorted(_rows(), key=lambda row: str(row["created_at"]), reverse=True)
    return {
        "keys": [
            _jwk(row) for row in rows if (until := _honoured_until(row)) is None or until > now
        ]
    }


def publish(kid: str, x: str) -> None:
    """Add a key to the JWKS. Repeated calls have no effect."""
    item = {"ring": _RING, "kid": kid, "x": x, "created_at": to_rfc3339(utc_now())}
    try:
        with dynamodb.conditions():
            _table().put_item(Item=item, ConditionExpression="attribute_not_exists(kid)")
    except ConditionFailedError:
        return


def claim_rotation(kid: str) -> None:
    """Claim the rotation of the current key. The claim expires after a minute.

    Raises:
        ConditionFailedError: another rotation is in progress, or has replaced the key.
    """
    now = utc_now()
    with dynamodb.conditions():
        _table().update_item(
            Key={"ring": _RING, "kid": kid},
            UpdateExpression="SET rotating_until = :until",
            ConditionExpression=(
                "attribute_exists(kid) AND attribute_not_exists(honoured_until) AND "
                "(attribute_not_exists(rotating_until) OR rotating_until < :now)"
            ),
            ExpressionAttributeValues={
                ":until": to_rfc3339(now + _ROTATION),
                ":now": to_rfc3339(now),
            },
        )


def retire_others(kid: str, *, honoured_until: datetime) -> None:
    """Set the expiry of all keys except this one."""
    for row in _rows():
        if row["kid"] != kid and "honoured_until" not in row:
            _table().update_item(
                Key={"ring": _RING, "kid": row["kid"]},
                UpdateExpression="SET honoured_until = :until, expires_at = :ttl",
                ExpressionAttributeValues={
                    ":until": to_rfc3339(honoured_until),
                    ":ttl": to_epoch_seconds(honoured_until + timedelta(days=1)),
                },
            )


def _rows() -> list[dynamodb.Item]:
    answer = _table().query(
        KeyConditionExpression=KeyCondition("ring").eq(_RING), ConsistentRead=True
    )
    return list(answer["Items"])


def _jwk(item: dynamodb.Item) -> Jwk:
    kid, x = str(item["kid"]), str(item["x"])
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x}


def _honoured_until(item: dynamodb.Item) -> datetime | None:
    until = item.get("honoured_until")
    return from_rfc3339(str(until)) if until else None


def _table() -> Any:
    return dynamodb.table(config.embed_keys_table)
