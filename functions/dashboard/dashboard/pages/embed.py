"""Embed: the partnership, its keys, origins and presets, catalogs, sessions, and a sandbox."""

from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field

from craftkit.auth.principal import EMBED_WRITE
from craftkit.clock import utc_now
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import CatalogRequest
from craftkit.embed.partners import service as partners
from craftkit.embed.partners.models import PRESETS, Partner, Permission, Preset
from craftkit.embed.sessions import service as embed_sessions
from craftkit.embed.sessions.models import SessionRequest
from craftkit.embed.sessions.views import SessionView
from craftkit.embed.tokens import signing
from craftkit.errors import InvalidInputError, InvalidRequestError, NotFoundError
from craftkit.keys import service as keys
from craftkit.keys.models import Key
from craftkit.schema import validate_request
from craftkit.strict_json import parse_object
from craftkit.templates import service as templates
from dashboard import flash, once
from dashboard.pages.keys import names_of
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import Answer

_PAGE_LIMIT = 25
_KEYS = 100


class Versions(BaseModel):
    version: Annotated[int, Field(ge=1)] | None = None
    before: Annotated[int, Field(ge=1)] | None = None


@route("GET", "/projects/{project}/embed")
def overview(visit: Visit) -> Answer:
    partner = partners.get_partner(visit.project.id)
    is_on = partner.status != "off"
    signing_keys = partners.list_signing_keys(visit.project.id) if is_on else []
    sessions, _ = embed_sessions.list_sessions(visit.project.id, limit=1) if is_on else ([], None)
    steps = [
        ("Allow your sites", bool(partner.origins), "/embed/origins", "Origins"),
        ("Make a signing key, or use an API key", bool(signing_keys or _embed_keys(visit)),
         "/embed/keys", "Keys"),
        ("Publish a template", any(
            each.latest_version for each in templates.list_templates(visit.project.id).templates
        ), "/templates", "Templates"),
        ("Open a session", bool(sessions), "/embed/sandbox", "Sandbox"),
    ]  # fmt: skip
    return visit.page("embed/overview.html", partner=partner, steps=steps if is_on else [])


@route("POST", "/projects/{project}/embed/enable", needs="admin")
def enable(visit: Visit) -> Answer:
    partners.enable(visit.project.id, by=visit.person.sub)
    signing.signing_key()  # verifiable from now on, before the first token
    return visit.done("/embed", "Embed mode is enabled.")


@route("POST", "/projects/{project}/embed/disable", needs="admin")
def disable(visit: Visit) -> Answer:
    partners.disable(visit.project.id, by=visit.person.sub)
    return visit.done("/embed", "Embed mode is off; every session has ended.")


@route("GET", "/projects/{project}/embed/origins")
def show_origins(visit: Visit) -> Answer:
    return _origins(visit)


@route("POST", "/projects/{project}/embed/origins", needs="admin")
def set_origins(visit: Visit) -> Answer:
    try:
        partners.set_origins(visit.project.id, visit.form("origins").split(), by=visit.person.sub)
    except InvalidRequestError as error:
        return _origins(visit, error)
    return visit.done("/embed/origins", "Saved.")


@route("POST", "/projects/{project}/embed/presets", needs="admin")
def set_presets(visit: Visit) -> Answer:
    wanted = {name: visit.request.all(name) for name in get_args(Preset)}
    partners.set_presets(visit.project.id, wanted, by=visit.person.sub)
    return visit.done("/embed/origins", "Saved.")


@route("GET", "/projects/{project}/embed/keys")
def list_keys(visit: Visit) -> Answer:
    return visit.page(
        "embed/keys.html",
        partner=partners.get_partner(visit.project.id),
        keys=partners.list_signing_keys(visit.project.id),
        names=names_of(visit),
    )


@route("POST", "/projects/{project}/embed/keys", needs="admin")
def create_key(visit: Visit) -> Answer:
    mode = "test" if visit.form("mode") == "test" else "live"
    minted = partners.create_signing_key(
        visit.project.id,
        by=visit.person.sub,
        mode=mode,  # type: ignore[arg-type]  # one of the two
    )
    secrets = [
        ("Publishable key", minted.key.publishable_key),
        ("Private signing key; we keep its public half only", minted.private_key_pem),
    ]
    return once.show(visit, "Embed key pair", secrets, back="/embed/keys")


@route("POST", "/projects/{project}/embed/keys/{key}/revoke", needs="admin")
def revoke_key(visit: Visit) -> Answer:
    partners.revoke_signing_key(visit.project.id, visit.path("key"), by=visit.person.sub)
    return visit.done("/embed/keys", "The key is revoked, and every session that it opened.")


@route("GET", "/projects/{project}/embed/catalogs")
def list_catalogs(visit: Visit) -> Answer:
    return _catalogs(visit)


@route("POST", "/projects/{project}/embed/catalogs", needs="admin")
def publish_catalog(visit: Visit) -> Answer:
    try:
        catalog = parse_object(visit.form("catalog").encode())
        wish = validate_request(CatalogRequest, {"name": visit.form("name"), "catalog": catalog})
        made = catalogs.publish_catalog(
            visit.project.id, wish.name, wish.catalog, by=visit.person.sub
        )
    except InvalidInputError as error:
        return _catalogs(visit, error)
    said = f"Version {made.version} of {made.name} is published."
    return visit.done(f"/embed/catalogs/{made.name}", said)


@route("GET", "/projects/{project}/embed/catalogs/{name}")
def show_catalog(visit: Visit) -> Answer:
    """A version of a catalog, and what it changed against the one before."""
    name, wanted = visit.path("name"), visit.query(Versions)
    shown = catalogs.get_catalog(visit.project.id, name, wanted.version)
    versions = catalogs.list_versions(visit.project.id, name)
    older = [number for number in versions if number < shown.version]
    number = wanted.before or (older[0] if older else None)
    before = catalogs.get_catalog(visit.project.id, name, number) if number else None
    return visit.page(
        "embed/catalog.html",
        partner=partners.get_partner(visit.project.id),
        shown=shown,
        content=shown.catalog.as_json(),
        versions=versions,
        before=before,
        difference=catalogs.diff(before, shown) if before else None,
    )


@route("GET", "/projects/{project}/embed/sessions")
def list_sessions(visit: Visit) -> Answer:
    found, following = embed_sessions.list_sessions(
        visit.project.id, limit=_PAGE_LIMIT, cursor=visit.cursor
    )
    return visit.page(
        "embed/sessions.html",
        partner=partners.get_partner(visit.project.id),
        sessions=found,
        cursor=following,
    )


@route("POST", "/projects/{project}/embed/sessions/{session}/revoke", needs="admin")
def revoke_session(visit: Visit) -> Answer:
    embed_sessions.revoke_session(visit.project.id, visit.path("session"), by=visit.person.sub)
    return visit.done("/embed/sessions", "The session is revoked, at its next request.")


@route("GET", "/projects/{project}/embed/sandbox", needs="admin")
def show_sandbox(visit: Visit) -> Answer:
    """The page that partners embed, opened as they would open it."""
    partner = partners.get_partner(visit.project.id)
    found = templates.list_templates(visit.project.id, limit=100).templates
    return visit.page(
        "embed/sandbox.html",
        partner=partner,
        templates=[each for each in found if each.latest_version],
        keys=_embed_keys(visit),
        origin=visit.request.origin,
        is_allowed=partners.allows_origin(partner, visit.request.origin),
        frame=flash.found(visit.request).get("frame"),
    )


@route("POST", "/projects/{project}/embed/sandbox", needs="admin")
def open_sandbox(visit: Visit) -> Answer:
    key = next((each for each in _embed_keys(visit) if each.id == visit.form("key")), None)
    if key is None:
        raise NotFoundError("This project has no active key of this id with the scope embed:write.")
    wish = validate_request(SessionRequest, _sandbox_wish(visit))
    opened = embed_sessions.create_embed_session(key.principal, wish)
    return visit.done("/embed/sandbox", frame=SessionView.of(opened).iframe_url)


def _sandbox_wish(visit: Visit) -> dict[str, Any]:
    return {
        "tenant": {"externalId": "sandbox", "displayName": visit.project.name},
        "actor": {"externalId": visit.person.sub, "email": visit.person.email},
        "scope": {"mode": visit.form("mode"), "templateExternalId": visit.form("template") or None},
        "permissions": "admin" if visit.form("mode") in ("edit", "create") else None,
        "appearance": {"theme": "auto"},
    }


def _embed_keys(visit: Visit) -> list[Key]:
    """Keys that may open sessions, test ones first."""
    some, _ = keys.list_keys(visit.project.id, limit=_KEYS)
    now = utc_now()
    able = [key for key in some if key.status(now) == "active" and EMBED_WRITE in key.scopes]
    return sorted(able, key=lambda key: key.mode, reverse=True)


def _origins(visit: Visit, error: InvalidRequestError | None = None) -> Answer:
    partner: Partner = partners.get_partner(visit.project.id)
    return visit.page(
        "embed/origins.html",
        422 if error else 200,
        partner=partner,
        error=error,
        text=visit.form("origins") if error else "\n".join(partner.origins),
        presets={name: partner.presets.get(name, usual) for name, usual in PRESETS.items()},
        permissions=get_args(Permission),
    )


def _catalogs(visit: Visit, error: InvalidInputError | None = None) -> Answer:
    found, following = catalogs.list_catalogs(
        visit.project.id, limit=_PAGE_LIMIT, cursor=visit.cursor
    )
    return visit.page(
        "embed/catalogs.html",
        422 if error else 200,
        partner=partners.get_partner(visit.project.id),
        catalogs=found,
        cursor=following,
        error=error,
        form=visit.request.form,
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
