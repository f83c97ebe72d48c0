"""The retry schedule of deliveries, with jitter and the receiver's `Retry-After`."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
ATTEMPTS = len(DELAYS) + 1

LONGEST_RETRY_AFTER = timedelta(hours=24)
"""The longest delay that a receiver's `Retry-After` can cause."""

PATIENCE = timedelta(days=5)
"""How long an endpoint may fail without one success before it is switched off."""

_SPREAD = 0.1


def next_attempt_at(
    attempts: int, now: datetime, *, chance: float, retry_after: str | None = None
) -> datetime | None:
    """The time of the next attempt, or None after the last one of the schedule.

    Args:
        attempts: the failed attempts of this round, including the latest.
        chance: from 0 to 1; changes the delay by up to 10 % (jitter), so that deliveries that
            failed together are not retried together.
        retry_after: the response header. It can delay the attempt but not bring it forward: a
            receiver that always sends `1` would use up the schedule within seconds.
    """
    if attempts >= ATTEMPTS:
        return None
    delay = DELAYS[attempts - 1] * (1 - _SPREAD + 2 * _SPREAD * chance)
    return now + max(delay, _retry_delay(retry_after, now))


def _retry_delay(retry_after: str | None, now: datetime) -> timedelta:
    """`Retry-After` as a duration: seconds or an HTTP date (RFC 9110 §10.2.3), else zero."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text), 10**6)), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return timedelta(0)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_RETRY_AFTER)
