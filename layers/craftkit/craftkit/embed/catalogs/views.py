"""Catalogs in responses, which are snake_case."""

from typing import Any

from pydantic import BaseModel

from craftkit.clock import to_rfc3339
from craftkit.embed.catalogs.models import PublishedCatalog
from craftkit.embed.catalogs.service import Difference


class CatalogSummary(BaseModel):
    name: str
    version: int
    updated_at: str


class CatalogsView(BaseModel):
    """The response of `GET /v1/embed/catalogs`, sorted by name."""

    catalogs: list[CatalogSummary]
    next_cursor: str | None

    @classmethod
    def of(cls, page: list[tuple[str, int, str]], cursor: str | None) -> "CatalogsView":
        found = [CatalogSummary(name=name, version=n, updated_at=at) for name, n, at in page]
        return cls(catalogs=found, next_cursor=cursor)


class DifferenceView(BaseModel):
    """Paths that were added, removed or changed since an earlier version."""

    version: int
    added: list[str]
    removed: list[str]
    changed: list[str]

    @classmethod
    def of(cls, version: int, difference: Difference) -> "DifferenceView":
        return cls(
            version=version,
            added=list(difference.added),
            removed=list(difference.removed),
            changed=list(difference.changed),
        )


class CatalogView(BaseModel):
    """A version of a catalog. `catalog` is the request's body, in camelCase.

    `versions` has the latest hundred numbers. `changes` is present if the request has `compareTo`.
    """

    name: str
    version: int
    catalog: dict[str, Any]
    created_at: str
    versions: list[int]
    changes: DifferenceView | None = None

    @classmethod
    def of(
        cls,
        published: PublishedCatalog,
        versions: list[int],
        changes: DifferenceView | None = None,
    ) -> "CatalogView":
        return cls(
            name=published.name,
            version=published.version,
            catalog=published.catalog.as_json(),
            created_at=to_rfc3339(published.created_at),
            versions=versions,
            changes=changes,
        )
