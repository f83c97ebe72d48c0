"""When a delivery is tried again: api.md's schedule, with jitter, and the receiver's own wish."""

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
"""A receiver may put an attempt off, and not for ever."""

PATIENCE = timedelta(days=5)
"""How long an endpoint may fail without one success before it is switched off."""

_SPREAD = 0.1


def next_attempt_at(
    attempts: int, now: datetime, *, chance: float, retry_after: str | None = None
) -> datetime | None:
    """When to try again, or None when the schedule is used up.

    Args:
        attempts: how many failed in this round, the latest included.
        chance: between 0 and 1; spreads the delay by a tenth either way, so that what failed
            together does not come back together.
        retry_after: the answer's header. It can put the attempt off and never brings it forward:
            a receiver that always says `1` would use up the schedule within seconds.
    """
    if attempts >= ATTEMPTS:
        return None
    delay = DELAYS[attempts - 1] * (1 - _SPREAD + 2 * _SPREAD * chance)
    return now + max(delay, _wish(retry_after, now))


def _wish(retry_after: str | None, now: datetime) -> timedelta:
    """`Retry-After` as a span: seconds or an HTTP date (RFC 9110 §10.2.3), or else nothing."""
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
