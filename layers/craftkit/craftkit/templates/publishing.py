"""Publishing: validates a template's next version, compiles it with preview data, and stores it."""

from dataclasses import replace
from typing import Any

from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import (
    ConflictError,
    InvalidInputDataError,
    InvalidRequestError,
    Issues,
    TemplateExistsError,
)
from craftkit.templates import data, repository
from craftkit.templates.fonts import fonts_of
from craftkit.templates.models import (
    Manifest,
    TemplateVersion,
    read_manifest,
    require_fitting_size,
    require_publishable,
)
from craftkit.templates.service import get_template, get_version
from craftkit.templates.source import write_source
from craftkit.typesetter import (
    DEFAULT_PDF_STANDARD,
    Job,
    PdfStandard,
    StandardError,
    Typeset,
    TypesettingError,
)

_ATTEMPTS = 8


class DoesNotCompileError(InvalidRequestError):
    """The source does not compile, or violates the PDF standard. Lines and columns start at 1."""

    def __init__(self, message: str, path: str, line: int | None, column: int | None) -> None:
        where = f"Line {line}, column {column or 1}: " if line else ""
        super().__init__(
            f"The template cannot be published. {where}{message}",
            issues=Issues(field_errors={path: [where + message]}),
        )
        self.reason = message
        self.line = line
        self.column = column


def publish(
    project_id: str,
    slug: str,
    name: str,
    manifest: Manifest | dict[str, Any],
    source: str | None = None,
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD,
    locale: str = "en",
    *,
    must_be_new: bool = False,
    publish_now: bool = True,
    by: str,
    typeset: Typeset,
) -> TemplateVersion:
    """Publish the next version of a template. The first version creates the template.

    Args:
        must_be_new: refuse a slug that already has a template.
        publish_now: whether renders use the version from now on; `publish_version` does it later.
        manifest: a manifest, or parsed JSON.
        source: Typst source; None generates it from the manifest.
        by: the author of the version.

    Returns:
        The version, with the warnings of its compilation.

    Raises:
        InvalidRequestError: the manifest, a setting or the preview data is not valid. All issues of
            manifest and settings are reported at once.
        DoesNotCompileError: with line and column, if they are known.
        TemplateExistsError: `must_be_new`, and the template exists.
    """
    manifest = _checked(slug, name, manifest, pdf_standard, locale)
    preview = _preview(manifest)
    source = write_source(manifest, name) if source is None else source
    require_fitting_size(manifest.canonical, source)
    used = fonts_of(project_id, source)
    now = utc_now()
    warnings = _compile(
        Job(
            source=source,
            data=preview,
            types=data.types(manifest),
            locale=locale,
            title=name,
            created_at=now,
            pdf_standard=pdf_standard,
            font_files=used,
        ),
        typeset,
    )
    version = TemplateVersion(
        slug=slug,
        number=0,
        name=name,
        pdf_standard=pdf_standard,
        locale=locale,
        published_at=now,
        by=by,
        manifest=manifest,
        source=source,
        fonts=used,
        warnings=warnings,
    )
    return _write_next(project_id, version, must_be_new=must_be_new, publish=publish_now)


def publish_version(project_id: str, slug: str, number: int, *, by: str) -> TemplateVersion:
    """Make renders use an existing version: a newer one, or an older one to roll back.

    Repeated calls have no effect.

    Raises:
        TemplateNotFoundError, VersionNotFoundError: as in `get_version`.
        ConflictError: other requests publish the template at the same time.
    """
    version = get_version(project_id, slug, number)
    for _ in range(_ATTEMPTS):
        template = get_template(project_id, slug)
        if template.latest_version == number:
            return version
        try:
            repository.set_latest_version(template, version, by=by)
        except ConditionFailedError:
            continue
        return version
    raise ConflictError("Other requests published this template at the same time. Try again.")


def roll_back(
    project_id: str, slug: str, number: int, *, by: str, typeset: Typeset
) -> TemplateVersion:
    """Publish the content of an old version as the next version."""
    old = get_version(project_id, slug, number)
    return publish(
        project_id,
        slug,
        old.name,
        old.manifest,
        old.source,
        old.pdf_standard,
        old.locale,
        by=by,
        typeset=typeset,
    )


def _checked(
    slug: str,
    name: str,
    manifest: Manifest | dict[str, Any],
    pdf_standard: str,
    locale: str,
) -> Manifest:
    """The manifest, if it and the settings are valid."""
    issues = Issues()
    try:
        require_publishable(slug, name, pdf_standard, locale)
    except InvalidRequestError as error:
        issues = error.issues or issues
    try:
        read = read_manifest(manifest)
    except InvalidRequestError as error:
        found = error.issues or Issues()
        issues.form_errors.extend(found.form_errors)
        issues.field_errors.update(found.field_errors)
        raise InvalidRequestError(str(error), issues=issues) from error
    if issues:
        raise InvalidRequestError(issues=issues)
    return read


def _write_next(
    project_id: str, version: TemplateVersion, *, must_be_new: bool, publish: bool
) -> TemplateVersion:
    for _ in range(_ATTEMPTS):
        template = repository.get_template(project_id, version.slug)
        if must_be_new and template:
            raise TemplateExistsError
        last = template.highest_number if template else 0
        last = last or repository.last_number(project_id, version.slug)
        numbered = replace(version, number=last + 1)
        try:
            repository.put_version(project_id, numbered, template, publish=publish)
        except ConditionFailedError:
            continue
        return numbered
    raise ConflictError("Other requests published this template at the same time. Try again.")


def _preview(manifest: Manifest) -> dict[str, Any]:
    try:
        return data.validate_data(manifest, data.preview_data(manifest))
    except InvalidInputDataError as error:
        found = error.issues or Issues()
        issues = Issues(
            form_errors=found.form_errors,
            field_errors={
                f"manifest.previewData.{path}": messages
                for path, messages in found.field_errors.items()
            },
        )
        message = "The preview data is not valid by the manifest."
        raise InvalidRequestError(message, issues=issues) from error


def _compile(job: Job, typeset: Typeset) -> tuple[str, ...]:
    """Compile the document and return its warnings."""
    try:
        return typeset(job).warnings
    except StandardError as error:
        raise DoesNotCompileError(str(error), "pdfStandard", error.line, error.column) from error
    except TypesettingError as error:
        raise DoesNotCompileError(str(error), "source", error.line, error.column) from error
