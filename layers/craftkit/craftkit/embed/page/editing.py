"""Editing a template in the embedded page: preview, draft and publishing."""

from collections.abc import Callable

from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import Catalog
from craftkit.embed.page import preview, repository
from craftkit.embed.page.access import Visitor
from craftkit.embed.page.models import (
    DraftRequest,
    PreviewSource,
    TemplateContent,
    TemplatePreview,
    TemplatePreviewRequest,
)
from craftkit.embed.sessions.models import EmbedSession
from craftkit.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    TemplateExistsError,
    TemplateNotFoundError,
)
from craftkit.limits.previews import one_preview
from craftkit.projects.service import slug_of
from craftkit.remote_typesetter import preview_remotely, typeset_remotely
from craftkit.templates import drafts, publishing
from craftkit.templates import service as templates
from craftkit.templates.fonts import fonts_of
from craftkit.templates.models import (
    Draft,
    TemplateVersion,
    read_manifest,
)
from craftkit.templates.source import write_source
from craftkit.typesetter import DEFAULT_PDF_STANDARD, Draw, PdfStandard, Typeset

_STARTING_SLUG_LENGTH = 60


def preview_embed_template(
    visitor: Visitor,
    request: TemplatePreviewRequest,
    *,
    draw: Draw = preview_remotely,
) -> TemplatePreview:
    """The template's pages with its preview data.

    Raises:
        WrongModeError, PermissionDeniedError: the session may not edit.
        RateLimitedError: the project's limit of previews is reached.
    """
    visitor.require("edit", "edit", "create")
    try:
        manifest = read_manifest(request.manifest)
    except InvalidRequestError as error:
        return TemplatePreview(preview.problem_of(error), request.source)
    source = request.source if request.source.strip() else write_source(manifest, request.name)
    fonts = fonts_of(visitor.session.project_id, source)
    shown = PreviewSource(
        manifest,
        source,
        request.locale,
        request.name,
        fonts,
        standard_of(visitor.session),
        watermark=visitor.session.key_mode == "test",
    )
    now = utc_now()
    with one_preview(visitor.session.project_id):
        pages = preview.draw_draft(shown, now=now, scale=request.scale, preview=draw)
    return TemplatePreview(pages, source)


def save_embed_draft(visitor: Visitor, request: DraftRequest) -> Draft:
    """Save the template as a draft. Only its size is validated.

    Raises:
        WrongModeError, PermissionDeniedError: the session may not edit.
        ConflictError: another session has saved a later revision, or has created a template of this
            name.
    """
    visitor.require("edit", "edit", "create")
    session = visitor.session

    def save(slug: str, *, must_be_new: bool) -> Draft:
        return drafts.save_draft(
            session.project_id,
            slug,
            request.name,
            request.manifest,
            request.source or None,
            standard_of(session),
            request.locale,
            revision=request.revision,
            must_be_new=must_be_new,
            by=session.by,
        )

    return _write(session, request.name, save)


def publish_embed_template(
    visitor: Visitor, request: TemplateContent, *, typeset: Typeset = typeset_remotely
) -> TemplateVersion:
    """Publish the content as the template's next version, and delete its draft.

    Raises:
        WrongModeError, PermissionDeniedError: the session may not publish.
        InvalidRequestError: the template does not compile, or uses data outside of the catalog.
        ConflictError: another session has created a template of this name.
        RateLimitedError: the project's limit of previews is reached; a publish counts as one.
    """
    visitor.require("publish", "edit", "create")
    session = visitor.session
    if session.key_mode == "test":
        raise PermissionDeniedError(
            "A session of a test key cannot publish. Create the session with a live key."
        )
    manifest = read_manifest(request.manifest)
    catalog = catalog_of(session)
    if catalog:
        catalogs.require_allowed(manifest, catalog)

    def publish(slug: str, *, must_be_new: bool) -> TemplateVersion:
        return publishing.publish(
            session.project_id,
            slug,
            request.name,
            manifest,
            request.source or None,
            standard_of(session),
            request.locale,
            must_be_new=must_be_new,
            by=session.by,
            typeset=typeset,
        )

    with one_preview(session.project_id):
        version = _write(session, request.name, publish)
    drafts.discard_draft(session.project_id, version.slug)
    return version


def initial_content(session: EmbedSession) -> DraftRequest:
    """The content that the editor opens: the draft, the latest version, or a new template."""
    slug = session.template_slug
    if slug is None:
        return _new_template(session)
    try:
        draft = drafts.get_draft(session.project_id, slug)
    except NotFoundError:
        pass
    else:
        return DraftRequest(
            name=draft.name,
            manifest=draft.manifest,
            source=draft.source or "",
            locale=draft.locale,
            revision=draft.revision,
        )
    try:
        template, latest, _ = templates.describe(session.project_id, slug)
    except TemplateNotFoundError:
        if session.mode == "create":
            return _new_template(session)
        raise
    if latest is None:
        return DraftRequest(name=template.name)
    return DraftRequest(
        name=latest.name,
        manifest=latest.manifest.as_json(),
        source=latest.source,
        locale=latest.locale,
    )


def catalog_of(session: EmbedSession) -> Catalog | None:
    """The data that the session's template may use: the catalog that the session names or has."""
    ref = session.request.catalog_ref
    if ref is not None:
        return catalogs.get_catalog(session.project_id, ref.name, ref.version).catalog
    return session.request.variable_catalog


def standard_of(session: EmbedSession) -> PdfStandard:
    """The PDF standard of the template's latest version, or the default."""
    if session.template_slug is None:
        return DEFAULT_PDF_STANDARD
    try:
        _, latest, _ = templates.describe(session.project_id, session.template_slug)
    except TemplateNotFoundError:
        return DEFAULT_PDF_STANDARD
    return latest.pdf_standard if latest else DEFAULT_PDF_STANDARD


def _new_template(session: EmbedSession) -> DraftRequest:
    """A new template. With a catalog, it uses all of the catalog's data."""
    catalog = catalog_of(session)
    if catalog is None:
        return DraftRequest()
    return DraftRequest(manifest=catalogs.as_manifest(catalog).as_json())


def _write[Written: (Draft, TemplateVersion)](
    session: EmbedSession, name: str, write: Callable[..., Written]
) -> Written:
    """Write the template of the session.

    The first write of a `create` session creates the template: with the session's slug, or with the
    first free slug of the name. The write fails if another session has created it meanwhile.

    Raises:
        ConflictError: the session's slug belongs to another template.
    """
    slug = session.template_slug
    if slug is not None and (session.mode == "edit" or session.has_created):
        return write(slug, must_be_new=False)
    named = slug_of(name)[:_STARTING_SLUG_LENGTH]
    *candidates, last = [slug] if slug else [named, f"{named}-{session.id[-6:]}"]
    for candidate in candidates:
        try:
            written = write(candidate, must_be_new=True)
        except TemplateExistsError:
            continue
        break
    else:
        written = write(last, must_be_new=True)
    _bind(session, written.slug)
    return written


def _bind(session: EmbedSession, slug: str) -> None:
    try:
        repository.bind_template(session, slug)
    except ConditionFailedError as error:
        raise ConflictError("This session has already created another template.") from error
