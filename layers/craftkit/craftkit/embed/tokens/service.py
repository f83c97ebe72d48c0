"""Session tokens: JWTs (EdDSA, Ed25519) that open the page, and tokens that partners sign.

The algorithm is fixed and not read from the token. Every token that does not verify gives the same
`invalid_signature`; only a token with a valid signature gives `session_expired`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.types import Options

from craftkit.config import config
from craftkit.embed.partners import service as partners
from craftkit.embed.tokens import repository
from craftkit.embed.tokens.models import Claims, PartnerToken
from craftkit.embed.tokens.signing import signing_key
from craftkit.errors import InvalidSignatureError, SessionExpiredError, SessionRevokedError
from craftkit.ids import is_id, new_id

AUDIENCE = "craftkit-embed"
PARTNER_TOKEN_LIFETIME = timedelta(minutes=5)

_ALGORITHM = "EdDSA"
_CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]
_PARTNER_CLAIMS = ["iss", "aud", "iat", "exp", "jti"]
_LEEWAY_SECONDS = 30
"""How far a partner's clock may be ahead of the server's."""
_TOKEN_LIMIT = 16 * 1024
_JTI_LIMIT = 200
_REFUSED = "This session token was not signed for this environment, or it was changed."


def issuer() -> str:
    """The `iss` of the stage's tokens: its public URL, or its name without a domain."""
    return config.public_url or f"urn:craftkit:{config.stage}"


def issue(
    subject: str, session_claims: Mapping[str, Any], *, now: datetime, until: datetime
) -> str:
    """A token that is valid from `now` until `until`.

    Args:
        subject: the actor's external id.
        session_claims: the claim `ck`, which describes the session.
    """
    key = signing_key()
    claims = {
        "iss": issuer(),
        "aud": AUDIENCE,
        "sub": subject,
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(until.timestamp()),
        "jti": new_id(),
        "ck": session_claims,
    }
    return jwt.encode(claims, key.private, algorithm=_ALGORITHM, headers={"kid": key.kid})


def read(token: str, now: datetime) -> Claims:
    """The claims of a token that the stage has signed.

    Raises:
        InvalidSignatureError: the token is not signed by this stage, has another purpose, or is not
            valid yet.
        SessionExpiredError: the token has expired.
    """
    key = repository.find(str(_header(token).get("kid", "")))
    if key is None:
        raise InvalidSignatureError(_REFUSED)
    claims = _verified(token, key, issuer(), _CLAIMS)
    _require_present(claims, now)
    ck = claims.get("ck")
    if not isinstance(ck, dict):
        raise InvalidSignatureError(_REFUSED)
    project_id, session_id = str(ck.get("partner")), str(ck.get("session"))
    if not (is_id(project_id) and is_id(session_id)):
        raise InvalidSignatureError(_REFUSED)
    return Claims(project_id, session_id, ck.get("key"), claims["exp"])


def is_partner_signed(token: str) -> bool:
    """Whether a token claims to be signed by a partner. The token is not verified."""
    return partners.is_publishable(_issuer_named_in(token))


def holder_of(token: str) -> str | None:
    """The project of a token with a valid signature, expired or not; None for other tokens."""
    try:
        if is_partner_signed(token):
            publishable_key = _issuer_named_in(token)
            _, signing = partners.find_signing_key(publishable_key)
            if signing is None:
                return None
            key = partners.public_key_of(signing)
            _verified(token, key, publishable_key, _PARTNER_CLAIMS)
            return signing.project_id
        found = repository.find(str(_header(token).get("kid", "")))
        claims = _verified(token, found, issuer(), _CLAIMS) if found else {}
        return str(claims["ck"]["partner"])
    except (InvalidSignatureError, KeyError, TypeError):
        return None


def read_partner_token(token: str, now: datetime) -> PartnerToken:
    """Verify a token that a partner has signed at most five minutes ago.

    Raises:
        InvalidSignatureError: the key is unknown, the signature or a claim is not valid, or the
            lifetime exceeds five minutes.
        SessionRevokedError: the key is revoked.
        SessionExpiredError: the token has expired.
        InvalidCredentialsError, PartnerSuspendedError: embed is not enabled, or suspended.
    """
    publishable_key = _issuer_named_in(token)
    partner, key = partners.find_signing_key(publishable_key)
    if key is None:
        raise InvalidSignatureError(_REFUSED)
    claims = _verified(token, partners.public_key_of(key), publishable_key, _PARTNER_CLAIMS)
    if key.revoked_at is not None:
        raise SessionRevokedError("The key that signed this token was revoked.")
    partner = partners.require_partner(partner)
    _require_present(claims, now)
    lifetime = claims["exp"] - claims["iat"]
    if not 0 < lifetime <= PARTNER_TOKEN_LIFETIME.total_seconds():
        raise InvalidSignatureError(
            "The lifetime of a partner's token (exp - iat) exceeds 5 minutes."
        )
    jti, request = claims["jti"], claims.get("ck")
    if not isinstance(jti, str) or not 0 < len(jti) <= _JTI_LIMIT or not isinstance(request, dict):
        raise InvalidSignatureError(
            "The token requires the claims jti (unique) and ck (the session)."
        )
    return PartnerToken(partner, key, jti, claims["exp"], request)


def _verified(
    token: str, key: Ed25519PublicKey, issuer: str, required: list[str]
) -> dict[str, Any]:
    """The claims of a token with a valid signature. The caller checks the times."""
    options: Options = {
        "require": required,
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
    }
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            issuer=issuer,
            options=options,
        )
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise InvalidSignatureError(_REFUSED) from error
    if not all(type(claims.get(name, 0)) is int for name in ("iat", "nbf", "exp")):
        raise InvalidSignatureError(_REFUSED)
    return claims


def _require_present(claims: Mapping[str, Any], now: datetime) -> None:
    moment = now.timestamp()
    if max(claims["iat"], claims.get("nbf", 0)) > moment + _LEEWAY_SECONDS:
        raise InvalidSignatureError("This session token is not valid yet.")
    if claims["exp"] <= moment:
        raise SessionExpiredError


def _header(token: str) -> dict[str, Any]:
    if len(token) > _TOKEN_LIMIT:
        raise InvalidSignatureError(_REFUSED)
    try:
        return jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise InvalidSignatureError(_REFUSED) from error


def _issuer_named_in(token: str) -> str:
    _header(token)
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise InvalidSignatureError(_REFUSED) from error
    return str(claims.get("iss", ""))
