"""Catalogs as the callers of the API see them: answers are snake_case."""

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
    """The answer of `GET /v1/embed/catalogs`, by name."""

    catalogs: list[CatalogSummary]
    next_cursor: str | None

    @classmethod
    def of(cls, page: list[tuple[str, int, str]], cursor: str | None) -> "CatalogsView":
        found = [CatalogSummary(name=name, version=n, updated_at=at) for name, n, at in page]
        return cls(catalogs=found, next_cursor=cursor)


class DifferenceView(BaseModel):
    """Paths that an earlier version does not have, that it alone has, that it has otherwise."""

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
    """A version of a catalog. `catalog` is as it was sent: camelCase, as requests are.

    `versions` holds the newest hundred numbers; `changes` is there when `compareTo` was asked for.
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
