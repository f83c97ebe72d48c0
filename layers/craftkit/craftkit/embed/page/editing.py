"""A template that a partner's person writes: seen as it is typed, kept as a draft, published."""

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
    writing: TemplatePreviewRequest,
    *,
    draw: Draw = preview_remotely,
) -> TemplatePreview:
    """The template's pages with its preview data.

    Raises:
        WrongModeError, PermissionDeniedError: no session to edit or create.
        RateLimitedError: too many previews of this project.
    """
    visitor.require("edit", "edit", "create")
    try:
        manifest = read_manifest(writing.manifest)
    except InvalidRequestError as error:
        return TemplatePreview(preview.problem_of(error), writing.source)
    source = writing.source if writing.source.strip() else write_source(manifest, writing.name)
    fonts = fonts_of(visitor.session.project_id, source)
    shown = PreviewSource(
        manifest,
        source,
        writing.locale,
        writing.name,
        fonts,
        standard_of(visitor.session),
        watermark=visitor.session.key_mode == "test",
    )
    now = utc_now()
    with one_preview(visitor.session.project_id):
        pages = preview.draw_draft(shown, now=now, scale=writing.scale, preview=draw)
    return TemplatePreview(pages, source)


def save_embed_draft(visitor: Visitor, writing: DraftRequest) -> Draft:
    """Keep the template as it is written now; nothing is judged but its size.

    Raises:
        WrongModeError, PermissionDeniedError: no session to edit or create.
        ConflictError: saved elsewhere meanwhile, or a template of this name is there already.
    """
    visitor.require("edit", "edit", "create")
    session = visitor.session

    def save(slug: str, *, must_be_new: bool) -> Draft:
        return drafts.save_draft(
            session.project_id,
            slug,
            writing.name,
            writing.manifest,
            writing.source or None,
            standard_of(session),
            writing.locale,
            revision=writing.revision,
            must_be_new=must_be_new,
            by=session.by,
        )

    return _write(session, writing.name, save)


def publish_embed_template(
    visitor: Visitor, writing: TemplateContent, *, typeset: Typeset = typeset_remotely
) -> TemplateVersion:
    """Publish what is written as the template's next version; its draft has done its work.

    Raises:
        WrongModeError, PermissionDeniedError: not for this session.
        InvalidRequestError: it does not compile, or uses more than the catalog has.
        ConflictError: a template of this name is there already.
        RateLimitedError: too many previews of this project; a publish counts as one.
    """
    visitor.require("publish", "edit", "create")
    session = visitor.session
    if session.key_mode == "test":
        raise PermissionDeniedError("A test session never publishes. Open it with a live key.")
    manifest = read_manifest(writing.manifest)
    catalog = catalog_of(session)
    if catalog:
        catalogs.require_allowed(manifest, catalog)

    def publish(slug: str, *, must_be_new: bool) -> TemplateVersion:
        return publishing.publish(
            session.project_id,
            slug,
            writing.name,
            manifest,
            writing.source or None,
            standard_of(session),
            writing.locale,
            must_be_new=must_be_new,
            by=session.by,
            typeset=typeset,
        )

    with one_preview(session.project_id):
        version = _write(session, writing.name, publish)
    drafts.discard_draft(session.project_id, version.slug)
    return version


def writing_of(session: EmbedSession) -> DraftRequest:
    """What the editor begins with: the draft, or the newest version, or a fresh template."""
    slug = session.template_slug
    if slug is None:
        return _fresh(session)
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
            return _fresh(session)
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
    """The data that the session's template may use: the pinned catalog, or its own."""
    ref = session.request.catalog_ref
    if ref is not None:
        return catalogs.get_catalog(session.project_id, ref.name, ref.version).catalog
    return session.request.variable_catalog


def standard_of(session: EmbedSession) -> PdfStandard:
    """What the template's documents conform to: as its newest version says."""
    if session.template_slug is None:
        return DEFAULT_PDF_STANDARD
    try:
        _, latest, _ = templates.describe(session.project_id, session.template_slug)
    except TemplateNotFoundError:
        return DEFAULT_PDF_STANDARD
    return latest.pdf_standard if latest else DEFAULT_PDF_STANDARD


def _fresh(session: EmbedSession) -> DraftRequest:
    """A new template: with a catalog, one that shows all of it."""
    catalog = catalog_of(session)
    if catalog is None:
        return DraftRequest()
    return DraftRequest(manifest=catalogs.as_manifest(catalog).as_json())


def _write[Written: (Draft, TemplateVersion)](
    session: EmbedSession, name: str, write: Callable[..., Written]
) -> Written:
    """Write the one template that the session may write.

    A session to create that has written nothing yet makes a new template: of the id that it was
    opened for, else of the first free one of its name. The write itself refuses a template that
    another session has made meanwhile.

    Raises:
        ConflictError: the id that the session was opened for is another template's.
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
        repository.keep_template(session, slug)
    except ConditionFailedError as error:
        raise ConflictError("This session has made another template already.") from error
