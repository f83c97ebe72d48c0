"""Sessions: minted by a key or opened by a partner's own token, refreshed, revoked, listed.

The page that a session opens has its use cases in `access` (who is there), `forms` and `editing`.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from craftkit import cursors
from craftkit.auth.principal import EMBED_EDIT, Principal
from craftkit.auth.principal import Mode as KeyMode
from craftkit.clock import Clock, to_milliseconds, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed import catalogs, partners, people, repository, tokens
from craftkit.embed.models import (
    DEFAULT_PERMISSIONS,
    NEEDED,
    RENEWABLE_FOR,
    WRITING_MODES,
    WRITING_PERMISSIONS,
    CatalogRef,
    Partner,
    Permission,
    Session,
    SessionRequest,
)
from craftkit.embed.repository import Once
from craftkit.errors import (
    InsufficientScopeError,
    InvalidRequestError,
    InvalidSignatureError,
    Issues,
    NotFoundError,
    RefreshFailedError,
)
from craftkit.ids import is_id, new_id
from craftkit.keys import repository as keys
from craftkit.limits import service as limits
from craftkit.renders import service as renders
from craftkit.renders.service import Visibility
from craftkit.schema import validate_request
from craftkit.templates import service as templates
from craftkit.templates.models import Manifest

_RENEW = re.compile(r"ert_([0-9a-f]{32})([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32
_NO_SESSION = "There is no session of this id in this project."


class OpenSession(BaseModel):
    """A session with what opens it and what renews it: neither is kept in the clear."""

    model_config = ConfigDict(frozen=True)

    session: Session
    token: str = Field(repr=False)
    renew_token: str = Field(repr=False)


def create_session(
    principal: Principal, wish: SessionRequest, *, clock: Clock = utc_now
) -> OpenSession:
    """Mint a session for a tenant's actor, in the key's mode.

    Raises:
        InvalidCredentialsError, PartnerSuspendedError: the partnership is not on.
        InsufficientScopeError: the key is confined to other templates, or lacks embed:edit.
        TemplateNotFoundError, NoPublishedVersionError, CatalogNotFoundError, NotFoundError: what
            the session is for is not there.
        InvalidRequestError: what was asked for does not go together.
        RateLimitedError: the key or its project makes more calls that write than it may.
    """
    partner = partners.partner_of(principal.project_id)
    if wish.scope.mode in WRITING_MODES:
        principal.require(EMBED_EDIT)
    slug = wish.scope.template_external_id
    if slug is not None:
        principal.require_template(slug)
    else:
        require_all_templates(principal)
    may_edit = EMBED_EDIT in principal.scopes
    permissions = _granted(partner, wish, principal.mode, may_edit=may_edit)
    limits.charge(principal, renders=0, clock=clock)
    return _open(partner, wish, permissions, principal.key_id, principal.mode, clock())


def exchange_token(token: str, *, clock: Clock = utc_now) -> OpenSession:
    """Open the session that a partner-signed token describes. A token opens one session.

    Raises:
        InvalidSignatureError: the token is not good, or was used before.
        SessionExpiredError, SessionRevokedError, InvalidCredentialsError, PartnerSuspendedError:
            as `tokens.read_partner_token`.
        InvalidRequestError and what `create_session` raises: what it describes cannot be opened.
    """
    now = clock()
    signed = tokens.read_partner_token(token, now)
    key = signed.key
    once = Once(key.publishable_key, signed.jti, signed.expires_at)
    wish = validate_request(SessionRequest, signed.wish)
    try:
        permissions = _granted(signed.partner, wish, key.mode, may_edit=True)
        return _open(signed.partner, wish, permissions, key.id, key.mode, now, once=once)
    except ConditionFailedError as error:
        raise InvalidSignatureError("This token was used before. Sign a new one.") from error


def refresh_session(
    principal: Principal, renew_token: str, *, clock: Clock = utc_now
) -> OpenSession:
    """A new token for a session of the key's project. A renew token is good once.

    Raises:
        InvalidCredentialsError, PartnerSuspendedError: the partnership is not on.
        RefreshFailedError: used, foreign, revoked, too old, of a key that has ended, or of
            something that this key may not do: the answer does not tell which.
    """
    partners.partner_of(principal.project_id)
    match = _RENEW.fullmatch(renew_token)
    if match is None:
        raise RefreshFailedError
    session_id = _dashed(match[1])
    session = repository.get(principal.project_id, session_id)
    now = clock()
    if session is None or not is_visible(session, principal):
        raise RefreshFailedError
    if session.mode in WRITING_MODES and EMBED_EDIT not in principal.scopes:
        raise RefreshFailedError
    if session.publishable_key is None and not is_key_active(session, now):
        raise RefreshFailedError
    fresh = _new_renew_token(session_id)
    expires_at = now + timedelta(seconds=session.wish.limits.session_seconds)
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
    return OpenSession(session=renewed, token=tokens.issue(renewed, now), renew_token=fresh)


def revoke_embed_session(principal: Principal, session_id: str, *, clock: Clock = utc_now) -> None:
    """Revoke a session that the key could have minted, by an API key.

    Raises:
        InvalidCredentialsError, PartnerSuspendedError: the partnership is not on.
        NotFoundError: the project has no such session, or it is of the other mode, or of a
            template that the key may not use.
    """
    partners.partner_of(principal.project_id)
    session = repository.get(principal.project_id, session_id)
    if session is None or not is_visible(session, principal):
        raise NotFoundError(_NO_SESSION)
    revoke_session(principal.project_id, session_id, by=principal.key_id, clock=clock)


def is_visible(session: Session, principal: Principal) -> bool:
    """Whether the session is of the key's mode, and of a template that the key may use."""
    is_own = not principal.templates or session.template_slug in principal.templates
    return is_own and session.key_mode == principal.mode


def is_key_active(session: Session, now: datetime) -> bool:
    """Whether the API key that minted the session still allows it. Strongly consistent."""
    key = keys.get(session.key_id)
    if key is None or key.status(now) != "active":
        return False
    return session.mode not in WRITING_MODES or EMBED_EDIT in key.scopes


def require_all_templates(principal: Principal) -> None:
    """Refuse a key that is confined to some templates.

    Raises:
        InsufficientScopeError: the key is.
    """
    if principal.templates:
        raise InsufficientScopeError("This API key may only use its own templates.")


def revoke_session(project_id: str, session_id: str, *, by: str, clock: Clock = utc_now) -> None:
    """Refuse a session from the next request on. Doing it twice changes nothing.

    Raises:
        NotFoundError: the project has no such session.
    """
    try:
        repository.revoke(project_id, session_id, by=by, now=clock())
    except ConditionFailedError as error:
        if repository.get(project_id, session_id) is None:
            raise NotFoundError(_NO_SESSION) from error


def list_sessions(
    project_id: str, *, limit: int = 100, cursor: str | None = None
) -> tuple[list[Session], str | None]:
    """A page of the project's sessions, newest first, and the cursor of the next."""
    scope = f"embed/sessions/{project_id}"
    after: dict[str, Any] | None = cursors.unseal(cursor, scope) if cursor else None
    sessions, last = repository.page(project_id, limit, after)
    return sessions, cursors.seal(last, scope) if last else None


def _open(
    partner: Partner,
    wish: SessionRequest,
    permissions: tuple[Permission, ...],
    key_id: str,
    key_mode: KeyMode,
    now: datetime,
    *,
    once: Once | None = None,
) -> OpenSession:
    _require_sense(partner, wish, permissions)
    session_id = new_id()
    expires_at = now + timedelta(seconds=wish.limits.session_seconds)
    session = Session(
        project_id=partner.project_id,
        id=session_id,
        wish=_pinned(partner.project_id, wish),
        permissions=permissions,
        template_slug=wish.scope.template_external_id,
        version_number=_shown_version(partner.project_id, wish, key_mode),
        key_id=key_id,
        key_mode=key_mode,
        publishable_key=once.publishable_key if once else None,
        created_at=to_milliseconds(now),
        expires_at=to_milliseconds(expires_at),
        renewable_until=to_milliseconds(expires_at + RENEWABLE_FOR),
    )
    token = tokens.issue(session, now)
    renew_token = _new_renew_token(session_id)
    repository.create(session, renew_hash=_hash(renew_token), once=once)
    people.upsert(partner.project_id, wish.tenant, wish.actor, now)
    return OpenSession(session=session, token=token, renew_token=renew_token)


def _granted(
    partner: Partner, wish: SessionRequest, mode: KeyMode, *, may_edit: bool
) -> tuple[Permission, ...]:
    """The session's permissions: never above what the key and the partner's presets allow.

    A preset, or no permissions at all, is narrowed to what is allowed. A list must be allowed as
    it stands, so that nobody gets less than they wrote down without being told.

    Raises:
        InvalidRequestError: the list holds what no preset of the partner holds.
        InsufficientScopeError: the list holds what needs the scope embed:edit.
    """
    allowed = partner.allowed_permissions
    listed: tuple[Permission, ...] = ()
    if wish.permissions is None:
        wanted = DEFAULT_PERMISSIONS[wish.scope.mode]
    elif isinstance(wish.permissions, str):
        wanted = partner.permissions_of(wish.permissions)
    else:
        wanted = listed = wish.permissions
    if above := [one for one in listed if one not in allowed]:
        message = f"No preset of this project's embed settings allows: {', '.join(above)}"
        raise InvalidRequestError(issues=Issues(field_errors={"permissions": [message]}))
    if not may_edit:
        if any(one in WRITING_PERMISSIONS for one in listed):
            raise InsufficientScopeError(f"This API key lacks the scope {EMBED_EDIT}.")
        allowed -= WRITING_PERMISSIONS
    if mode == "test":
        allowed -= {"publish"}
    return tuple(one for one in wanted if one in allowed)


def _require_sense(partner: Partner, wish: SessionRequest, permissions: tuple[str, ...]) -> None:
    issues = Issues()
    needed = NEEDED[wish.scope.mode]
    if needed not in permissions:
        message = f"A session to {wish.scope.mode} needs the permission {needed}"
        issues.field_errors["permissions"] = [message]
    for name, url in wish.callbacks.model_dump(exclude_none=True).items():
        if not partners.allows_url(partner, url):
            issues.field_errors[f"callbacks.{name}"] = ["Must lie on one of the allowed origins"]
    if wish.form.render_id is not None and wish.scope.mode != "view":
        issues.field_errors["form.renderId"] = ["Only a session to view shows a render"]
    if issues:
        raise InvalidRequestError(issues=issues)
    if wish.variable_catalog:
        catalogs.require_catalog(wish.variable_catalog, at="variableCatalog")


def _pinned(project_id: str, wish: SessionRequest) -> SessionRequest:
    """The wish with its catalog's version written down, so that a later one changes nothing."""
    ref = wish.catalog_ref
    if ref is None:
        return wish
    found = catalogs.get_catalog(project_id, ref.name, ref.version)
    return wish.model_copy(
        update={"catalog_ref": CatalogRef(name=found.name, version=found.version)}
    )


def _shown_version(project_id: str, wish: SessionRequest, mode: KeyMode) -> int | None:
    """The version of a form or a view. What is edited needs the template; what is made, nothing."""
    slug = wish.scope.template_external_id
    if slug is None or wish.scope.mode == "create":
        return None
    if wish.scope.mode == "edit":
        templates.get_template(project_id, slug)
        return None
    if wish.form.render_id is None:
        version = templates.current_version(project_id, slug)
        _require_lockable(wish.form.locked, version.manifest)
        return version.number
    if not is_id(wish.form.render_id):
        raise NotFoundError
    visible = Visibility(mode, frozenset({slug}))
    render = renders.get_render(project_id, wish.form.render_id, visible=visible)
    return render.version_number


def _require_lockable(locked: tuple[str, ...], manifest: Manifest) -> None:
    """Only a variable, a group of them or a whole loop can be kept from the person."""
    keys = {*(one.key for one in manifest.variables), *(one.key for one in manifest.loops)}
    known = {key[:end] for key in keys for end in _ends(key)}
    message = "The template has no such variable or loop"
    unknown = [place for place, path in enumerate(locked) if path not in known]
    if unknown:
        errors = {f"form.locked.{place}": [message] for place in unknown[:5]}
        raise InvalidRequestError(issues=Issues(field_errors=errors))


def _ends(key: str) -> Iterator[int]:
    """Where each of a dotted key's own prefixes ends, the whole key last."""
    yield from (place for place, letter in enumerate(key) if letter == ".")
    yield len(key)


def _new_renew_token(session_id: str) -> str:
    """It names its session, so that one conditional write finds, judges and replaces it."""
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=")
    return f"ert_{session_id.replace('-', '')}{secret}"


def _dashed(digits: str) -> str:
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts)


def _hash(renew_token: str) -> str:
    return hashlib.sha256(renew_token.encode()).hexdigest()
