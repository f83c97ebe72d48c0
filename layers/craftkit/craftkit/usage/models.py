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
    """A render that succeeded, as far as it is counted."""

    project_id: str
    render_id: str
    ended_at: datetime
    mode: Mode
    key_id: str
    template_slug: str
    page_count: int

    @property
    def day(self) -> date:
        """The UTC day of its end."""
        return self.ended_at.astimezone(UTC).date()

    @property
    def counter(self) -> tuple[str, str, str, str, str]:
        """The counter that it belongs to."""
        return self.project_id, f"{self.day}", self.mode, self.key_id, self.template_slug


@dataclass(frozen=True)
class Counter:
    """What one key rendered of one template on one day."""

    day: date
    mode: Mode
    key_id: str
    template_slug: str
    renders: int
    pages: int

    def __add__(self, other: "Counter") -> "Counter":
        return replace(self, renders=self.renders + other.renders, pages=self.pages + other.pages)


def _written_day(value: Any) -> Any:
    """A date as it is written: pydantic alone would take `0` for the first day of 1970."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value if _DAY.fullmatch(value) else "")
    except ValueError as error:
        raise PydanticCustomError("day", "Must be a day, such as 2026-11-24") from error


Day = Annotated[date, BeforeValidator(_written_day)]


class UsageQuery(ApiModel):
    """The query of `GET /v1/usage`: UTC days, both included; the last 30 when none is named."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None


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
