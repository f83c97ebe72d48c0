"""A template that a partner's person writes: seen as it is typed, kept as a draft, published."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from craftkit.clock import Clock, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed import catalogs, preview, repository
from craftkit.embed.access import Visit
from craftkit.embed.forms import Scale
from craftkit.embed.models import Catalog, Session
from craftkit.embed.preview import Problem, Sheet
from craftkit.embed.preview_limits import one_preview
from craftkit.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    TemplateExistsError,
    TemplateNotFoundError,
)
from craftkit.projects.service import slug_of
from craftkit.remote_typesetter import preview_remotely, typeset_remotely
from craftkit.schema import ApiModel, Matches
from craftkit.templates import drafts, publishing
from craftkit.templates import service as templates
from craftkit.templates.fonts import fonts_of
from craftkit.templates.locales import LOCALE_PATTERN
from craftkit.templates.models import (
    NAME_LIMIT,
    SOURCE_LIMIT_BYTES,
    Draft,
    TemplateVersion,
    read_manifest,
)
from craftkit.templates.source import write_source
from craftkit.typesetter import DEFAULT_PDF_STANDARD, Draw, PdfStandard, Preview, Typeset

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT, strip_whitespace=True)]
Source = Annotated[str, StringConstraints(max_length=SOURCE_LIMIT_BYTES)]

_STARTING_NAME = "Untitled"
_STARTING_SLUG_LENGTH = 60


class Writing(ApiModel):
    """A template as the editor holds it. An empty source asks for one made from the manifest."""

    name: Name = _STARTING_NAME
    manifest: dict[str, Any] = Field({})
    source: Source = ""
    locale: Annotated[
        str, Matches(LOCALE_PATTERN.strip("^$"), "Must be a language tag such as en or de-CH")
    ] = "en"


class WritingPreview(Writing):
    scale: Scale = 1.0


class WritingSaved(Writing):
    """`revision` is that of the draft which the editor began with, 0 where there was none."""

    revision: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Drawn:
    """A template's pages, and the source that they were set from: its own, or one made for it."""

    pages: Preview | Problem
    source: str


def preview_template(
    visit: Visit,
    writing: WritingPreview,
    *,
    clock: Clock = utc_now,
    draw: Draw = preview_remotely,
) -> Drawn:
    """The template's pages with its preview data.

    Raises:
        WrongModeError, PermissionDeniedError: no session to edit or create.
        RateLimitedError: too many previews of this project.
    """
    visit.require("edit", "edit", "create")
    try:
        manifest = read_manifest(writing.manifest)
    except InvalidRequestError as error:
        return Drawn(preview.problem_of(error), writing.source)
    source = writing.source if writing.source.strip() else write_source(manifest, writing.name)
    fonts = fonts_of(visit.session.project_id, source)
    sheet = Sheet(
        manifest,
        source,
        writing.locale,
        writing.name,
        fonts,
        standard_of(visit.session),
        watermark=visit.session.key_mode == "test",
    )
    now = clock()
    with one_preview(visit.session.project_id, now):
        pages = preview.draw_draft(sheet, now=now, scale=writing.scale, preview=draw)
    return Drawn(pages, source)


def save_draft(visit: Visit, writing: WritingSaved) -> Draft:
    """Keep the template as it is written now; nothing is judged but its size.

    Raises:
        WrongModeError, PermissionDeniedError: no session to edit or create.
        ConflictError: saved elsewhere meanwhile, or a template of this name is there already.
    """
    visit.require("edit", "edit", "create")
    session = visit.session

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


def publish_template(
    visit: Visit, writing: Writing, *, typeset: Typeset = typeset_remotely
) -> TemplateVersion:
    """Publish what is written as the template's next version; its draft has done its work.

    Raises:
        WrongModeError, PermissionDeniedError: not for this session.
        InvalidRequestError: it does not compile, or uses more than the catalog has.
        ConflictError: a template of this name is there already.
        RateLimitedError: too many previews of this project; a publish counts as one.
    """
    visit.require("publish", "edit", "create")
    session = visit.session
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

    with one_preview(session.project_id, utc_now()):
        version = _write(session, writing.name, publish)
    drafts.discard_draft(session.project_id, version.slug)
    return version


def writing_of(session: Session) -> WritingSaved:
    """What the editor begins with: the draft, or the newest version, or a fresh template."""
    slug = session.template_slug
    if slug is None:
        return _fresh(session)
    try:
        draft = drafts.get_draft(session.project_id, slug)
    except NotFoundError:
        pass
    else:
        return WritingSaved(
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
        return WritingSaved(name=template.name)
    return WritingSaved(
        name=latest.name,
        manifest=latest.manifest.as_json(),
        source=latest.source,
        locale=latest.locale,
    )


def catalog_of(session: Session) -> Catalog | None:
    """The data that the session's template may use: the pinned catalog, or its own."""
    ref = session.wish.catalog_ref
    if ref is not None:
        return catalogs.get_catalog(session.project_id, ref.name, ref.version).catalog
    return session.wish.variable_catalog


def standard_of(session: Session) -> PdfStandard:
    """What the template's documents conform to: as its newest version says."""
    if session.template_slug is None:
        return DEFAULT_PDF_STANDARD
    try:
        _, latest, _ = templates.describe(session.project_id, session.template_slug)
    except TemplateNotFoundError:
        return DEFAULT_PDF_STANDARD
    return latest.pdf_standard if latest else DEFAULT_PDF_STANDARD


def _fresh(session: Session) -> WritingSaved:
    """A new template: with a catalog, one that shows all of it."""
    catalog = catalog_of(session)
    if catalog is None:
        return WritingSaved()
    return WritingSaved(manifest=catalogs.as_manifest(catalog).as_json())


def _write[Written: (Draft, TemplateVersion)](
    session: Session, name: str, write: Callable[..., Written]
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


def _bind(session: Session, slug: str) -> None:
    try:
        repository.keep_template(session, slug)
    except ConditionFailedError as error:
        raise ConflictError("This session has made another template already.") from error
