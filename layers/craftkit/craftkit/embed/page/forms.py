"""The form of the embedded page: its preview, its submission as a render, and its documents."""

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
"""Maximum request body of the page; it includes images. Lambda's maximum payload is 6 MB."""


def preview_embed_form(
    visitor: Visitor,
    request: FormPreviewRequest,
    *,
    draw: Draw = preview_remotely,
) -> FormPreview:
    """The document of the current data as images. A `view` session shows the session's data.

    Raises:
        WrongModeError, PermissionDeniedError: the session may not fill or view.
        RateLimitedError: the project's limit of previews is reached.
    """
    visitor.require("view", "fill", "view")
    session, called_at = visitor.session, utc_now()
    version = version_of(session)
    now = called_at
    if session.mode == "view":
        data, now = _view_data(session, version, now)
    else:
        data = with_locked_values(session, request.data)
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
    """Render a submitted form, in the mode of the key that opened the session.

    One transaction writes the render, the submission and the audit entry `form.submitted`. A retry
    with the same `submissionId` returns the same render.

    Raises:
        WrongModeError, PermissionDeniedError: the session may not fill, or has reached its limit of
            submissions.
        InvalidInputDataError: the data is invalid; the issues are by dotted path.
        SessionRevokedError: the session was revoked during the request.
    """
    visitor.require("fill", "fill")
    session = visitor.session
    version = version_of(session)
    data = with_locked_values(session, submission.data)
    _check_item_limit(session, data)
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
            message = "This session has reached its limit of submissions. Open a new session."
            raise PermissionDeniedError(message) from error
        raise SessionRevokedError from error
    return render


def get_embed_document(visitor: Visitor, request: DocumentRequest) -> Render:
    """A document that the session has created or was opened to view.

    Raises:
        NotFoundError: the session has no such document.
    """
    visitor.require("view")
    session = visitor.session
    if request.render_id not in session.render_ids | {session.request.form.render_id}:
        raise NotFoundError("This session has no document with this id.")
    return renders.get_render(session.project_id, request.render_id)


def version_of(session: EmbedSession) -> TemplateVersion:
    """The template version that the session was opened with.

    Raises:
        TemplateNotFoundError, VersionNotFoundError: it was deleted.
    """
    assert session.template_slug and session.version_number  # noqa: S101 set when it is opened
    return templates.get_version(session.project_id, session.template_slug, session.version_number)


def with_locked_values(session: EmbedSession, data: Mapping[str, Any]) -> dict[str, Any]:
    """The visitor's data with the session's values at each locked path."""
    merged = copy.deepcopy(dict(data))
    for path in session.request.form.locked:
        _set(merged, path.split("."), _get(session.request.form.data, path.split(".")))
    return merged


def _view_data(
    session: EmbedSession, version: TemplateVersion, now: datetime
) -> tuple[dict[str, Any], datetime]:
    """The data of a `view` session, and the date of its document."""
    form = session.request.form
    if form.render_id is None:
        return form.data or preview_data(version.manifest), now
    render = renders.get_render(session.project_id, form.render_id)
    return renders.get_data(render), render.created_at


def _check_item_limit(session: EmbedSession, data: Mapping[str, Any]) -> None:
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
    """Path and length of every list in the data, including nested lists."""
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
