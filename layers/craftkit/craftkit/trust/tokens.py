"""Verifies the signature and the times of an OIDC token (a JWT). `service` matches the rules."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from jwt import PyJWK

from craftkit.clock import utc_now
from craftkit.trust.models import Jwk

LEEWAY = timedelta(seconds=60)
LONGEST_TOKEN = 16 * 1024
_ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""Accepted signature algorithms by key type. Symmetric algorithms and `none` are not accepted:
anyone who knows the public key could sign with them."""

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_SMALLEST_RSA_BITS = 2048
_LATEST_TIME = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""A later one is no `datetime` once the leeway is added."""

Claims = dict[str, Any]
FindKey = Callable[[str, str | None], Jwk | None]
"""From issuer and key id to the issuer's public key, or None where it has no such key."""


class TokenRefusedError(Exception):
    """The token is not valid. The message says why and holds none of the token's values."""


def issuer_of(token: str) -> str:
    """The issuer that a token claims, unverified; used only to find the issuer's keys.

    Raises:
        TokenRefusedError: not a JWT with an issuer.
    """
    issuer = _unverified(token).get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise TokenRefusedError("The token has no issuer.")
    return issuer


def unverified_claims(token: str) -> Claims:
    """A token's unverified claims, to explain a refusal. Empty for text that is not a JWT."""
    try:
        return _unverified(token)
    except TokenRefusedError:
        return {}


def verify(token: str, *, find_key: FindKey) -> Claims:
    """The claims of a token that its issuer signed and that is valid now.

    Raises:
        TokenRefusedError: the signature, the algorithm or a time is not acceptable.
        IssuerUnavailableError: from `find_key`.
    """
    issuer = issuer_of(token)
    header = _header(token)
    key = find_key(issuer, header.get("kid"))
    if key is None:
        raise TokenRefusedError("The issuer has no key of the id that the token names.")
    algorithm = _checked_algorithm(header.get("alg"), key)
    try:
        claims: Claims = jwt.decode(
            token,
            PyJWK(key, algorithm),
            algorithms=[algorithm],
            options={
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenRefusedError("The token's signature is not valid.") from error
    _check_times(claims, utc_now())
    if claims.get("iss") != issuer or not isinstance(claims.get("sub"), str):
        raise TokenRefusedError("The token has no subject.")
    return claims


def identity_of(token: str, claims: Claims) -> tuple[str, datetime]:
    """The unique id of a token, and until when it must be stored as used.

    The id is the issuer with `jti`; without `jti`, the token's signed part, because the same
    signature has several encodings.
    """
    unique = claims.get("jti")
    part = f"jti:{unique}" if isinstance(unique, str) and unique else token.rpartition(".")[0]
    # JSON can hold half of a surrogate pair, which is no character of UTF-8.
    named = f"{claims['iss']}\0{part}".encode(errors="surrogatepass")
    digest = hashlib.sha256(named).hexdigest()
    return digest, datetime.fromtimestamp(claims["exp"], tz=utc_now().tzinfo) + LEEWAY


def _unverified(token: str) -> Claims:
    if len(token) > LONGEST_TOKEN:
        raise TokenRefusedError("The token is longer than 16 KiB.")
    try:
        claims: Claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError) as error:
        raise TokenRefusedError("The token is not a JWT.") from error
    return claims


def _header(token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise TokenRefusedError("The token is not a JWT.") from error
    if header.get("crit"):
        raise TokenRefusedError("The token requires an extension that is not supported.")
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise TokenRefusedError("The token's key id is not text.")
    return header


def _checked_algorithm(algorithm: object, key: Jwk) -> str:
    """The token's algorithm, if it fits the key's type (prevents algorithm confusion)."""
    allowed = _ALGORITHMS.get(str(key.get("kty")), ())
    if not isinstance(algorithm, str) or algorithm not in allowed:
        raise TokenRefusedError("The token's algorithm is not one that this key may sign with.")
    if key.get("alg", algorithm) != algorithm or (
        algorithm in _CURVES and key.get("crv") != _CURVES[algorithm]
    ):
        raise TokenRefusedError("The token's algorithm is not the one of its key.")
    if key["kty"] == "RSA" and _rsa_bits(key) < _SMALLEST_RSA_BITS:
        raise TokenRefusedError("The issuer's RSA key is shorter than 2,048 bits.")
    return algorithm


def _rsa_bits(key: Jwk) -> int:
    modulus = key.get("n")
    try:
        raw = jwt.utils.base64url_decode(modulus) if isinstance(modulus, str) else b""
    except ValueError:
        return 0
    return int.from_bytes(raw).bit_length()


def _check_times(claims: Claims, now: datetime) -> None:
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    times = {name: _time_of(claims, name) for name in ("exp", "nbf", "iat")}
    if times["exp"] is None:
        raise TokenRefusedError("The token has no expiry.")
    if times["exp"] <= moment - leeway:
        raise TokenRefusedError("The token has expired.")
    if any((times[name] or 0) > moment + leeway for name in ("nbf", "iat")):
        raise TokenRefusedError("The token is not valid yet.")


def _time_of(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < _LATEST_TIME:
        raise TokenRefusedError(f"The token's {name} is not a time.")
    return float(value)
