"""A clock that stands still until a test moves it, and the one way to put it in force."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from unittest.mock import patch

NOON = datetime(2026, 3, 14, 12, 0, 0, tzinfo=UTC)


class FrozenClock:
    """The time of a test. `frozen_time` makes it the time that our code reads."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Move on by a `timedelta`'s arguments, such as `minutes=5`. Returns the new time."""
        self.now += timedelta(**by)
        return self.now


@contextmanager
def frozen_time(clock: FrozenClock | None = None) -> Iterator[FrozenClock]:
    """`craftkit.clock.utc_now` reads this clock for as long as the block runs.

    So does the official webhook library, which plays the receiver in tests.
    """
    read = clock or FrozenClock()

    class FrozenDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return read.now.astimezone(tz)

    with (
        patch("craftkit.clock.datetime", FrozenDatetime),
        patch("standardwebhooks.webhooks.datetime", FrozenDatetime),
    ):
        yield read
