"""Catalogs: the data that a partner's templates may use, published version by version."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

from craftkit import cursors
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.embed.catalogs import repository
from craftkit.embed.catalogs.models import Catalog, PublishedCatalog
from craftkit.errors import CatalogNotFoundError, ConflictError, InvalidRequestError, Issues
from craftkit.templates import data
from craftkit.templates.models import Manifest, is_slug, read_manifest

VERSION_LIMIT = 999_999
_ATTEMPTS = 8


@dataclass(frozen=True)
class Difference:
    """Paths of variables (`customer.name`, `items.qty`) that were added, removed or changed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def publish_catalog(project_id: str, name: str, catalog: Catalog, *, by: str) -> PublishedCatalog:
    """Publish the next version of a catalog. The first version creates the catalog.

    Raises:
        InvalidRequestError: a key is repeated, or is both a value and a group.
        ConflictError: several requests publish the catalog at the same time.
    """
    require_catalog(catalog, at="catalog")
    for _ in range(_ATTEMPTS):
        last = repository.latest_version(project_id, name)
        published = PublishedCatalog(
            name=name, version=last + 1, catalog=catalog, created_at=utc_now(), by=by
        )
        try:
            repository.put(project_id, published)
        except ConditionFailedError:
            continue  # another request has published this number
        return published
    raise ConflictError("This catalog was published by other requests at the same time. Try again.")


def get_catalog(project_id: str, name: str, version: int | None = None) -> PublishedCatalog:
    """A version of a catalog; the latest if `version` is None.

    Raises:
        CatalogNotFoundError: the project has no such catalog or version.
    """
    if not is_slug(name):
        raise CatalogNotFoundError
    wanted = repository.latest_version(project_id, name) if version is None else version
    in_range = 0 < wanted <= VERSION_LIMIT
    found = repository.get(project_id, name, wanted) if in_range else None
    if found is None:
        raise CatalogNotFoundError
    return found


def list_catalogs(
    project_id: str, *, limit: int = 20, cursor: str | None = None
) -> tuple[list[tuple[str, int, str]], str | None]:
    """A page of catalogs (name, latest version, its time), sorted by name, and the next cursor."""
    scope = f"embed/catalogs/{project_id}"
    after = str(cursors.unseal(cursor, scope)["name"]) if cursor else None
    found = repository.heads(project_id, limit + 1, after)
    page = found[:limit]
    more = len(found) > limit
    return page, cursors.seal({"name": page[-1][0]}, scope) if more else None


def list_versions(project_id: str, name: str) -> list[int]:
    """The numbers of a catalog's versions, newest first, at most a hundred."""
    return repository.versions(project_id, name)


def diff(before: PublishedCatalog, after: PublishedCatalog) -> Difference:
    """What changed between two versions."""
    old, new = _described(before.catalog), _described(after.catalog)
    return Difference(
        added=tuple(path for path in new if path not in old),
        removed=tuple(path for path in old if path not in new),
        changed=tuple(path for path in new if path in old and old[path] != new[path]),
    )


def as_manifest(catalog: Catalog) -> Manifest:
    """The manifest of a template that uses all data of the catalog."""
    variables = [
        {**field.as_json(), "key": f"{namespace.key}.{field.key}"}
        for namespace in catalog.namespaces
        for field in namespace.fields
    ]
    return read_manifest(
        {"variables": variables, "loops": [loop.as_json() for loop in catalog.loops]}
    )


def require_catalog(catalog: Catalog, *, at: str) -> None:
    """Refuse a catalog that cannot be converted to a manifest.

    Args:
        at: the path of the catalog in the request, for the issues.

    Raises:
        InvalidRequestError: with an issue for each fault.
    """
    try:
        as_manifest(catalog)
    except InvalidRequestError as error:
        found = error.issues or Issues()
        messages = [*found.form_errors, *chain.from_iterable(found.field_errors.values())]
        raise InvalidRequestError(issues=Issues(field_errors={at: messages})) from error


def require_allowed(manifest: Manifest, catalog: Catalog) -> None:
    """Refuse a manifest with variables that the catalog does not have, unless it allows them.

    Raises:
        InvalidRequestError: with an issue for each path that is absent or has another type.
    """
    if catalog.allow_custom:
        return
    known = data.types(as_manifest(catalog))
    issues = Issues()
    for path, kind in data.types(manifest).items():
        if path not in known:
            issues.field_errors[f"manifest.{path}"] = ["Is not in the catalog"]
        elif known[path] != kind:
            issues.field_errors[f"manifest.{path}"] = [f"Is of type {known[path]} in the catalog"]
    if issues:
        raise InvalidRequestError(
            "The template uses data that is not in the catalog.", issues=issues
        )


def _described(catalog: Catalog) -> dict[str, Any]:
    manifest = as_manifest(catalog)
    described: dict[str, Any] = {
        path: variable.as_json() for path, variable in data.variables(manifest)
    }
    return described | {loop.key: [loop.label, loop.required] for loop in manifest.loops}
