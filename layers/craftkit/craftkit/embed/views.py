"""Embed as the callers of the API see it: answers are snake_case."""

from base64 import b64encode
from typing import Any

from pydantic import BaseModel, Field

from craftkit.clock import to_rfc3339
from craftkit.embed.catalogs import Difference
from craftkit.embed.models import PublishedCatalog
from craftkit.embed.page import pages_url
from craftkit.embed.preview import Problem
from craftkit.embed.service import OpenSession
from craftkit.typesetter import Preview


class JwkView(BaseModel):
    """One Ed25519 key (RFC 8037)."""

    kty: str
    crv: str
    alg: str
    use: str
    kid: str
    x: str


class JwksView(BaseModel):
    """The answer of `GET /.well-known/jwks.json` (RFC 7517), newest first."""

    keys: list[JwkView]


class SessionView(BaseModel):
    """The answer of minting and of refreshing. `renew_token` is good once."""

    session_id: str
    session_token: str = Field(repr=False)
    iframe_url: str = Field(repr=False)
    expires_at: str
    renew_token: str = Field(repr=False)

    @classmethod
    def of(cls, opened: OpenSession) -> "SessionView":
        return cls(
            session_id=opened.session.id,
            session_token=opened.token,
            iframe_url=f"{pages_url()}/embed?session_token={opened.token}",
            expires_at=to_rfc3339(opened.session.expires_at),
            renew_token=opened.renew_token,
        )


def preview_answer(drawn: Preview | Problem) -> dict[str, Any]:
    """What the page gets of a preview: pictures of the first pages, or why there are none."""
    if isinstance(drawn, Problem):
        return {"pages": [], "pageCount": 0, "problem": drawn.as_json()}
    pages = [b64encode(page).decode() for page in drawn.pages]
    return {"pages": pages, "pageCount": drawn.page_count, "problem": None}


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
