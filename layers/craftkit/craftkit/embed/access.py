"""Who stands before the page: every call proves its session afresh, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from craftkit.auth.verify import bearer_of
from craftkit.clock import Clock, utc_now
from craftkit.embed import partner_items, partners, repository, service, tokens
from craftkit.embed.models import Mode, Partner, Permission, Session
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
class Visit:
    """A call with a good session. `expires_at` is its token's, in seconds since 1970."""

    session: Session
    partner: Partner
    expires_at: int

    def require(self, permission: Permission, *modes: Mode) -> None:
        """Refuse a session that was opened for something else, or without the permission.

        Raises:
            WrongModeError, PermissionDeniedError: which of the two it is.
        """
        if modes and self.session.mode not in modes:
            raise WrongModeError
        if permission not in self.session.permissions:
            raise PermissionDeniedError(f"This session lacks the permission {permission}.")


@dataclass(frozen=True)
class Opening:
    """What the page itself may know before it is loaded: who may hold it, and why it cannot open.

    `partner` is None where the token proves nothing.
    """

    partner: Partner | None
    session: Session | None = None
    refusal: CraftkitError | None = None


def enter(request: Request, *, clock: Clock = utc_now) -> Visit:
    """The visit behind a call of our own page.

    Raises:
        OriginNotAllowedError: the call does not come from our page.
        MissingAuthorizationError, InvalidSignatureError, SessionExpiredError: the token.
        SessionRevokedError, InvalidCredentialsError, PartnerSuspendedError: what it stands for.
    """
    require_own_origin(request)
    return visit_of(bearer_token(request.headers), clock())


def visit_of(token: str, now: datetime) -> Visit:
    """The visit of a token. Session, partner and key are read strongly consistent, so that the
    end of any of them is seen by the next call."""
    claims = tokens.read(token, now)
    found, key = partner_items.partner_and_key(claims.project_id, claims.publishable_key)
    partner = partners.require_partner(found)
    session = repository.get(claims.project_id, claims.session_id)
    if session is None or session.revoked_at is not None:
        raise SessionRevokedError
    if claims.publishable_key is None:
        has_ended = not service.is_key_active(session, now)
    else:
        has_ended = key is None or key.revoked_at is not None
    if has_ended:
        raise SessionRevokedError("The key that opened this session has ended. Open a new one.")
    return Visit(session, partner, claims.expires_at)


def opening_of(token: str, *, clock: Clock = utc_now) -> Opening:
    """What a page's address promises, without opening anything: nothing is used up by it."""
    now = clock()
    try:
        if tokens.is_partner_signed(token):
            return Opening(tokens.read_partner_token(token, now).partner)
        visit = visit_of(token, now)
    except CraftkitError as error:
        project_id = tokens.holder_of(token)
        holder = partner_items.get_partner(project_id) if project_id else None
        return Opening(holder, refusal=error)
    return Opening(visit.partner, visit.session)


def require_own_origin(request: Request) -> None:
    """Refuse a call that another site's page makes in the name of this person.

    Our page asks by POST alone, so that every browser says where the call comes from.

    Raises:
        OriginNotAllowedError: absent, `null`, or not exactly ours.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    if request.headers.get("origin") != request.origin or site != "same-origin":
        raise OriginNotAllowedError


def bearer_token(headers: Mapping[str, str]) -> str:
    """The token of the Authorization header.

    Raises:
        MissingAuthorizationError: there is none.
    """
    token = bearer_of(headers.get("authorization"))
    if token is None:
        raise MissingAuthorizationError(_MISSING)
    return token
