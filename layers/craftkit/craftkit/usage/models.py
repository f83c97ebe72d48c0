"""Counters of finished renders."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import Field

from craftkit.auth.principal import Mode
from craftkit.http import ApiModel

DAYS_LIMIT = 366


@dataclass(frozen=True)
class Metered:
    """A render that succeeded, as far as it is counted. `day` is the UTC day of its end."""

    project_id: str
    render_id: str
    day: date
    mode: Mode
    key_id: str
    template_slug: str
    page_count: int


@dataclass(frozen=True)
class Counter:
    """What one key rendered of one template on one day."""

    day: date
    mode: Mode
    key_id: str
    template_slug: str
    renders: int
    pages: int


class UsageQuery(ApiModel):
    """The query of `GET /v1/usage`: UTC days, both included; the last 30 when none is named."""

    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None


class UsageRow(ApiModel):
    day: date
    mode: Mode
    key_id: str
    renders: int
    pages: int


class UsageView(ApiModel):
    """The answer of `GET /v1/usage`. A day, mode and key without a render has no row."""

    from_: Annotated[date, Field(alias="from")]
    to: date
    usage: list[UsageRow]
