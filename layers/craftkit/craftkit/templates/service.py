"""The use cases of templates other than publishing: read, list, compare, delete.

Versions are immutable, and a version number of a slug is never used twice, even after a delete. So
a version can be cached until the process ends.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff
from itertools import islice
from json import dumps

from craftkit import cursors, process_cache
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

VERSIONS_SHOWN = 100

_VERSION_NUMBER_LIMIT = 999_999
_PINNED_AGE = timedelta(seconds=60)
"""How long a render with a version number may use a cached version that may be deleted."""

_Key = tuple[str, str, int]
"""Project id, slug, number."""


class _VersionCache:
    """The most recently used versions, with the time at which each was read.

    Versions never change. Their age matters only because a template can be deleted.
    """

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._entries: OrderedDict[_Key, tuple[TemplateVersion, datetime]] = OrderedDict()

    def get(self, key: _Key, fresh_since: datetime | None) -> TemplateVersion | None:
        """The version, if it was read after `fresh_since`; None accepts any age."""
        version, read_at = self._entries.get(key, (None, None))
        if read_at is None or (fresh_since is not None and read_at <= fresh_since):
            return None
        self._entries.move_to_end(key)
        return version

    def put(self, key: _Key, version: TemplateVersion, read_at: datetime) -> None:
        self._entries[key] = (version, read_at)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: _Key) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Remove all versions."""
        self._entries.clear()


_cache = _VersionCache()
process_cache.register(_cache.clear)


@dataclass(frozen=True)
class TemplatePage:
    templates: list[Template]
    next_cursor: str | None


def get_template(project_id: str, slug: str) -> Template:
    """The template, read with strong consistency.

    Raises:
        TemplateNotFoundError: the project has no such template.
    """
    template = repository.get_template(project_id, slug) if is_slug(slug) else None
    if template is None:
        raise TemplateNotFoundError
    return template


def name_of(project_id: str, slug: str) -> str:
    """The template's name; the slug if the template does not exist."""
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
    """A version. It is read from the process's cache if it was read in the last minute.

    Raises:
        TemplateNotFoundError: as in `get_template`.
        VersionNotFoundError: the template has no such version.
    """
    return _version(project_id, slug, number, fresh_since=utc_now() - _PINNED_AGE)


def current_version(project_id: str, slug: str, number: int | None = None) -> TemplateVersion:
    """The version that a render uses: the given number, or the latest.

    With a cached version this makes one read, or none with a number.

    Raises:
        TemplateNotFoundError, VersionNotFoundError: as in `get_version`.
        NoPublishedVersionError: the template has only a draft.
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
    """A page of the project's templates, sorted by slug.

    Args:
        only: the slugs that the caller may see; empty means all.

    Raises:
        InvalidCursorError: the cursor was not issued for this list.
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
    """The template, its latest version or None, and its newest versions.

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
    """The differences of two versions: unified diffs of `settings`, `manifest` and `source`."""
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
    """Delete the template and its versions. The slug can be used again.

    Queued renders of the template fail. A new template of the slug continues its version numbers.

    Raises:
        TemplateNotFoundError: as in `get_template`.
        ConflictError: a version was published at the same time.
    """
    template = get_template(project_id, slug)
    try:
        repository.retire(template, by=by, now=utc_now())
    except ConditionFailedError as error:
        raise ConflictError("The template was published at the same time. Try again.") from error
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
