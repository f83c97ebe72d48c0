"""The arithmetic of a charge: the conditional write for one call, or why the call is refused.

The item of the key or project holds all that a charge needs: the limits, the renders used in the
current day and month, and the state of the rate. A charge is one write whose condition is that the
limits are not exceeded, so that concurrent calls cannot exceed them. The item is not read first:
the write assumes the state that the last charge found. If the condition fails, DynamoDB returns the
item, which shows which state to assume instead, or which limit is used up.

The rate is a token bucket stored as two times (GCRA): `empty_until`, when all tokens are back, and
`free_at`, from when a call is allowed. Each call moves both by the interval. A full bucket is
`idle`, and the next call counts from now.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from craftkit.dynamodb import Item
from craftkit.errors import QuotaExceededError, RateLimitedError, TooManyRequestsError
from craftkit.rate_limits import LimitState

_MICROSECONDS = 1_000_000
_DAY_SECONDS = 86_400
_BUDGETS = ("renders_per_day", "renders_per_month")
_SKEW_US = 5 * _MICROSECONDS
"""The largest expected difference between two instances' clocks, in microseconds."""


@dataclass(frozen=True)
class ExpectedState:
    """The state of the item that a charge assumes; its write fails if the item is in another one.

    `jumped_from` is the stored `empty_until` if it is so far in the future that the clock was set
    back. `budgets` are the stored `renders_per_day` and `renders_per_month`, None where there is
    none; only charges of several renders use them, because a condition cannot add.
    """

    period: Literal["same", "new_day", "new_month"] = "same"
    rate: Literal["none", "busy", "idle", "jumped"] = "none"
    jumped_from: int | None = None
    budgets: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class Moment:
    """The current time as day, month and microseconds, in UTC."""

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


def write_of(expected: ExpectedState, moment: Moment, *, renders: int) -> Write:
    """The write that charges one call, with its `renders` (all of them or none), in the expected
    state.

    An instance whose clock is behind charges the later day or month that another has started; a
    day or month starts only once.
    """
    conditions = ["attribute_exists(subject)"]
    sets: list[str] = []
    values: dict[str, Any] = {":renders": renders}
    match expected.period:
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
        }[expected.period]
        for name, taken, budget in zip(_BUDGETS, used, expected.budgets, strict=True):
            fits = f"{name} > {taken}"
            if renders > 1:
                fits, bound = _fits(name, taken, budget, renders)
                values |= bound
            conditions.append(f"(attribute_not_exists({name}) OR {fits})")
        if renders == 1 and ":none" in used:
            values[":none"] = 0
    match expected.rate:
        case "none":
            conditions.append("attribute_not_exists(interval_us)")
        case "busy":
            conditions.append("empty_until > :now AND free_at <= :now")
            sets += [
                "empty_until = empty_until + interval_us",
                "free_at = free_at + interval_us",
            ]
        case "idle" | "jumped":
            is_so = "empty_until <= :now" if expected.rate == "idle" else "empty_until = :seen"
            conditions.append(is_so)
            sets += [
                "empty_until = :now + interval_us",
                "free_at = :now + idle_offset_us",
            ]
            if expected.rate == "jumped":
                values[":seen"] = expected.jumped_from
    if expected.rate != "none":
        values[":now"] = moment.microseconds
    return Write("SET " + ", ".join(sets), " AND ".join(conditions), values)


def _fits(name: str, taken: str, budget: int | None, renders: int) -> tuple[str, dict[str, Any]]:
    """A condition that several renders fit into a budget, and its values."""
    if taken == ":none":
        return f"{name} >= :renders", {}
    if budget is None:
        return f"attribute_not_exists({name})", {}
    seen, room = f":seen_{name}", f":room_{name}"
    return f"({name} = {seen} AND {taken} <= {room})", {seen: budget, room: budget - renders}


def next_expected_state(
    item: Item, moment: Moment, *, renders: int, kind: str
) -> ExpectedState | TooManyRequestsError:
    """The state of an item on which a charge failed, or the error if a limit is used up.

    Args:
        kind: `key` or `project`, for the message.
    """
    period = _period(item, moment)
    day_used = int(item["day_used"]) if period == "same" else 0
    month_used = int(item["month_used"]) if period != "new_month" else 0
    if renders:
        for name, used, reset in (
            ("renders_per_month", month_used, moment.seconds_to_next_month()),
            ("renders_per_day", day_used, moment.seconds_to_next_day()),
        ):
            if name in item and used + renders > item[name]:
                span = name.removeprefix("renders_per_")
                message = (
                    f"This {kind} has used its {item[name]} renders of this {span}. Renders are "
                    f"possible again in {reset} s."
                )
                if renders > 1:
                    left = max(0, int(item[name]) - used)
                    message = (
                        f"This request needs {renders} renders, and this {kind} has {left} of its "
                        f"{item[name]} renders of this {span} left. The next {span} starts in "
                        f"{reset} s."
                    )
                return QuotaExceededError(message, retry_seconds=reset)
    if renders > 1:
        day, month = (int(item[name]) if name in item else None for name in _BUDGETS)
        state = _rate_state(item, moment, period, kind)
        return replace(state, budgets=(day, month)) if isinstance(state, ExpectedState) else state
    return _rate_state(item, moment, period, kind)


def _rate_state(
    item: Item, moment: Moment, period: Literal["same", "new_day", "new_month"], kind: str
) -> ExpectedState | TooManyRequestsError:
    if "interval_us" not in item:
        return ExpectedState(period)
    now, interval = moment.microseconds, int(item["interval_us"])
    empty_until, free_at = int(item["empty_until"]), int(item["free_at"])
    if empty_until <= now:
        return ExpectedState(period, "idle")
    if free_at <= now:
        return ExpectedState(period, "busy")
    if free_at > now + interval + _SKEW_US:
        return ExpectedState(period, "jumped", empty_until)
    wait = max(1, math.ceil((free_at - now) / _MICROSECONDS))
    rate = item["rate"]
    unit = {1: "second", 60: "minute", 3600: "hour"}[int(rate["seconds"])]
    message = (
        f"This {kind} may make {rate['calls']} write requests a {unit}. "
        f"Wait {wait} s, then send the request again."
    )
    return RateLimitedError(message, retry_seconds=wait)


def states(item: Item, moment: Moment, *, kind: str) -> Iterator[LimitState]:
    """Each limit of a key's or project's item, with what is left of it."""
    period = _period(item, moment)
    if "interval_us" in item:
        now, interval = moment.microseconds, int(item["interval_us"])
        burst = int(item["burst"])
        free = (now + interval - int(item["free_at"])) // interval
        if int(item["empty_until"]) <= now:
            free = burst
        yield LimitState(
            name=f"{kind}-writes",
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
            name=f"{kind}-renders-{span}",
            limit=int(limit),
            window_seconds=window,
            remaining=max(0, int(limit) - used),
            reset_seconds=reset,
        )


def _period(item: Item, moment: Moment) -> Literal["same", "new_day", "new_month"]:
    if item["month"] < moment.month:
        return "new_month"
    return "new_day" if item["day"] < moment.day else "same"
