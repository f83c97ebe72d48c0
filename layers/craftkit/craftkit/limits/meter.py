"""The arithmetic of a charge: which conditional write takes a call's room, or why there is none.

Everything that a charge needs stands in the item of the key or the project: the limits, what the
day and the month have used, and the rate's clock. A charge is a write whose condition says that
there is room, so that no number of calls at once can take more than there is. Nothing is read
first: a charge is tried as it succeeded last time, and where the condition fails, the item comes
back and says what to try instead, or what is used up.

The rate is a token bucket kept as two moments (GCRA): `empty_until`, when the last of the taken
room will have come back, and `free_at`, from when a call may pass. Both move on by the interval
with each call. A bucket that is full again is `idle`, and starts from now.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from craftkit.dynamodb import Item
from craftkit.errors import QuotaExceededError, RateLimitedError, TooManyRequestsError
from craftkit.rate_limits import LimitState

_MICROSECONDS = 1_000_000
_DAY_SECONDS = 86_400
_SKEW_US = 5 * _MICROSECONDS
"""By how much two instances' clocks may differ; beyond it, a clock has jumped."""


@dataclass(frozen=True)
class Guess:
    """What a charge takes to be true of the item; its write holds only if that is so.

    `jumped_from` is set where the rate's clock lies so far ahead that ours must have been put back.
    """

    period: Literal["same", "new_day", "new_month"] = "same"
    rate: Literal["none", "busy", "idle", "jumped"] = "none"
    jumped_from: int | None = None


@dataclass(frozen=True)
class Moment:
    """Now, in the three forms that limits count in."""

    now: datetime

    @property
    def day(self) -> str:
        return f"{self.now.astimezone(UTC):%Y-%m-%d}"

    @property
    def month(self) -> str:
        return f"{self.now.astimezone(UTC):%Y-%m}"

    @property
    def microseconds(self) -> int:
        return int(self.now.timestamp() * _MICROSECONDS)

    def seconds_to_next_day(self) -> int:
        today = self.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return math.ceil((today + timedelta(days=1) - self.now).total_seconds())

    def seconds_to_next_month(self) -> int:
        first = self.now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + timedelta(days=32)).replace(day=1)
        return math.ceil((following - self.now).total_seconds())


@dataclass(frozen=True)
class Write:
    """An UpdateItem's expressions."""

    update: str
    condition: str
    values: dict[str, Any]


def write_of(guess: Guess, moment: Moment, *, renders: int) -> Write:
    """The write that takes room for one call, with `renders` (0 or 1), if the guess is right.

    An instance whose clock is behind charges the later day or month that others have begun: a
    period once begun never begins again.
    """
    conditions = ["attribute_exists(subject)"]
    sets: list[str] = []
    values: dict[str, Any] = {":renders": renders}
    match guess.period:
        case "same":
            conditions += ["#day >= :day", "#month >= :month"]
            sets += ["day_used = day_used + :renders", "month_used = month_used + :renders"]
        case "new_day":
            conditions += ["#day < :day", "#month = :month"]
            sets += ["#day = :day", "day_used = :renders", "month_used = month_used + :renders"]
        case "new_month":
            conditions += ["#day < :day", "#month < :month"]
            sets += [
                "#day = :day",
                "day_used = :renders",
                "#month = :month",
                "month_used = :renders",
            ]
    values |= {":day": moment.day, ":month": moment.month}
    if renders:
        used = {
            "same": ("day_used", "month_used"),
            "new_day": (":none", "month_used"),
            "new_month": (":none", ":none"),
        }[guess.period]
        for limit, taken in zip(("renders_per_day", "renders_per_month"), used, strict=True):
            conditions.append(f"(attribute_not_exists({limit}) OR {limit} > {taken})")
        if ":none" in used:
            values[":none"] = 0
    match guess.rate:
        case "none":
            conditions.append("attribute_not_exists(interval_us)")
        case "busy":
            conditions.append("empty_until > :now AND free_at <= :now")
            sets += [
                "empty_until = empty_until + interval_us",
                "free_at = free_at + interval_us",
            ]
        case "idle" | "jumped":
            is_so = "empty_until <= :now" if guess.rate == "idle" else "empty_until = :seen"
            conditions.append(is_so)
            sets += [
                "empty_until = :now + interval_us",
                "free_at = :now + idle_offset_us",
            ]
            if guess.rate == "jumped":
                values[":seen"] = guess.jumped_from
    if guess.rate != "none":
        values[":now"] = moment.microseconds
    return Write("SET " + ", ".join(sets), " AND ".join(conditions), values)


def next_guess(
    item: Item, moment: Moment, *, renders: int, of: str
) -> Guess | TooManyRequestsError:
    """The guess that fits an item which did not meet the last one, or why the call is refused.

    Args:
        of: `key` or `project`, for the message.
    """
    period = _period(item, moment)
    day_used = int(item["day_used"]) if period == "same" else 0
    month_used = int(item["month_used"]) if period != "new_month" else 0
    if renders:
        for name, used, reset in (
            ("renders_per_month", month_used, moment.seconds_to_next_month()),
            ("renders_per_day", day_used, moment.seconds_to_next_day()),
        ):
            if name in item and used >= item[name]:
                span = name.removeprefix("renders_per_")
                message = (
                    f"This {of} has used its {item[name]} renders of this {span}. Renders are "
                    f"possible again in {reset} s."
                )
                return QuotaExceededError(message, retry_seconds=reset)
    if "interval_us" not in item:
        return Guess(period)
    now, interval = moment.microseconds, int(item["interval_us"])
    empty_until, free_at = int(item["empty_until"]), int(item["free_at"])
    if empty_until <= now:
        return Guess(period, "idle")
    if free_at <= now:
        return Guess(period, "busy")
    if free_at > now + interval + _SKEW_US:
        return Guess(period, "jumped", empty_until)
    wait = max(1, math.ceil((free_at - now) / _MICROSECONDS))
    rate = item["rate"]
    unit = {1: "second", 60: "minute", 3600: "hour"}[int(rate["seconds"])]
    message = (
        f"This {of} may make {rate['calls']} write requests a {unit}. "
        f"Wait {wait} s, then send the request again."
    )
    return RateLimitedError(message, retry_seconds=wait)


def states(item: Item, moment: Moment, *, of: str) -> Iterator[LimitState]:
    """Each limit of a key's or project's item, with what is left of it."""
    period = _period(item, moment)
    if "interval_us" in item:
        now, interval = moment.microseconds, int(item["interval_us"])
        burst = int(item["burst"])
        free = (now + interval - int(item["free_at"])) // interval
        if int(item["empty_until"]) <= now:
            free = burst
        yield LimitState(
            name=f"{of}-writes",
            limit=burst,
            window_seconds=max(1, math.ceil(burst * interval / _MICROSECONDS)),
            remaining=max(0, min(burst, free)),
            reset_seconds=max(0, math.ceil((int(item["empty_until"]) - now) / _MICROSECONDS)),
        )
    budgets = (
        ("day", _DAY_SECONDS, moment.seconds_to_next_day(), period == "same"),
        ("month", 31 * _DAY_SECONDS, moment.seconds_to_next_month(), period != "new_month"),
    )
    for span, window, reset, is_current in budgets:
        if (limit := item.get(f"renders_per_{span}")) is None:
            continue
        used = int(item[f"{span}_used"]) if is_current else 0
        yield LimitState(
            name=f"{of}-renders-{span}",
            limit=int(limit),
            window_seconds=window,
            remaining=max(0, int(limit) - used),
            reset_seconds=reset,
        )


def _period(item: Item, moment: Moment) -> Literal["same", "new_day", "new_month"]:
    if item["month"] < moment.month:
        return "new_month"
    return "new_day" if item["day"] < moment.day else "same"
