"""The signature of an inbound hook: HMAC-SHA256 of the raw body, in lower-case hex."""

import hashlib
import hmac


def signature_of(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_valid_signature(signature: str, secret: str, body: bytes) -> bool:
    """Whether the signature matches the body. Compares in constant time."""
    given = signature.encode(errors="surrogateescape")
    return hmac.compare_digest(given, signature_of(secret, body).encode())
