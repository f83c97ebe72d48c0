"""A frozen clock for tests, and the context manager that makes the code use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from unittest.mock import patch

NOON = datetime(2026, 3, 14, 12, 0, 0, tzinfo=UTC)


class FrozenClock:
    """The time of a test. `frozen_time` makes the code under test read it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Advance by the arguments of a `timedelta`, such as `minutes=5`. Returns the new time."""
        self.now += timedelta(**by)
        return self.now


@contextmanager
def frozen_time(clock: FrozenClock | None = None) -> Iterator[FrozenClock]:
    """Make `craftkit.clock.utc_now` return this clock's time within the block.

    The official webhook library, which is the receiver in tests, uses it too.
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
