"""A form that a person fills: seen as it is typed, submitted as a render, and its document read."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from craftkit.auth.principal import RENDERS_WRITE, Principal
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed.page import preview, repository
from craftkit.embed.page.access import Visitor
from craftkit.embed.page.models import (
    DocumentRequest,
    FormPreview,
    FormPreviewRequest,
    FormSubmission,
    PreviewSource,
)
from craftkit.embed.page.uploads import require_images
from craftkit.embed.sessions.models import EmbedSession
from craftkit.errors import (
    InvalidInputDataError,
    Issues,
    NotFoundError,
    PermissionDeniedError,
    SessionRevokedError,
)
from craftkit.limits.previews import one_preview
from craftkit.remote_typesetter import preview_remotely
from craftkit.renders import service as renders
from craftkit.renders.models import Render, RenderOptions, RenderRequest
from craftkit.templates import service as templates
from craftkit.templates.data import preview_data, validate_data
from craftkit.templates.models import TemplateVersion
from craftkit.typesetter import Draw

BODY_LIMIT_BYTES = 4 * 1024 * 1024
"""Of what the page sends: pictures come in it. What Lambda takes ends at 6 MB."""


def preview_embed_form(
    visitor: Visitor,
    request: FormPreviewRequest,
    *,
    draw: Draw = preview_remotely,
) -> FormPreview:
    """The document as it would be now, as images. A session to view shows its own data.

    Raises:
        WrongModeError, PermissionDeniedError: it is no session for a form or a view.
        RateLimitedError: too many previews of this project.
    """
    visitor.require("view", "fill", "view")
    session, called_at = visitor.session, utc_now()
    version = version_of(session)
    now = called_at
    if session.mode == "view":
        data, now = _viewed(session, version, now)
    else:
        data = with_locked(session, request.data)
    shown = PreviewSource(
        version.manifest,
        version.source,
        version.locale,
        version.name,
        version.fonts,
        version.pdf_standard,
        watermark=session.key_mode == "test",
    )
    completed = preview.complete(shown.manifest, data)
    with one_preview(session.project_id):
        pages = preview.draw(shown, completed.data, now=now, scale=request.scale, preview=draw)
    return FormPreview(pages, completed.replaced)


def submit_embed_form(visitor: Visitor, submission: FormSubmission, *, base_url: str) -> Render:
    """Make the document of a filled form, in the mode of the key that opened the session.

    The render, its place in the session and the entry `form.submitted` are one transaction. The
    same submission again is the same render.

    Raises:
        WrongModeError, PermissionDeniedError: no session to fill, or submitted often enough.
        InvalidInputDataError: the data does not fit, by dotted path.
        SessionRevokedError: it was revoked in this very moment.
    """
    visitor.require("fill", "fill")
    session = visitor.session
    version = version_of(session)
    data = with_locked(session, submission.data)
    _require_few_items(session, data)
    require_images(version.manifest, validate_data(version.manifest, data))
    principal = Principal(
        session.project_id, session.key_id, session.key_mode, frozenset({RENDERS_WRITE})
    )
    form = session.request.form
    options = RenderOptions(version_number=version.number, filename=form.filename, sync=True)
    request = RenderRequest(data=data, options=options, metadata=form.metadata)
    try:
        render, _ = renders.create_render(
            principal,
            version.slug,
            request,
            base_url=base_url,
            idempotency_key=f"embed#{session.id}#{submission.submission_id}",
            source="form",
            extra_writes=lambda render: repository.submission(
                session, render.id, render.created_at
            ),
        )
    except ConditionFailedError as error:
        if any(item and "revoked_at" not in item for item in error.items):
            message = "This form was submitted as often as its session allows."
            raise PermissionDeniedError(message) from error
        raise SessionRevokedError from error
    return render


def get_embed_document(visitor: Visitor, request: DocumentRequest) -> Render:
    """A document of this very session.

    Raises:
        NotFoundError: the session has none of this id; another's may exist.
    """
    visitor.require("view")
    session = visitor.session
    if request.render_id not in session.render_ids | {session.request.form.render_id}:
        raise NotFoundError("There is no document of this id in this session.")
    return renders.get_render(session.project_id, request.render_id)


def version_of(session: EmbedSession) -> TemplateVersion:
    """The version that the session has shown from its beginning.

    Raises:
        TemplateNotFoundError, VersionNotFoundError: it was deleted since.
    """
    assert session.template_slug and session.version_number  # noqa: S101 set when it is opened
    return templates.get_version(session.project_id, session.template_slug, session.version_number)


def with_locked(session: EmbedSession, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the person sent, but for what is not theirs to say."""
    merged = copy.deepcopy(dict(data))
    for path in session.request.form.locked:
        _set(merged, path.split("."), _get(session.request.form.data, path.split(".")))
    return merged


def _viewed(
    session: EmbedSession, version: TemplateVersion, now: datetime
) -> tuple[dict[str, Any], datetime]:
    """The data of a view, and the time that its document bears."""
    form = session.request.form
    if form.render_id is None:
        return form.data or preview_data(version.manifest), now
    render = renders.get_render(session.project_id, form.render_id)
    return renders.get_data(render), render.created_at


def _require_few_items(session: EmbedSession, data: Mapping[str, Any]) -> None:
    limit = session.request.limits.items
    if limit is None:
        return
    issues = Issues()
    for path, length in _lists("", data):
        if length > limit:
            issues.field_errors[path] = [f"At most {limit} items"]
    if issues:
        raise InvalidInputDataError(issues=issues)


def _lists(path: str, value: Any) -> Iterator[tuple[str, int]]:
    """Every list in the data, by path, with its length; those inside its items too."""
    if isinstance(value, list):
        yield path, len(value)
        parts: Iterable[tuple[object, Any]] = enumerate(value)
    else:
        parts = value.items() if isinstance(value, Mapping) else ()
    for step, part in parts:
        yield from _lists(f"{path}.{step}" if path else str(step), part)


def _get(data: Any, steps: list[str]) -> Any:
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    return copy.deepcopy(data)


def _set(data: dict[str, Any], steps: list[str], value: Any) -> None:
    *parents, name = steps
    for step in parents:
        below = data.get(step)
        if not isinstance(below, dict):
            below = data[step] = {}
        data = below
    if value is None:
        data.pop(name, None)
    else:
        data[name] = value
