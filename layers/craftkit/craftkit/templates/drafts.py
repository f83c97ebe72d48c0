"""Drafts: work in progress on a template, kept apart from its versions."""

from json import dumps
from typing import Any

from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import ConflictError, NotFoundError, TemplateExistsError
from craftkit.templates import repository
from craftkit.templates.models import (
    Draft,
    Template,
    is_slug,
    require_fitting_size,
    require_publishable,
)
from craftkit.typesetter import DEFAULT_PDF_STANDARD, PdfStandard


def get_draft(project_id: str, slug: str) -> Draft:
    """The template's draft.

    Raises:
        NotFoundError: the template has no draft.
    """
    draft = repository.get_draft(project_id, slug) if is_slug(slug) else None
    if draft is None:
        raise NotFoundError("The template has no draft.")
    return draft


def save_draft(
    project_id: str,
    slug: str,
    name: str,
    manifest: dict[str, Any],
    source: str | None = None,
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD,
    locale: str = "en",
    *,
    revision: int = 0,
    must_be_new: bool = False,
    by: str,
) -> Draft:
    """Save a draft. Only its size is validated: manifest and source can be invalid.

    Args:
        must_be_new: refuse a slug that already has a template.
        revision: the revision of the draft that the editor has loaded, 0 if there was none.

    Raises:
        ConflictError: a later revision was saved.
        InvalidRequestError: the draft is too large, or the slug is not valid.
        TemplateExistsError: `must_be_new`, and the template exists.
    """
    require_publishable(slug, name, pdf_standard, locale)
    require_fitting_size(dumps(manifest), source or "")
    now = utc_now()
    draft = Draft(slug, name, manifest, source, pdf_standard, locale, revision + 1, now, by)
    exists = repository.get_template(project_id, slug)
    if exists and must_be_new:
        raise TemplateExistsError
    create = None if exists else Template(project_id, slug, name, None, now, now)
    try:
        repository.put_draft(project_id, draft, create)
    except ConditionFailedError as error:
        if must_be_new:
            raise TemplateExistsError from error
        raise ConflictError("The draft was changed since it was loaded. Load it again.") from error
    return draft


def discard_draft(project_id: str, slug: str) -> None:
    """Delete the draft, if there is one. Published versions stay."""
    repository.delete_draft(project_id, slug)
