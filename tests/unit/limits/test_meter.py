"""Charging an item, and how limits change with time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from craftkit.errors import QuotaExceededError, RateLimitedError
from craftkit.limits.meter import ExpectedState, Moment, next_expected_state
from craftkit.limits.models import Limits, LimitsChange, Rate
from testkit.clock import NOON

NOW = Moment(NOON)


def item(**fields: Any) -> dict[str, Any]:
    return {"day": NOW.day, "month": NOW.month, "day_used": 0, "month_used": 0} | fields


def bucket(*, empty_in: float, free_in: float, **fields: Any) -> dict[str, Any]:
    return item(
        rate={"calls": 10, "seconds": 1, "burst": 10},
        interval_us=100_000,
        burst=10,
        empty_until=NOW.microseconds + int(empty_in * 1e6),
        free_at=NOW.microseconds + int(free_in * 1e6),
        **fields,
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (item(), ExpectedState("same")),
        (item(day="2026-03-13"), ExpectedState("new_day")),
        (item(day="2026-02-28", month="2026-02"), ExpectedState("new_month")),
        (item(day="2026-03-15"), ExpectedState("same")),  # our clock is behind another's
        (bucket(empty_in=-1, free_in=-2), ExpectedState("same", "idle")),
        (bucket(empty_in=0.5, free_in=-0.4), ExpectedState("same", "busy")),
    ],
)
def test_next_expected_state__returns_the_next_state_to_try(
    found: dict[str, Any], expected: ExpectedState
) -> None:
    assert next_expected_state(found, NOW, renders=1, kind="key") == expected


def test_next_expected_state__a_used_up_day_resets_at_midnight() -> None:
    found = next_expected_state(item(renders_per_day=5, day_used=5), NOW, renders=1, kind="key")
    assert isinstance(found, QuotaExceededError)
    assert found.headers == {"Retry-After": "43200"}


def test_next_expected_state__a_used_up_month_resets_on_the_first() -> None:
    spent = item(renders_per_day=5, day_used=5, renders_per_month=5, month_used=5)
    found = next_expected_state(spent, NOW, renders=1, kind="key")
    assert isinstance(found, QuotaExceededError)
    until = datetime(2026, 4, 1, tzinfo=UTC) - NOON
    assert found.headers["Retry-After"] == str(int(until.total_seconds()))


def test_next_expected_state__a_budget_of_zero_allows_no_render() -> None:
    assert isinstance(
        next_expected_state(item(renders_per_day=0), NOW, renders=1, kind="key"), QuotaExceededError
    )


def test_next_expected_state__usage_of_yesterday_does_not_count() -> None:
    spent = item(day="2026-03-13", renders_per_day=5, day_used=5)
    assert next_expected_state(spent, NOW, renders=1, kind="key") == ExpectedState("new_day")


def test_next_expected_state__a_call_without_a_render_uses_no_budget() -> None:
    assert next_expected_state(
        item(renders_per_day=0), NOW, renders=0, kind="key"
    ) == ExpectedState("same")


def test_next_expected_state__an_empty_bucket_waits_until_one_call_fits() -> None:
    found = next_expected_state(bucket(empty_in=0.95, free_in=0.05), NOW, renders=1, kind="project")
    assert isinstance(found, RateLimitedError)
    assert found.headers["Retry-After"] == "1"
    assert "project" in str(found)


def test_next_expected_state__a_clock_set_back_refuses_no_request() -> None:
    ahead = bucket(empty_in=3600.9, free_in=3600)
    assert next_expected_state(ahead, NOW, renders=1, kind="key") == ExpectedState(
        "same", "jumped", ahead["empty_until"]
    )


@pytest.mark.parametrize(
    ("text", "interval_us", "burst"),
    [("10/s", 100_000, 10), ("60/m", 1_000_000, 1), ("7200/h", 500_000, 2), ("1/h", 3.6e9, 1)],
)
def test_rate__is_read_and_written(text: str, interval_us: int, burst: int) -> None:
    rate = Rate.of_text(text)
    assert (rate.interval_us, rate.burst, str(rate)) == (interval_us, burst, text)


@pytest.mark.parametrize("text", ["", "10", "0/s", "10/d", "-1/s", "1.5/s", "10/s "])
def test_rate__anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Give a rate"):
        Rate.of_text(text)


def test_change__keeps_other_limits_and_removes_cleared_ones() -> None:
    had = Limits(renders_per_day=5, renders_per_month=50)
    change = LimitsChange(renders_per_day=9, cleared=frozenset({"renders_per_month"}))
    assert change.applied_to(had) == Limits(renders_per_day=9)


def test_change__an_empty_change_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one limit"):
        LimitsChange()


@pytest.mark.parametrize("day", range(28, 32))
def test_moment__a_month_ends_on_its_last_day(day: int) -> None:
    last = datetime(2026, 1, day, 23, 0, tzinfo=UTC)
    left = timedelta(seconds=Moment(last).seconds_to_next_month())
    assert last + left == datetime(2026, 2, 1, tzinfo=UTC)
