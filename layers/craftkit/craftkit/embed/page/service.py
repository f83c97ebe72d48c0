"""The first response to the embedded page: the session and the template that it shows."""

from typing import Any

from craftkit.clock import to_rfc3339
from craftkit.embed.page import editing, forms
from craftkit.embed.page.access import Visitor
from craftkit.embed.sessions.models import EmbedSession
from craftkit.templates.data import preview_data

_PUBLIC_FORM = {"title", "description", "submit_label", "data", "locked", "render_id"}


def open_embed_session(visitor: Visitor) -> dict[str, Any]:
    """The body of the response to `POST /embed/api/session`, camelCase.

    Raises:
        TemplateNotFoundError, VersionNotFoundError: the session's template was deleted.
    """
    session = visitor.session
    is_writing = session.mode in ("edit", "create")
    return {
        "session": _session(visitor),
        "template": None if is_writing else _template(session),
        "writing": editing.initial_content(session).as_json() if is_writing else None,
        "catalog": _catalog(session) if is_writing else None,
    }


def _session(visitor: Visitor) -> dict[str, Any]:
    session, request = visitor.session, visitor.session.request
    limit = request.limits.submissions
    return {
        "id": session.id,
        "mode": session.mode,
        "isTest": session.key_mode == "test",
        "permissions": list(session.permissions),
        "expiresAt": visitor.expires_at,
        "createdAt": to_rfc3339(session.created_at),
        "tenant": request.tenant.as_json(),
        "actor": request.actor.as_json(),
        "appearance": request.appearance.as_json(),
        "callbacks": request.callbacks.as_json(),
        "form": request.form.model_dump(
            mode="json", by_alias=True, include=_PUBLIC_FORM, exclude_none=True
        ),
        "itemLimit": request.limits.items,
        "submissionsLeft": None if limit is None else max(0, limit - session.submissions),
    }


def _template(session: EmbedSession) -> dict[str, Any]:
    version = forms.version_of(session)
    return {
        "slug": version.slug,
        "name": version.name,
        "versionNumber": version.number,
        "locale": version.locale,
        "manifest": version.manifest.as_json(),
        "sample": preview_data(version.manifest),
    }


def _catalog(session: EmbedSession) -> dict[str, Any] | None:
    catalog = editing.catalog_of(session)
    return catalog.as_json() if catalog else None
