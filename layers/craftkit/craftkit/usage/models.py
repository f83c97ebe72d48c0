"""Counters of finished renders."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from craftkit.auth.principal import Mode
from craftkit.schema import ApiModel

DAYS_LIMIT = 366

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Metered:
    """The fields of a succeeded render, or of a chunk's `renders`, that usage needs.

    `render_id` is the id of the render or the chunk: each is counted once.
    """

    project_id: str
    render_id: str
    ended_at: datetime
    mode: Mode
    key_id: str
    template_slug: str
    page_count: int
    renders: int = 1

    @property
    def day(self) -> date:
        """The UTC day on which the render ended."""
        return self.ended_at.astimezone(UTC).date()

    @property
    def counter(self) -> tuple[str, str, str, str, str]:
        """The key of the counter that the render belongs to."""
        return self.project_id, f"{self.day}", self.mode, self.key_id, self.template_slug


@dataclass(frozen=True)
class Counter:
    """The renders and pages of one key and one template on one day."""

    day: date
    mode: Mode
    key_id: str
    template_slug: str
    renders: int
    pages: int

    def __add__(self, other: "Counter") -> "Counter":
        return replace(self, renders=self.renders + other.renders, pages=self.pages + other.pages)


def _written_day(value: Any) -> Any:
    """Parse a date strictly: pydantic would read `0` as 1970-01-01."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value if _DAY.fullmatch(value) else "")
    except ValueError as error:
        raise PydanticCustomError("day", "Must be a day, such as 2026-11-24") from error


Day = Annotated[date, BeforeValidator(_written_day)]


class UsageQuery(ApiModel):
    """The query of `GET /v1/usage`: UTC days, both included; by default the last 30 days."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None


class UsageRow(ApiModel):
    day: date
    mode: Mode
    key_id: str
    renders: int
    pages: int


class UsageView(ApiModel):
    """The response of `GET /v1/usage`. A day, mode and key without renders has no row."""

    from_: Annotated[date, Field(alias="from")]
    to: date
    usage: list[UsageRow]
