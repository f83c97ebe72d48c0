"""The environment's private signing key: in Secrets Manager, in the memory of what mints, no more.

The secret is random text that Secrets Manager made at the deploy; the Ed25519 key is derived from
it. So there is a key from the first moment, nobody has to be the first to make one, and no role
but the operator's may write it.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, lru_cache

import boto3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from craftkit import settings
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed.tokens import repository
from craftkit.errors import ConflictError

OVERLAP = timedelta(hours=24)
"""How long a replaced key is honoured: longer than any token lives."""

_PURPOSE = b"craftkit embed session tokens, Ed25519"


@dataclass(frozen=True)
class StageKey:
    """`kid` is the key's JWK thumbprint (RFC 7638); `x` its public half, base64url."""

    kid: str
    x: str
    private: Ed25519PrivateKey = field(repr=False)


def signing_key() -> StageKey:
    """The key to sign with now; anybody can verify what it signs from this moment on.

    A key that was replaced may still come for five minutes, which its overlap allows for.
    """
    key = _derive(settings.secret(config.embed_signing_secret))
    _publish_once(key.kid, key.x)
    return key


def rotate(*, overlap: timedelta = OVERLAP) -> tuple[StageKey, StageKey]:
    """Replace the key, as the operator. Of two who do it at once, one is refused.

    The new key can be verified with before anything is signed with it; the old one for `overlap`
    afterwards (zero ends every token that it has signed).

    Returns:
        The new key, and the one before.

    Raises:
        ConflictError: another rotation is under way.
    """
    client = boto3.client("secretsmanager")
    old = _derive(client.get_secret_value(SecretId=config.embed_signing_secret)["SecretString"])
    fresh = secrets.token_urlsafe(48)
    new = _derive(fresh)
    repository.publish(old.kid, old.x)
    try:
        repository.claim_rotation(old.kid)
    except ConditionFailedError as error:
        raise ConflictError("This key is being replaced already.") from error
    repository.publish(new.kid, new.x)
    client.put_secret_value(SecretId=config.embed_signing_secret, SecretString=fresh)
    repository.retire_others(new.kid, honoured_until=utc_now() + overlap)
    return new, old


@lru_cache(maxsize=4)
def _derive(secret: str) -> StageKey:
    seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    private = Ed25519PrivateKey.from_private_bytes(seed)
    x = _base64url(private.public_key().public_bytes_raw())
    required = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    return StageKey(_base64url(hashlib.sha256(required.encode()).digest()), x, private)


@cache
def _publish_once(kid: str, x: str) -> None:
    repository.publish(kid, x)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
