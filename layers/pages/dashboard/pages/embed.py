"""Embed: the partner's status, keys, origins, presets, catalogs and sessions, and a sandbox."""

from dataclasses import replace
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from craftkit.auth.principal import EMBED_WRITE
from craftkit.clock import utc_now
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import CatalogRequest
from craftkit.embed.partners import service as partners
from craftkit.embed.partners.models import PRESETS, Partner, Permission, Preset
from craftkit.embed.sessions import service as embed_sessions
from craftkit.embed.sessions.models import EmbedMode, EmbedSession, SessionRequest
from craftkit.embed.sessions.service import SessionFilter
from craftkit.embed.sessions.views import SessionView
from craftkit.embed.tokens import signing
from craftkit.errors import InvalidInputError, InvalidRequestError, NotFoundError
from craftkit.keys import service as keys
from craftkit.keys.models import Key
from craftkit.schema import validate_request
from craftkit.strict_json import parse_object
from craftkit.templates import service as templates
from dashboard import flash, once
from dashboard.listing import Listing, ListSearch, show
from dashboard.pages.keys import names_of
from dashboard.request_context import RequestContext
from dashboard.web import Response

_PAGE_LIMIT = 25
_KEYS = 100


class Versions(BaseModel):
    version: Annotated[int, Field(ge=1)] | None = None
    before: Annotated[int, Field(ge=1)] | None = None


def overview(context: RequestContext) -> Response:
    partner = partners.get_partner(context.project.id)
    is_on = partner.status != "off"
    signing_keys = partners.list_signing_keys(context.project.id) if is_on else []
    sessions, _ = embed_sessions.list_sessions(context.project.id, limit=1) if is_on else ([], None)
    steps = [
        ("Allow your sites", bool(partner.origins), "/embed/origins", "Origins"),
        ("Make a signing key, or use an API key", bool(signing_keys or _embed_keys(context)),
         "/embed/keys", "Keys"),
        ("Publish a template", any(
            each.latest_version for each in templates.list_templates(context.project.id).templates
        ), "/templates", "Templates"),
        ("Open a session", bool(sessions), "/embed/sandbox", "Sandbox"),
    ]  # fmt: skip
    return context.page("embed/overview.html", partner=partner, steps=steps if is_on else [])


def enable(context: RequestContext) -> Response:
    partners.enable(context.project.id, by=context.user.sub)
    signing.signing_key()  # publishes the key in the JWKS before the first token is signed
    return context.done("/embed", "Embed mode is enabled.")


def disable(context: RequestContext) -> Response:
    partners.disable(context.project.id, by=context.user.sub)
    return context.done("/embed", "Embed mode is off; every session has ended.")


def show_origins(context: RequestContext) -> Response:
    return _origins(context)


def set_origins(context: RequestContext) -> Response:
    try:
        partners.set_origins(
            context.project.id, context.form("origins").split(), by=context.user.sub
        )
    except InvalidRequestError as error:
        return _origins(context, error)
    return context.done("/embed/origins", "Saved.")


def set_presets(context: RequestContext) -> Response:
    wanted = {name: context.request.all(name) for name in get_args(Preset)}
    partners.set_presets(context.project.id, wanted, by=context.user.sub)
    return context.done("/embed/origins", "Saved.")


def list_keys(context: RequestContext) -> Response:
    return context.page(
        "embed/keys.html",
        partner=partners.get_partner(context.project.id),
        keys=partners.list_signing_keys(context.project.id),
        names=names_of(context),
    )


def create_key(context: RequestContext) -> Response:
    mode = "test" if context.form("mode") == "test" else "live"
    minted = partners.create_signing_key(
        context.project.id,
        by=context.user.sub,
        mode=mode,  # type: ignore[arg-type]  # one of the two
    )
    secrets = [
        ("Publishable key", minted.key.publishable_key),
        ("Private signing key; Craftkit stores only the public key", minted.private_key_pem),
    ]
    return once.show(context, "Embed key pair", secrets, back="/embed/keys")


def revoke_key(context: RequestContext) -> Response:
    partners.revoke_signing_key(context.project.id, context.path("key"), by=context.user.sub)
    return context.done("/embed/keys", "The key is revoked, and every session that it opened.")


def list_catalogs(context: RequestContext) -> Response:
    return _catalogs(context)


def publish_catalog(context: RequestContext) -> Response:
    try:
        catalog = parse_object(context.form("catalog").encode())
        request = validate_request(
            CatalogRequest, {"name": context.form("name"), "catalog": catalog}
        )
        made = catalogs.publish_catalog(
            context.project.id, request.name, request.catalog, by=context.user.sub
        )
    except InvalidInputError as error:
        return _catalogs(context, error)
    message = f"Version {made.version} of {made.name} is published."
    return context.done(f"/embed/catalogs/{made.name}", message)


def show_catalog(context: RequestContext) -> Response:
    """A version of a catalog, and its difference from another version."""
    name, wanted = context.path("name"), context.query(Versions)
    shown = catalogs.get_catalog(context.project.id, name, wanted.version)
    versions = catalogs.list_versions(context.project.id, name)
    older = [number for number in versions if number < shown.version]
    number = wanted.before or (older[0] if older else None)
    before = catalogs.get_catalog(context.project.id, name, number) if number else None
    return context.page(
        "embed/catalog.html",
        partner=partners.get_partner(context.project.id),
        shown=shown,
        content=shown.catalog.as_json(),
        versions=versions,
        before=before,
        difference=catalogs.diff(before, shown) if before else None,
    )


_SESSIONS: Listing[EmbedSession] = Listing(
    path="/embed/sessions",
    name="session",
    names="sessions",
    columns={
        "id": lambda session: session.id,
        "tenant": lambda session: session.request.tenant.external_id,
        "actor": lambda session: session.request.actor.external_id,
        "mode": lambda session: session.mode,
        "template": lambda session: session.template_slug,
        "key mode": lambda session: session.key_mode,
        "submissions": lambda session: session.submissions,
        "created": lambda session: session.created_at,
        "expires": lambda session: session.expires_at,
        "revoked": lambda session: session.revoked_at,
    },
    searched="Tenant, actor, template or id",
    state=lambda session: f"{session.state_at(utc_now())} {session.submissions}",
)


class SessionSearch(ListSearch):
    """The query string of the list of sessions."""

    state: Literal["active", "expired", "revoked"] | None = None
    mode: EmbedMode | None = None


def list_sessions(context: RequestContext) -> Response:
    search = context.query(SessionSearch)
    wanted = SessionFilter(search.q, search.state or "", search.mode or "")
    return show(
        context,
        "embed/sessions.html",
        _SESSIONS,
        search,
        lambda place, limit: embed_sessions.find_sessions(
            context.project.id, wanted, place, limit=limit
        ),
        lambda _rows: {
            "partner": partners.get_partner(context.project.id),
            "modes": get_args(EmbedMode),
        },
    )


def revoke_session(context: RequestContext) -> Response:
    embed_sessions.revoke_session(context.project.id, context.path("session"), by=context.user.sub)
    return context.done("/embed/sessions", "The session is revoked, at its next request.")


def show_sandbox(context: RequestContext) -> Response:
    """The embedded page in a frame, opened as a partner opens it."""
    partner = partners.get_partner(context.project.id)
    found = templates.list_templates(context.project.id, limit=100).templates
    frame = flash.load(context.request).get("frame")
    page = context.page(
        "embed/sandbox.html",
        partner=partner,
        templates=[each for each in found if each.latest_version],
        keys=_embed_keys(context),
        origin=context.request.origin,
        is_allowed=partners.allows_origin(partner, context.request.origin),
        frame=frame,
    )
    return replace(page, frame_source=_origin_of(frame)) if frame else page


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def open_sandbox(context: RequestContext) -> Response:
    key = next((each for each in _embed_keys(context) if each.id == context.form("key")), None)
    if key is None:
        raise NotFoundError("This project has no active key of this id with the scope embed:write.")
    request = validate_request(SessionRequest, _sandbox_request(context))
    opened = embed_sessions.create_embed_session(key.principal, request)
    return context.done("/embed/sandbox", frame=SessionView.of(opened).iframe_url)


def _sandbox_request(context: RequestContext) -> dict[str, Any]:
    return {
        "tenant": {"externalId": "sandbox", "displayName": context.project.name},
        "actor": {"externalId": context.user.sub, "email": context.user.email},
        "scope": {
            "mode": context.form("mode"),
            "templateExternalId": context.form("template") or None,
        },
        "permissions": "admin" if context.form("mode") in ("edit", "create") else None,
        "appearance": {"theme": "auto"},
    }


def _embed_keys(context: RequestContext) -> list[Key]:
    """Active keys with the scope to open sessions, test keys first."""
    some, _ = keys.list_keys(context.project.id, limit=_KEYS)
    now = utc_now()
    able = [key for key in some if key.status(now) == "active" and EMBED_WRITE in key.scopes]
    return sorted(able, key=lambda key: key.mode, reverse=True)


def _origins(context: RequestContext, error: InvalidRequestError | None = None) -> Response:
    partner: Partner = partners.get_partner(context.project.id)
    return context.page(
        "embed/origins.html",
        422 if error else 200,
        partner=partner,
        error=error,
        text=context.form("origins") if error else "\n".join(partner.origins),
        presets={name: partner.presets.get(name, usual) for name, usual in PRESETS.items()},
        permissions=get_args(Permission),
    )


def _catalogs(context: RequestContext, error: InvalidInputError | None = None) -> Response:
    found, following = catalogs.list_catalogs(
        context.project.id, limit=_PAGE_LIMIT, cursor=context.cursor
    )
    return context.page(
        "embed/catalogs.html",
        422 if error else 200,
        partner=partners.get_partner(context.project.id),
        catalogs=found,
        cursor=following,
        error=error,
        form=context.request.form,
        example=_EXAMPLE,
    )


_EXAMPLE = """\
{
  "allowCustom": false,
  "namespaces": [
    {
      "key": "customer",
      "label": "Customer",
      "fields": [{ "key": "name", "label": "Name", "dataType": "text", "required": true }]
    }
  ],
  "loops": []
}"""
