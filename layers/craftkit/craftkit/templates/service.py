"""The use cases of templates other than publishing: read, list, compare, delete.

Versions are immutable, and no number of a slug is ever used twice, not even after a delete: so a
version may be cached for as long as the process lives.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff
from itertools import islice
from json import dumps

from craftkit import cursors
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import (
    ConflictError,
    NoPublishedVersionError,
    TemplateNotFoundError,
    VersionNotFoundError,
)
from craftkit.templates import repository
from craftkit.templates.models import (
    Template,
    TemplateVersion,
    VersionSummary,
    is_slug,
)
from craftkit.templates.version_cache import VersionCache

VERSIONS_SHOWN = 100

_VERSION_NUMBER_LIMIT = 999_999
_PINNED_AGE = timedelta(seconds=60)
"""How long a pinned render may use a version without looking whether it was deleted."""


_cache = VersionCache()


@dataclass(frozen=True)
class TemplatePage:
    templates: list[Template]
    next_cursor: str | None


def get_template(project_id: str, slug: str) -> Template:
    """The template, read strongly consistent.

    Raises:
        TemplateNotFoundError: missing, or another project's: nobody can tell which.
    """
    template = repository.get_template(project_id, slug) if is_slug(slug) else None
    if template is None:
        raise TemplateNotFoundError
    return template


def name_of(project_id: str, slug: str) -> str:
    """The template's name; its slug where there is no template yet."""
    template = repository.get_template(project_id, slug) if is_slug(slug) else None
    return template.name if template else slug


def version_number(text: str) -> int:
    """A version's number from the path of a request.

    Raises:
        VersionNotFoundError: it is no number that a version could have.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise VersionNotFoundError
    return int(text)


def get_version(project_id: str, slug: str, number: int) -> TemplateVersion:
    """A published version, cached in the process if it was read in the last minute.

    Raises:
        TemplateNotFoundError: as in `get_template`.
        VersionNotFoundError: the template is there, the version is not.
    """
    return _version(project_id, slug, number, fresh_since=utc_now() - _PINNED_AGE)


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
    """What changed between two versions: unified diffs of `settings`, `manifest` and `source`."""
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
        for part in ("settings", "manifest", "source")
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
        repository.retire(template, by=by, now=utc_now())
    except ConditionFailedError as error:
        raise ConflictError("The template was published meanwhile. Try again.") from error
    repository.delete_versions(project_id, slug)


def _version(
    project_id: str, slug: str, number: int, fresh_since: datetime | None
) -> TemplateVersion:
    key = (project_id, slug, number)
    known = _cache.get(key, fresh_since)
    if known:
        return known
    in_range = is_slug(slug) and 0 < number <= _VERSION_NUMBER_LIMIT
    version = repository.get_version(project_id, slug, number) if in_range else None
    if version is None:
        _cache.drop(key)
        get_template(project_id, slug)
        raise VersionNotFoundError
    _cache.put(key, version, utc_now())
    return version


def _lines(version: TemplateVersion, part: str) -> list[str]:
    if part == "source":
        return version.source.splitlines()
    if part == "settings":
        return [
            f"name: {version.name}",
            f"locale: {version.locale}",
            f"pdfStandard: {version.pdf_standard}",
        ]
    return dumps(version.manifest.as_json(), indent=2, ensure_ascii=False).splitlines()
