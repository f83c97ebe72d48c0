"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta, tzinfo

NOON = datetime(2026, 3, 14, 12, 0, 0, tzinfo=UTC)


class FrozenClock:
    """A `craftkit.clock.Clock`. While the `clock` fixture is in use, `utc_now` reads it too."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Move on by a `timedelta`'s arguments, such as `minutes=5`. Returns the new time."""
        self.now += timedelta(**by)
        return self.now

    def datetime_class(self) -> type[datetime]:
        """A `datetime` whose `now` is this clock's, to stand in for the class itself."""
        clock = self

        class FrozenDatetime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return clock.now.astimezone(tz)

        return FrozenDatetime
