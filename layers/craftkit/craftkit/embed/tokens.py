"""Session tokens: the JWTs (EdDSA, Ed25519) that open the page, and those that partners sign.

The algorithm is ours to say, never the token's. What does not verify is `invalid_signature`,
whatever was wrong with it; only a good token is told that it came too late.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.types import Options

from craftkit.config import config
from craftkit.embed import keyring, partners
from craftkit.embed.models import Partner, Session, SigningKey
from craftkit.embed.signing import signing_key
from craftkit.errors import InvalidSignatureError, SessionExpiredError, SessionRevokedError
from craftkit.ids import is_id, new_id

AUDIENCE = "craftkit-embed"
PARTNER_TOKEN_LIFETIME = timedelta(minutes=5)

_ALGORITHM = "EdDSA"
_CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]
_PARTNER_CLAIMS = ["iss", "aud", "iat", "exp", "jti"]
_LEEWAY_SECONDS = 30
"""How far a partner's clock may be ahead of ours."""
_TOKEN_LIMIT = 16 * 1024
_JTI_LIMIT = 200
_REFUSED = "This session token was not signed for this environment, or it was changed."


@dataclass(frozen=True)
class Claims:
    """Which session a token of ours is for."""

    project_id: str
    session_id: str
    publishable_key: str | None
    expires_at: int


@dataclass(frozen=True)
class PartnerToken:
    """A token that a partner signed, verified. `wish` is not judged yet."""

    partner: Partner
    key: SigningKey
    jti: str
    expires_at: int
    wish: Mapping[str, Any]


def issuer() -> str:
    """What our tokens name as theirs: the stage's public address, or its name where it has none."""
    return config.public_url or f"urn:craftkit:{config.stage}"


def issue(session: Session, now: datetime) -> str:
    """A token for the session, good from now until the session's `expires_at`."""
    wish, key = session.wish, signing_key()
    claims = {
        "iss": issuer(),
        "aud": AUDIENCE,
        "sub": wish.actor.external_id,
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(session.expires_at.timestamp()),
        "jti": new_id(),
        "ck": {
            "session": session.id,
            "partner": session.project_id,
            "key": session.publishable_key,
            "tenant": wish.tenant.external_id,
            "actor": wish.actor.external_id,
            "scope": {"mode": session.mode, "templateExternalId": session.template_slug},
            "permissions": list(session.permissions),
        },
    }
    return jwt.encode(claims, key.private, algorithm=_ALGORITHM, headers={"kid": key.kid})


def read(token: str, now: datetime) -> Claims:
    """The claims of a token of ours.

    Raises:
        InvalidSignatureError: not ours, changed, for something else, or not valid yet.
        SessionExpiredError: ours, and too old.
    """
    key = keyring.find(str(_header(token).get("kid", "")))
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
    """Whether a token says that a partner signed it. It may lie: nothing is verified here."""
    return partners.is_publishable(_issuer_named_in(token))


def holder_of(token: str) -> str | None:
    """The project whose token this is or once was: its signature is good, its time may be over."""
    try:
        if is_partner_signed(token):
            publishable_key = _issuer_named_in(token)
            _, signing = partners.find_signing_key(publishable_key)
            if signing is None:
                return None
            key = partners.public_key_of(signing)
            _verified(token, key, publishable_key, _PARTNER_CLAIMS)
            return signing.project_id
        found = keyring.find(str(_header(token).get("kid", "")))
        claims = _verified(token, found, issuer(), _CLAIMS) if found else {}
        return str(claims["ck"]["partner"])
    except (InvalidSignatureError, KeyError, TypeError):
        return None


def read_partner_token(token: str, now: datetime) -> PartnerToken:
    """A token that a partner signed itself, at most five minutes ago.

    Raises:
        InvalidSignatureError: no key of ours, changed, for something else, or lives too long.
        SessionRevokedError: the key was revoked.
        SessionExpiredError: it came too late.
        InvalidCredentialsError, PartnerSuspendedError: the partnership is not on.
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
        raise InvalidSignatureError("A token that a partner signs lives five minutes at most.")
    jti, wish = claims["jti"], claims.get("ck")
    if not isinstance(jti, str) or not 0 < len(jti) <= _JTI_LIMIT or not isinstance(wish, dict):
        raise InvalidSignatureError("The token needs a jti of its own, and the session under ck.")
    return PartnerToken(partner, key, jti, claims["exp"], wish)


def _verified(
    token: str, key: Ed25519PublicKey, issuer: str, required: list[str]
) -> dict[str, Any]:
    """The claims under a good signature. Times are judged afterwards, by our clock."""
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
    except (jwt.InvalidTokenError, ValueError) as error:
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
    except (jwt.InvalidTokenError, ValueError) as error:
        raise InvalidSignatureError(_REFUSED) from error


def _issuer_named_in(token: str) -> str:
    _header(token)
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError) as error:
        raise InvalidSignatureError(_REFUSED) from error
    return str(claims.get("iss", ""))
