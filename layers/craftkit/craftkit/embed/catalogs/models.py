"""Catalogs in requests and in the table. Requests are camelCase."""

from datetime import datetime
from typing import Annotated

from pydantic import (
    FailFast,
    Field,
    StrictBool,
    StringConstraints,
)

from craftkit.schema import ApiModel
from craftkit.templates.models import Label, Loop, LoopKey, Slug, Variable


class Namespace(ApiModel):
    key: LoopKey
    label: Label
    fields: Annotated[tuple[Variable, ...], Field(min_length=1, max_length=200), FailFast()]


class Catalog(ApiModel):
    """The data that a partner's templates may use: `customer.name` is a field of a namespace.

    `allowCustom`: whether a template may also use variables that are not in the catalog.
    """

    allow_custom: StrictBool = False
    namespaces: Annotated[tuple[Namespace, ...], Field(max_length=50), FailFast()] = ()
    loops: Annotated[tuple[Loop, ...], Field(max_length=30), FailFast()] = ()


class CatalogRequest(ApiModel):
    """The body of `POST /v1/embed/catalogs`."""

    name: Slug
    catalog: Catalog


class CatalogList(ApiModel):
    """The query of `GET /v1/embed/catalogs`."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None


class CatalogRead(ApiModel):
    """The query of `GET /v1/embed/catalogs/{name}`. `compareTo` is an earlier version."""

    version: Annotated[int, Field(ge=1)] | None = None
    compare_to: Annotated[int, Field(ge=1)] | None = None


class PublishedCatalog(ApiModel):
    name: str
    version: int
    catalog: Catalog
    created_at: datetime
    by: str
