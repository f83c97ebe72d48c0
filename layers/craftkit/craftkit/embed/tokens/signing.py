"""The stage's private signing key, derived from a secret in Secrets Manager.

Secrets Manager generates the secret at the first deployment, and the Ed25519 key is derived from
it. So the key exists before the first request, and only the operator's role may write the secret.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

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
from craftkit.process_cache import process_cache

OVERLAP = timedelta(hours=24)
"""How long a replaced key stays valid: longer than the lifetime of any token."""

_PURPOSE = b"craftkit embed session tokens, Ed25519"


@dataclass(frozen=True)
class StageKey:
    """A key pair. `kid` is the JWK thumbprint (RFC 7638), `x` the public key in base64url."""

    kid: str
    x: str
    private: Ed25519PrivateKey = field(repr=False)


def signing_key() -> StageKey:
    """The key to sign with. It is in the JWKS before this returns.

    A cached secret can give a replaced key for five minutes; the key is valid during this time.
    """
    key = _derive(settings.secret(config.embed_signing_secret))
    _publish_once(key.kid, key.x)
    return key


def rotate(*, overlap: timedelta = OVERLAP) -> tuple[StageKey, StageKey]:
    """Replace the key, as the operator.

    The new key is in the JWKS before the first token is signed with it. The old key stays valid for
    `overlap`; zero invalidates all its tokens.

    Returns:
        The new key and the old key.

    Raises:
        ConflictError: another rotation is in progress.
    """
    client = boto3.client("secretsmanager")
    old = _derive(client.get_secret_value(SecretId=config.embed_signing_secret)["SecretString"])
    fresh = secrets.token_urlsafe(48)
    new = _derive(fresh)
    repository.publish(old.kid, old.x)
    try:
        repository.claim_rotation(old.kid)
    except ConditionFailedError as error:
        raise ConflictError("Another rotation of this key is in progress.") from error
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


@process_cache
def _publish_once(kid: str, x: str) -> None:
    repository.publish(kid, x)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
