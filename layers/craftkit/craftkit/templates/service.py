"""What can be done with templates: publish, read, list, compare, roll back, delete.

Versions are immutable, and no number of a slug is ever given out twice, not even after a delete:
so a version may be kept in the process for as long as it lives.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import unified_diff
from itertools import islice
from json import dumps
from typing import Any

from craftkit import clock, cursors
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import (
    ConflictError,
    InvalidInputDataError,
    InvalidRequestError,
    Issues,
    NoPublishedVersionError,
    TemplateExistsError,
    TemplateNotFoundError,
    VersionNotFoundError,
)
from craftkit.templates import data, repository
from craftkit.templates.fonts import fonts_of
from craftkit.templates.memory import Memory
from craftkit.templates.models import (
    Manifest,
    Template,
    TemplateVersion,
    VersionSummary,
    is_slug,
    read_manifest,
    require_fitting_size,
    require_publishable,
)
from craftkit.templates.source import write_source
from craftkit.typesetter import (
    DEFAULT_PDF_STANDARD,
    Job,
    PdfStandard,
    StandardError,
    Typeset,
    TypesettingError,
)

VERSIONS_SHOWN = 100

_ATTEMPTS = 8
_VERSION_NUMBER_LIMIT = 999_999
_PINNED_AGE = timedelta(seconds=60)
"""How long a pinned render may use a version without looking whether it was deleted."""


_memory = Memory()


class DoesNotCompileError(InvalidRequestError):
    """The source does not compile, or not to the PDF standard. Lines and columns start at 1."""

    def __init__(self, message: str, path: str, line: int | None, column: int | None) -> None:
        where = f"Line {line}, column {column or 1}: " if line else ""
        super().__init__(
            f"The template cannot be published. {where}{message}",
            issues=Issues(field_errors={path: [where + message]}),
        )
        self.line = line
        self.column = column


@dataclass(frozen=True)
class TemplatePage:
    templates: list[Template]
    next_cursor: str | None


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
    by: str,
    typeset: Typeset,
) -> TemplateVersion:
    """Publish the next version of a template; the first makes the template.

    Args:
        must_be_new: refuse a slug that has a template, however shortly before it was made.
        manifest: a manifest, or parsed JSON that should be one.
        source: Typst source; written from the manifest when None.
        by: who publishes, for the version's record.

    Raises:
        InvalidRequestError: the manifest, a setting or the preview data does not fit.
        DoesNotCompileError: with line and column, where the typesetter knows them.
        TemplateExistsError: it must be new, and is not.
    """
    require_publishable(slug, name, pdf_standard, locale)
    manifest = read_manifest(manifest)
    preview = _preview(manifest)
    source = write_source(manifest, name) if source is None else source
    require_fitting_size(manifest.canonical, source)
    used = fonts_of(project_id, source)
    now = clock.utc_now()
    _compile(
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
    )
    return _write_next(project_id, version, must_be_new=must_be_new)


def roll_back(
    project_id: str, slug: str, number: int, *, by: str, typeset: Typeset
) -> TemplateVersion:
    """Publish an old version's content again, as the next version."""
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


def get_template(project_id: str, slug: str) -> Template:
    """The template, read strongly consistent.

    Raises:
        TemplateNotFoundError: missing, or another project's: nobody can tell which.
    """
    template = repository.get_template(project_id, slug) if is_slug(slug) else None
    if template is None:
        raise TemplateNotFoundError
    return template


def get_version(project_id: str, slug: str, number: int) -> TemplateVersion:
    """A published version, from the process's memory when it was used in the last minute.

    Raises:
        TemplateNotFoundError: as in `get_template`.
        VersionNotFoundError: the template is there, the version is not.
    """
    return _version(project_id, slug, number, fresh_since=clock.utc_now() - _PINNED_AGE)


def current_version(project_id: str, slug: str, number: int | None = None) -> TemplateVersion:
    """The version that a render uses: the pinned number, or the latest.

    One read when the version is warm in this process, none when it is pinned as well.

    Raises:
        TemplateNotFoundError, VersionNotFoundError: as in `get_version`.
        NoPublishedVersionError: there is only a draft.
    """
    if number is not None:
        return get_version(project_id, slug, number)
    latest = get_template(project_id, slug).latest_version
    if latest is None:
        raise NoPublishedVersionError
    return _version(project_id, slug, latest, fresh_since=None)


def list_templates(
    project_id: str,
    limit: int = 20,
    cursor: str | None = None,
    only: Collection[str] = frozenset(),
) -> TemplatePage:
    """A page of the project's templates, by slug.

    Args:
        only: the slugs that the caller may see; empty means every one.

    Raises:
        InvalidCursorError: the cursor is not of this list.
    """
    scope = f"templates/{project_id}"
    after = cursors.unseal(cursor, scope)["slug"] if cursor else None
    if only:
        slugs = sorted(slug for slug in only if is_slug(slug) and (not after or slug > after))
        found = (repository.get_template(project_id, slug) for slug in slugs)
        templates = list(islice(filter(None, found), limit + 1))
    else:
        templates = repository.list_templates(project_id, limit + 1, after)
    page = templates[:limit]
    more = len(templates) > limit
    return TemplatePage(page, cursors.seal({"slug": page[-1].slug}, scope) if more else None)


def describe(
    project_id: str, slug: str
) -> tuple[Template, TemplateVersion | None, list[VersionSummary]]:
    """The template, its latest version if there is one, and its newest versions.

    Raises:
        TemplateNotFoundError: as in `get_template`.
    """
    template = get_template(project_id, slug)
    if template.latest_version is None:
        return template, None, []
    latest = _version(project_id, slug, template.latest_version, fresh_since=None)
    return template, latest, repository.list_versions(project_id, slug, VERSIONS_SHOWN)


def list_versions(project_id: str, slug: str) -> list[VersionSummary]:
    """The newest versions, at most a hundred."""
    get_template(project_id, slug)
    return repository.list_versions(project_id, slug, VERSIONS_SHOWN)


def diff(project_id: str, slug: str, before: int, after: int) -> dict[str, str]:
    """What changed between two versions: unified diffs of `manifest` and `source`."""
    old, new = (get_version(project_id, slug, number) for number in (before, after))
    return {
        part: "\n".join(
            unified_diff(
                _lines(old, part),
                _lines(new, part),
                f"{slug} {before}",
                f"{slug} {after}",
                lineterm="",
            )
        )
        for part in ("manifest", "source")
    }


def delete_template(project_id: str, slug: str, *, by: str) -> None:
    """Take the template and its versions away; the slug is free again.

    A render that still waits for one of them fails. A later template of the slug goes on counting.

    Raises:
        TemplateNotFoundError: as in `get_template`.
        ConflictError: somebody published meanwhile.
    """
    template = get_template(project_id, slug)
    try:
        repository.retire(template, by=by, now=clock.utc_now())
    except ConditionFailedError as error:
        raise ConflictError("The template was published meanwhile. Try again.") from error
    repository.delete_versions(project_id, slug)


def _version(
    project_id: str, slug: str, number: int, fresh_since: datetime | None
) -> TemplateVersion:
    key = (project_id, slug, number)
    known = _memory.get(key, fresh_since)
    if known:
        return known
    in_range = is_slug(slug) and 0 < number <= _VERSION_NUMBER_LIMIT
    version = repository.get_version(project_id, slug, number) if in_range else None
    if version is None:
        _memory.drop(key)
        get_template(project_id, slug)
        raise VersionNotFoundError
    _memory.put(key, version, clock.utc_now())
    return version


def _write_next(project_id: str, version: TemplateVersion, *, must_be_new: bool) -> TemplateVersion:
    for _ in range(_ATTEMPTS):
        template = repository.get_template(project_id, version.slug)
        if must_be_new and template:
            raise TemplateExistsError
        last = template.latest_version if template else None
        if last is None:
            last = repository.last_number(project_id, version.slug)
        numbered = replace(version, number=last + 1)
        try:
            repository.put_version(project_id, numbered, template)
        except ConditionFailedError:
            continue
        return numbered
    raise ConflictError("Others publish this template at the same time. Try again.")


def _preview(manifest: Manifest) -> dict[str, Any]:
    try:
        return data.judge(manifest, data.preview_data(manifest))
    except InvalidInputDataError as error:
        found = error.issues or Issues()
        issues = Issues(
            form_errors=found.form_errors,
            field_errors={
                f"manifest.previewData.{path}": messages
                for path, messages in found.field_errors.items()
            },
        )
        message = "The preview data does not fit the manifest."
        raise InvalidRequestError(message, issues=issues) from error


def _compile(job: Job, typeset: Typeset) -> None:
    try:
        typeset(job)
    except StandardError as error:
        raise DoesNotCompileError(str(error), "pdfStandard", error.line, error.column) from error
    except TypesettingError as error:
        raise DoesNotCompileError(str(error), "source", error.line, error.column) from error


def _lines(version: TemplateVersion, part: str) -> list[str]:
    if part == "source":
        return version.source.splitlines()
    return dumps(version.manifest.as_json(), indent=2, ensure_ascii=False).splitlines()
