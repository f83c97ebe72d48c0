"""Models of limits."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_RATE = re.compile(r"([1-9]\d{0,5})/(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_MICROSECONDS = 1_000_000

Budget = Annotated[int, Field(ge=0, le=10**9)]
Percent = Annotated[int, Field(ge=1, le=100)]


class Rate(BaseModel):
    """`calls` in `seconds` on average; up to `burst` calls at once."""

    model_config = ConfigDict(frozen=True)

    calls: Annotated[int, Field(ge=1, le=10**6)]
    seconds: Literal[1, 60, 3600] = 1
    burst: Annotated[int, Field(ge=1, le=10**6)]

    @property
    def interval_us(self) -> int:
        """Microseconds until one more call is allowed."""
        return max(1, self.seconds * _MICROSECONDS // self.calls)

    @classmethod
    def of_text(cls, text: str, burst: int | None = None) -> "Rate":
        """Parse `10/s`, `300/m` or `5000/h`. The default burst is the calls of one second.

        Raises:
            ValueError: the text has another form.
        """
        match = _RATE.fullmatch(text)
        if match is None:
            raise ValueError("Give a rate such as 10/s, 300/m or 5000/h.")
        calls, seconds = int(match[1]), _SECONDS[match[2]]
        return cls(
            calls=calls, seconds=seconds, burst=max(1, calls // seconds) if burst is None else burst
        )

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in _SECONDS.items() if seconds == self.seconds)
        return f"{self.calls}/{unit}"


class Limits(BaseModel):
    """The limits of a key or a project. None is no limit; a budget of 0 allows no renders.

    A budget counts accepted renders, live and test, in days and months of UTC. The rate counts
    write requests: renders, hook calls and embed sessions. The warning is written when
    `warn_at_percent` of a budget is used; None is 80.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    renders_per_day: Budget | None = None
    renders_per_month: Budget | None = None
    rate: Rate | None = None
    warn_at_percent: Percent | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is limited. A warning alone limits nothing."""
        return self == Limits(warn_at_percent=self.warn_at_percent)


class LimitsState(BaseModel):
    """Limits with their current use. `since` is when the limits were first set."""

    limits: Limits
    renders_today: int = 0
    renders_this_month: int = 0
    since: datetime


class LimitsChange(BaseModel):
    """A change of limits. Limits that are None stay as they are; those in `cleared` are removed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    renders_per_day: Budget | None = None
    renders_per_month: Budget | None = None
    rate: Rate | None = None
    warn_at_percent: Percent | None = None
    cleared: frozenset[
        Literal["renders_per_day", "renders_per_month", "rate", "warn_at_percent"]
    ] = frozenset()

    @model_validator(mode="after")
    def _says_something(self) -> "LimitsChange":
        if not self.cleared and Limits(**self.model_dump(exclude={"cleared"})) == Limits():
            raise ValueError("Give at least one limit to set or to clear.")
        return self

    def applied_to(self, limits: Limits) -> Limits:
        given = {
            name: value
            for name in Limits.model_fields
            if (value := getattr(self, name)) is not None
        }
        return limits.model_copy(update={**given, **dict.fromkeys(self.cleared)})
