"""Authenticates each call of the embedded page by its session token and its origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from craftkit.auth.verify import bearer_of
from craftkit.clock import utc_now
from craftkit.embed.partners import repository as partner_rows
from craftkit.embed.partners import service as partners
from craftkit.embed.partners.models import Partner, Permission
from craftkit.embed.sessions import repository
from craftkit.embed.sessions import service as sessions
from craftkit.embed.sessions.models import EmbedMode, EmbedSession
from craftkit.embed.tokens import service as tokens
from craftkit.errors import (
    CraftkitError,
    MissingAuthorizationError,
    OriginNotAllowedError,
    PermissionDeniedError,
    SessionRevokedError,
    WrongModeError,
)
from craftkit.http import Request

_MISSING = "Send the session token in the header: Authorization: Bearer …"


@dataclass(frozen=True)
class Visitor:
    """The authenticated caller. `expires_at`: when the session token expires, in epoch seconds."""

    session: EmbedSession
    partner: Partner
    expires_at: int

    def require(self, permission: Permission, *modes: EmbedMode) -> None:
        """Check the session's mode and permissions.

        Raises:
            WrongModeError: the session's mode is not one of `modes`.
            PermissionDeniedError: the session lacks the permission.
        """
        if modes and self.session.mode not in modes:
            raise WrongModeError
        if permission not in self.session.permissions:
            raise PermissionDeniedError(f"This session lacks the permission {permission}.")


@dataclass(frozen=True)
class PageOpening:
    """The result of checking the token of a page's address: partner, session, or a refusal.

    `partner` is None if the token names no partner. Its origins decide who may frame the page.
    """

    partner: Partner | None
    session: EmbedSession | None = None
    refusal: CraftkitError | None = None


def authenticate(request: Request) -> Visitor:
    """The visitor of a request by the embedded page.

    Raises:
        OriginNotAllowedError: the request does not come from the page.
        MissingAuthorizationError, InvalidSignatureError, SessionExpiredError: the token is missing
            or invalid.
        SessionRevokedError, InvalidCredentialsError, PartnerSuspendedError: session, key or partner
            have ended.
    """
    require_own_origin(request)
    return visitor_of(bearer_token(request.headers), utc_now())


def visitor_of(token: str, now: datetime) -> Visitor:
    """The visitor of a token.

    Session, partner and key are read with strong consistency, so that a revocation applies to the
    next request.
    """
    claims = tokens.read(token, now)
    found, key = partner_rows.partner_and_key(claims.project_id, claims.publishable_key)
    partner = partners.require_partner(found)
    session = repository.get(claims.project_id, claims.session_id)
    if session is None or session.revoked_at is not None:
        raise SessionRevokedError
    if claims.publishable_key is None:
        has_ended = not sessions.is_key_active(session, now)
    else:
        has_ended = key is None or key.revoked_at is not None
    if has_ended:
        raise SessionRevokedError("The key that opened this session has ended. Open a new one.")
    return Visitor(session, partner, claims.expires_at)


def opening_of(token: str) -> PageOpening:
    """Check the token of a page's address. A token that works once is not used up."""
    now = utc_now()
    try:
        if tokens.is_partner_signed(token):
            return PageOpening(tokens.read_partner_token(token, now).partner)
        visitor = visitor_of(token, now)
    except CraftkitError as error:
        project_id = tokens.holder_of(token)
        holder = partner_rows.get_partner(project_id) if project_id else None
        return PageOpening(holder, refusal=error)
    return PageOpening(visitor.partner, visitor.session)


def require_own_origin(request: Request) -> None:
    """Refuse a cross-site request.

    The page sends POST requests only, because browsers add `Origin` to every POST.

    Raises:
        OriginNotAllowedError: `Origin` is absent, `null` or another origin.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    if request.headers.get("origin") != request.embed_origin or site != "same-origin":
        raise OriginNotAllowedError


def bearer_token(headers: Mapping[str, str]) -> str:
    """The token of the Authorization header.

    Raises:
        MissingAuthorizationError: the header is absent or has no bearer token.
    """
    token = bearer_of(headers.get("authorization"))
    if token is None:
        raise MissingAuthorizationError(_MISSING)
    return token
