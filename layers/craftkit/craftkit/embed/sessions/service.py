"""The use cases of sessions: create, exchange a partner's token, refresh, revoke, list.

The use cases of the page that a session opens are in `embed.page`.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from craftkit import cursors, settings
from craftkit.auth.principal import EMBED_EDIT, Mode, Principal
from craftkit.clock import to_milliseconds, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed.partners import service as partners
from craftkit.embed.partners.models import Partner, Permission
from craftkit.embed.sessions import repository, requests
from craftkit.embed.sessions.models import (
    RENEWABLE_FOR,
    WRITING_MODES,
    EmbedSession,
    SessionRequest,
)
from craftkit.embed.sessions.repository import UsedToken
from craftkit.embed.tokens import service as tokens
from craftkit.errors import (
    InsufficientScopeError,
    InvalidSignatureError,
    NotFoundError,
    RefreshFailedError,
)
from craftkit.ids import new_id
from craftkit.keys import repository as keys
from craftkit.limits import service as limits
from craftkit.schema import validate_request
from craftkit.slices import Place, Slice

_RENEW = re.compile(r"ert_([0-9a-f]{32})([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32
_NO_SESSION = "There is no session of this id in this project."


class OpenSession(BaseModel):
    """A session with its session token and renew token, which are not stored in cleartext."""

    model_config = ConfigDict(frozen=True)

    session: EmbedSession
    token: str = Field(repr=False)
    renew_token: str = Field(repr=False)


def create_embed_session(principal: Principal, request: SessionRequest) -> OpenSession:
    """Create a session for an actor of a tenant, in the key's mode.

    Raises:
        InvalidCredentialsError, PartnerSuspendedError: embed is not enabled, or suspended.
        InsufficientScopeError: the key is restricted to other templates, or lacks embed:edit.
        TemplateNotFoundError, NoPublishedVersionError, CatalogNotFoundError, NotFoundError: the
            template, catalog or render of the request does not exist.
        InvalidRequestError: a value is invalid, or values contradict each other.
        RateLimitedError: a rate limit of the key or its project is reached.
    """
    partner = partners.partner_of(principal.project_id)
    if request.scope.mode in WRITING_MODES:
        principal.require(EMBED_EDIT)
    slug = request.scope.template_external_id
    if slug is not None:
        principal.require_template(slug)
    else:
        require_all_templates(principal)
    may_edit = EMBED_EDIT in principal.scopes
    permissions = requests.granted_permissions(partner, request, principal.mode, may_edit=may_edit)
    limits.charge(principal, renders=0)
    return _open(partner, request, permissions, principal.key_id, principal.mode, utc_now())


def exchange_embed_token(token: str) -> OpenSession:
    """Create the session that a partner-signed token describes. A token works once.

    Raises:
        InvalidSignatureError: the token is not valid, or was used before.
        SessionExpiredError, SessionRevokedError, InvalidCredentialsError, PartnerSuspendedError:
            as `tokens.read_partner_token`.
        InvalidRequestError and what `create_embed_session` raises: the session cannot be created.
    """
    now = utc_now()
    signed = tokens.read_partner_token(token, now)
    key = signed.key
    used_token = UsedToken(key.publishable_key, signed.jti, signed.expires_at)
    request = validate_request(SessionRequest, signed.request)
    try:
        permissions = requests.granted_permissions(signed.partner, request, key.mode, may_edit=True)
        return _open(
            signed.partner, request, permissions, key.id, key.mode, now, used_token=used_token
        )
    except ConditionFailedError as error:
        raise InvalidSignatureError("This token was used before. Sign a new one.") from error


def refresh_embed_session(principal: Principal, renew_token: str) -> OpenSession:
    """Issue new tokens for a session of the key's project. A renew token works once.

    Raises:
        InvalidCredentialsError, PartnerSuspendedError: embed is not enabled, or suspended.
        RefreshFailedError: the token was used or is not valid, the session has ended, or this key
            may not refresh it. The response does not say which.
    """
    partners.partner_of(principal.project_id)
    match = _RENEW.fullmatch(renew_token)
    if match is None:
        raise RefreshFailedError
    session_id = _dashed(match[1])
    session = repository.get(principal.project_id, session_id)
    now = utc_now()
    if session is None or not is_visible(session, principal):
        raise RefreshFailedError
    if session.mode in WRITING_MODES and EMBED_EDIT not in principal.scopes:
        raise RefreshFailedError
    if session.publishable_key is None and not is_key_active(session, now):
        raise RefreshFailedError
    fresh = _new_renew_token(session_id)
    expires_at = now + timedelta(seconds=session.request.limits.session_seconds)
    try:
        renewed = repository.renew(
            principal.project_id,
            session_id,
            old_hash=_hash(renew_token),
            new_hash=_hash(fresh),
            now=now,
            expires_at=expires_at,
            renewable_until=expires_at + RENEWABLE_FOR,
        )
    except ConditionFailedError as error:
        raise RefreshFailedError from error
    return OpenSession(session=renewed, token=_token(renewed, now), renew_token=fresh)


def embed_url() -> str:
    """The URL of the embedded page, without a trailing slash.

    Without a domain it is the embed API's URL, read from a parameter: the two APIs would otherwise
    be a circular dependency in the template.
    """
    if config.embed_origin:
        return config.embed_origin
    return settings.parameter(config.embed_url_parameter).rstrip("/")


def revoke_embed_session(principal: Principal, session_id: str) -> None:
    """Revoke a session by an API key that could have created it.

    Raises:
        InvalidCredentialsError, PartnerSuspendedError: embed is not enabled, or suspended.
        NotFoundError: the project has no such session, or the session is of another mode or of a
            template that the key may not use.
    """
    partners.partner_of(principal.project_id)
    session = repository.get(principal.project_id, session_id)
    if session is None or not is_visible(session, principal):
        raise NotFoundError(_NO_SESSION)
    revoke_session(principal.project_id, session_id, by=principal.key_id)


def is_visible(session: EmbedSession, principal: Principal) -> bool:
    """Whether the session is of the key's mode, and of a template that the key may use."""
    is_own = not principal.templates or session.template_slug in principal.templates
    return is_own and session.key_mode == principal.mode


def is_key_active(session: EmbedSession, now: datetime) -> bool:
    """Whether the API key that created the session is active. Reads with strong consistency."""
    key = keys.get(session.key_id)
    if key is None or key.status(now) != "active":
        return False
    return session.mode not in WRITING_MODES or EMBED_EDIT in key.scopes


def require_all_templates(principal: Principal) -> None:
    """Refuse a key that is restricted to some templates.

    Raises:
        InsufficientScopeError: the key is restricted.
    """
    if principal.templates:
        raise InsufficientScopeError(
            "This API key is restricted to some templates, so it cannot use catalogs."
        )


def revoke_session(project_id: str, session_id: str, *, by: str) -> None:
    """Revoke a session. It is refused from the next request on. Repeated calls have no effect.

    Raises:
        NotFoundError: the project has no such session.
    """
    try:
        repository.revoke(project_id, session_id, by=by, now=utc_now())
    except ConditionFailedError as error:
        if repository.get(project_id, session_id) is None:
            raise NotFoundError(_NO_SESSION) from error


def list_sessions(
    project_id: str, *, limit: int = 100, cursor: str | None = None
) -> tuple[list[EmbedSession], str | None]:
    """A page of the project's sessions, newest first, and the cursor of the next."""
    scope = f"embed/sessions/{project_id}"
    after: dict[str, Any] | None = cursors.unseal(cursor, scope) if cursor else None
    sessions, last = repository.page(project_id, limit, after)
    return sessions, cursors.seal(last, scope) if last else None


@dataclass(frozen=True)
class SessionFilter:
    """Sessions of this state and mode whose id, or a part of whose tenant, actor or template, is
    `text`. Empty values match any session.
    """

    text: str = ""
    state: str = ""
    mode: str = ""

    def matches(self, session: EmbedSession, now: datetime) -> bool:
        tenant, actor = session.request.tenant, session.request.actor
        texts = (
            session.id, tenant.external_id, tenant.display_name, actor.external_id,
            actor.display_name, actor.email, session.template_slug,
        )  # fmt: skip
        wanted = self.text.casefold()
        return (
            self.state in ("", session.state_at(now))
            and self.mode in ("", session.mode)
            and any(wanted in text.casefold() for text in texts if text)
        )


def find_sessions(
    project_id: str, wanted: SessionFilter, place: Place, *, limit: int
) -> Slice[EmbedSession]:
    """A slice of the matching sessions of a project."""
    now = utc_now()
    return repository.rows(project_id).read(
        place, limit=limit, matches=lambda session: wanted.matches(session, now)
    )


def _open(
    partner: Partner,
    request: SessionRequest,
    permissions: tuple[Permission, ...],
    key_id: str,
    key_mode: Mode,
    now: datetime,
    *,
    used_token: UsedToken | None = None,
) -> OpenSession:
    requests.check_request(partner, request, permissions)
    session_id = new_id()
    expires_at = now + timedelta(seconds=request.limits.session_seconds)
    session = EmbedSession(
        project_id=partner.project_id,
        id=session_id,
        request=requests.pinned(partner.project_id, request),
        permissions=permissions,
        template_slug=request.scope.template_external_id,
        version_number=requests.shown_version(partner.project_id, request, key_mode),
        key_id=key_id,
        key_mode=key_mode,
        publishable_key=used_token.publishable_key if used_token else None,
        created_at=to_milliseconds(now),
        expires_at=to_milliseconds(expires_at),
        renewable_until=to_milliseconds(expires_at + RENEWABLE_FOR),
    )
    token = _token(session, now)
    renew_token = _new_renew_token(session_id)
    repository.create(session, renew_hash=_hash(renew_token), used_token=used_token)
    repository.keep_tenant_and_actor(partner.project_id, request.tenant, request.actor, now)
    return OpenSession(session=session, token=token, renew_token=renew_token)


def _token(session: EmbedSession, now: datetime) -> str:
    """A session token that is valid until the session's `expires_at`."""
    request = session.request
    claims = {
        "session": session.id,
        "partner": session.project_id,
        "key": session.publishable_key,
        "tenant": request.tenant.external_id,
        "actor": request.actor.external_id,
        "scope": {"mode": session.mode, "templateExternalId": session.template_slug},
        "permissions": list(session.permissions),
    }
    return tokens.issue(request.actor.external_id, claims, now=now, until=session.expires_at)


def _new_renew_token(session_id: str) -> str:
    """A random token that contains the session's id, so that one conditional write can verify and
    replace it."""
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=")
    return f"ert_{session_id.replace('-', '')}{secret}"


def _dashed(digits: str) -> str:
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts)


def _hash(renew_token: str) -> str:
    return hashlib.sha256(renew_token.encode()).hexdigest()
