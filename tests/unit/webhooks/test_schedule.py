"""When a delivery is tried again."""

from datetime import timedelta

import pytest

from craftkit.webhooks.schedule import ATTEMPTS, DELAYS, next_attempt_at
from testkit.clock import NOON


def delay(attempts: int, **how: object) -> timedelta:
    at = next_attempt_at(attempts, NOON, **{"chance": 0.5, **how})  # type: ignore[arg-type]
    assert at is not None
    return at - NOON


def test_schedule__has_the_documented_delays() -> None:
    words = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert [delay(made).total_seconds() for made in range(1, ATTEMPTS)] == words


def test_schedule__ends_after_the_last_attempt() -> None:
    assert next_attempt_at(ATTEMPTS, NOON, chance=0.5) is None


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("made", range(1, ATTEMPTS))
def test_schedule__jitter_is_a_tenth_either_way(made: int, chance: float) -> None:
    assert abs(delay(made, chance=chance) - DELAYS[made - 1]) <= DELAYS[made - 1] / 10


def test_schedule__jitter_spreads() -> None:
    assert delay(3, chance=0.0) < delay(3, chance=0.5) < delay(3, chance=0.9)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("Sat, 14 Mar 2026 12:10:00 GMT", 600),
        ("999999999999999999999", 86400),
        ("Sun, 14 Mar 2027 12:10:00 GMT", 86400),
        # What asks for less than the schedule, or for nothing that can be read, changes nothing.
        ("1", 5),
        ("0", 5),
        ("-7", 5),
        ("", 5),
        ("soon", 5),
        ("１２０", 5),
        ("Sat, 14 Mar 2026 11:00:00 GMT", 5),
        ("Sat, 99 Mar 2026 11:00:00 GMT", 5),
    ],
)
def test_retry_after__delays_an_attempt_and_never_hastens_it(header: str, seconds: int) -> None:
    assert delay(1, retry_after=header).total_seconds() == seconds
