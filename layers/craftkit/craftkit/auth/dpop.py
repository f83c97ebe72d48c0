"""DPoP proofs (RFC 9449). Imported only for calls that carry one: it loads PyJWT and cryptography.

A proof is a JWT that the holder of a private key signs for one request. A key is bound to the
RFC 7638 thumbprint of the public key.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt import PyJWK
from jwt.api_jws import decode_complete

WINDOW = timedelta(seconds=60)
"""How far `iat` may be from the present, in both directions."""

LONGEST_PROOF = 4096
LONGEST_JTI = 256

_ALGORITHMS = {("EC", "P-256"): ("ES256",), ("OKP", "Ed25519"): ("EdDSA", "Ed25519")}
_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
_COORDINATE_BYTES = 32
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class InvalidProofError(Exception):
    """The proof is not valid for the request. The message says why and holds no value of it."""


@dataclass(frozen=True)
class Proof:
    """A valid proof.

    Attributes:
        thumbprint: the public key's, RFC 7638, SHA-256 in base64url.
        identity: what a proof may be used for once; a hash of the thumbprint and `jti`.
        valid_until: when its `iat` leaves the window.
    """

    thumbprint: str
    identity: str
    valid_until: datetime


def verify(
    text: str, *, method: str, url: str, now: datetime, access_token: str | None = None
) -> Proof:
    """Verify a proof, except that it was not used before.

    Args:
        url: the public URL of the request. Query and fragment are ignored.
        access_token: the key that is presented with the proof; None at the token endpoint.

    Raises:
        InvalidProofError: it is not a proof for this request.
    """
    if len(text) > LONGEST_PROOF:
        raise InvalidProofError("The proof is longer than 4,096 characters.")
    key, claims = _verified(text)
    if claims.get("htm") != method:
        raise InvalidProofError("The proof is for another method (htm).")
    target = _normal(claims.get("htu"))
    if target is None or target != _normal(url):
        raise InvalidProofError("The proof is for another URL (htu).")
    issued_at = _issued_at(claims, now)
    if access_token is not None and not _is_hash_of(claims.get("ath"), access_token):
        raise InvalidProofError("The proof is for another key (ath).")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise InvalidProofError("The proof's jti is not text of 1 to 256 characters.")
    print_ = thumbprint(key)
    return Proof(
        thumbprint=print_,
        identity=hashlib.sha256(f"{print_}\0{jti}".encode(errors="surrogatepass")).hexdigest(),
        valid_until=issued_at + WINDOW,
    )


def thumbprint(key: Mapping[str, Any]) -> str:
    """The RFC 7638 thumbprint of a public JWK, ES256 (P-256) or Ed25519.

    Raises:
        InvalidProofError: it is another kind of key, is malformed, or holds a private key.
    """
    if "d" in key or "k" in key:
        raise InvalidProofError("The JWK holds a private key. Only the public key may be sent.")
    if _algorithms_of(key) is None:
        raise InvalidProofError("The JWK is neither an ES256 (P-256) nor an Ed25519 public key.")
    members = {name: key.get(name) for name in _MEMBERS[str(key["kty"])]}
    if not all(_is_coordinate(members[name]) for name in members.keys() & {"x", "y"}):
        raise InvalidProofError("The JWK's coordinates are not 32 bytes in base64url.")
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def check_public_key(key: Mapping[str, Any]) -> str:
    """The thumbprint of a key that signatures can be verified with.

    Raises:
        InvalidProofError: as `thumbprint`, or the point is not on the curve.
    """
    made = thumbprint(key)
    _loaded(key)
    return made


def _verified(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The public key in the proof's header, and its claims, signed with that key."""
    try:
        decoded = decode_complete(text, options={"verify_signature": False})
        header, claims = decoded["header"], json.loads(decoded["payload"])
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidProofError("The DPoP header is not one JWT.") from error
    if not isinstance(claims, dict):
        raise InvalidProofError("The proof has no claims.")
    if header.get("typ") != "dpop+jwt":
        raise InvalidProofError("The proof's typ is not dpop+jwt.")
    if "crit" in header:
        raise InvalidProofError("The proof requires an extension that is not supported.")
    key = header.get("jwk")
    if not isinstance(key, dict):
        raise InvalidProofError("The proof's header has no jwk.")
    thumbprint(key)
    algorithm, allowed = header.get("alg"), _algorithms_of(key) or ()
    if algorithm not in allowed or key.get("alg", algorithm) not in allowed:
        raise InvalidProofError("The proof's algorithm is not ES256 or EdDSA, or not its key's.")
    loaded, signed = _loaded(key), text.rpartition(".")[0].encode()
    if not loaded.Algorithm.verify(signed, loaded.key, decoded["signature"]):
        raise InvalidProofError("The proof's signature is not valid.")
    return key, claims


def _loaded(key: Mapping[str, Any]) -> PyJWK:
    members = {name: key[name] for name in _MEMBERS[str(key["kty"])]}
    try:
        return PyJWK(members, "ES256" if key["kty"] == "EC" else "EdDSA")
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidProofError("The JWK is not a valid public key.") from error


def _algorithms_of(key: Mapping[str, Any]) -> tuple[str, ...] | None:
    kind, curve = key.get("kty"), key.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str):
        return None
    return _ALGORITHMS.get((kind, curve))


def _is_coordinate(text: object) -> bool:
    """Whether it is 32 bytes in the one spelling that base64url without padding has for them."""
    if not isinstance(text, str) or not text.isascii():
        return False
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return False
    return len(raw) == _COORDINATE_BYTES and _base64url(raw) == text


def _issued_at(claims: Mapping[str, Any], now: datetime) -> datetime:
    at = claims.get("iat")
    if not isinstance(at, int | float) or isinstance(at, bool):
        raise InvalidProofError("The proof's iat is not a time.")
    # Written so, it is false for NaN, and takes integers that no float can hold.
    if not (now - WINDOW).timestamp() <= at <= (now + WINDOW).timestamp():
        raise InvalidProofError("The proof's iat is more than 60 seconds from the server's clock.")
    return datetime.fromtimestamp(at, tz=UTC)


def _is_hash_of(ath: object, access_token: str) -> bool:
    expected = _base64url(hashlib.sha256(access_token.encode()).digest())
    return isinstance(ath, str) and compare_digest(ath.encode(errors="replace"), expected.encode())


def _normal(url: object) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and path, normalized as RFC 3986 (6.2.2 and 6.2.3) describes."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    path = re.sub(r"%([0-9A-Fa-f]{2})", _decode_unreserved, parts.path or "/")
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme], path


def _decode_unreserved(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
