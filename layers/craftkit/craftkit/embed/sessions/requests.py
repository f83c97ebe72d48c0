"""Validates the request for a session: permissions, template, catalog and locked paths."""

from collections.abc import Iterator

from craftkit.auth.principal import EMBED_EDIT, Mode
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.partners import service as partners
from craftkit.embed.partners.models import WRITING_PERMISSIONS, Partner, Permission
from craftkit.embed.sessions.models import DEFAULT_PERMISSIONS, NEEDED, CatalogRef, SessionRequest
from craftkit.errors import InsufficientScopeError, InvalidRequestError, Issues, NotFoundError
from craftkit.ids import is_id
from craftkit.renders import service as renders
from craftkit.renders.service import Visibility
from craftkit.templates import service as templates
from craftkit.templates.models import Manifest


def granted_permissions(
    partner: Partner, request: SessionRequest, mode: Mode, *, may_edit: bool
) -> tuple[Permission, ...]:
    """The session's permissions, limited by the key and the partner's presets.

    A preset, or a request without permissions, gets the allowed part. A list of permissions is
    refused if one of them is not allowed, so that a session never has fewer than requested.

    Raises:
        InvalidRequestError: the list has a permission that no preset of the partner has.
        InsufficientScopeError: the list has a permission that requires the scope embed:edit.
    """
    allowed = partner.allowed_permissions
    listed: tuple[Permission, ...] = ()
    if request.permissions is None:
        wanted = DEFAULT_PERMISSIONS[request.scope.mode]
    elif isinstance(request.permissions, str):
        wanted = partner.permissions_of(request.permissions)
    else:
        wanted = listed = request.permissions
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


def check_request(partner: Partner, request: SessionRequest, permissions: tuple[str, ...]) -> None:
    issues = Issues()
    needed = NEEDED[request.scope.mode]
    if needed not in permissions:
        message = f"A session of mode {request.scope.mode} requires the permission {needed}"
        issues.field_errors["permissions"] = [message]
    for name, url in request.callbacks.model_dump(exclude_none=True).items():
        if not partners.allows_url(partner, url):
            issues.field_errors[f"callbacks.{name}"] = [
                "Must be on an allowed origin of the project"
            ]
    if request.form.render_id is not None and request.scope.mode != "view":
        issues.field_errors["form.renderId"] = ["Is allowed in mode view only"]
    if issues:
        raise InvalidRequestError(issues=issues)
    if request.variable_catalog:
        catalogs.require_catalog(request.variable_catalog, at="variableCatalog")


def pinned(project_id: str, request: SessionRequest) -> SessionRequest:
    """The request with the version of its catalog, so that later versions do not affect it."""
    ref = request.catalog_ref
    if ref is None:
        return request
    found = catalogs.get_catalog(project_id, ref.name, ref.version)
    return request.model_copy(
        update={"catalog_ref": CatalogRef(name=found.name, version=found.version)}
    )


def shown_version(project_id: str, request: SessionRequest, mode: Mode) -> int | None:
    """The template version that a session of mode `fill` or `view` shows; None in other modes.

    Mode `edit` requires the template, mode `create` does not.
    """
    slug = request.scope.template_external_id
    if slug is None or request.scope.mode == "create":
        return None
    if request.scope.mode == "edit":
        templates.get_template(project_id, slug)
        return None
    if request.form.render_id is None:
        version = templates.current_version(project_id, slug)
        _require_lockable(request.form.locked, version.manifest)
        return version.number
    if not is_id(request.form.render_id):
        raise NotFoundError
    visible = Visibility(mode, frozenset({slug}))
    render = renders.get_render(project_id, request.form.render_id, visible=visible)
    return render.version_number


def _require_lockable(locked: tuple[str, ...], manifest: Manifest) -> None:
    """Check that each locked path is a variable, a group of variables or a loop of the manifest."""
    keys = {*(one.key for one in manifest.variables), *(one.key for one in manifest.loops)}
    known = {key[:end] for key in keys for end in _ends(key)}
    message = "The template has no such variable or loop"
    unknown = [place for place, path in enumerate(locked) if path not in known]
    if unknown:
        errors = {f"form.locked.{place}": [message] for place in unknown[:5]}
        raise InvalidRequestError(issues=Issues(field_errors=errors))


def _ends(key: str) -> Iterator[int]:
    """The length of each prefix of a dotted key, the whole key last."""
    yield from (place for place, letter in enumerate(key) if letter == ".")
    yield len(key)
