"""The current time and its formats. All code reads the time here; tests freeze it here."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, timezone-aware, cut to the millisecond that callers are shown."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds. Sorts as text in the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_epoch_seconds(moment: datetime) -> int:
    """Seconds since 1970, the form of DynamoDB's TTL attributes."""
    return int(moment.timestamp())
