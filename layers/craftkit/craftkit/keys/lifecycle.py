"""The states of a key and of its secrets, and every way from one to another.

Each step takes a key as it is and gives the key as it will be, with what the audit says of it; or
None where there is nothing to do. Nothing here reads a clock or a table: `service.change_key` saves
a step's outcome if the key is still the one that the step was shown, and else takes it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from craftkit.clock import to_rfc3339
from craftkit.errors import (
    KeyNotActiveError,
    NoRotationError,
    RotationUnderWayError,
    UndoRefusedError,
)
from craftkit.keys.models import Key, Secret

REMINDER_DAYS = (14, 3, 1)
UNDO_WITHIN = timedelta(minutes=60)
LONGEST_GRACE = timedelta(days=30)
QUIET_AFTER = timedelta(hours=24)
RETIRED_KEPT_FOR = timedelta(days=30)
EXPOSED_URLS_KEPT = 10

_RETIRED_KEPT = 5
_NEVER = 10**6
_LOOK_AGAIN_AFTER = timedelta(hours=1)
_FIRST_USE_LOOKED_FOR_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """What the audit says. `details` hold no secret."""

    action: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A key as it will be, and what is told of it."""

    key: Key
    events: tuple[Event, ...] = ()


def rotate(key: Key, secret: Secret, now: datetime, *, replace: bool = False) -> Step:
    """Add a secret; the current one goes on until the new one was used and its grace is over.

    Args:
        replace: the last secret was lost. It ends at once, and the new one takes its place.

    Raises:
        KeyNotActiveError: the key is revoked or expired.
        RotationUnderWayError: it has two living secrets, and nothing was said of replacing one.
    """
    _require_active(key, now)
    if key.kind == "token":
        raise KeyNotActiveError("A token cannot be rotated. Exchange an OIDC token for a new one.")
    previous = key.previous(now)
    secrets = key.secrets
    if previous is not None:
        if not replace:
            raise RotationUnderWayError
        # The lost secret may have begun the grace: a new one begins it anew.
        secrets = (*secrets[:-2], previous.model_copy(update={"expires_at": None}))
    retired, living = secrets[:-1], secrets[-1:]
    return Step(
        _with(key, secrets=(*retired[-_RETIRED_KEPT:], *living, secret), quiet_since=None),
        (Event("key.rotated", {"prefix": secret.prefix, "previous_prefix": living[0].prefix}),),
    )


def start_grace(key: Key, prefix: str, used_at: datetime, now: datetime) -> Step | None:
    """The secret of this prefix was used: its predecessor's time begins to run out."""
    previous = key.previous(now)
    if previous is None or key.current.prefix != prefix or key.current.first_used_at is not None:
        return None
    used_at = min(used_at, now)  # another instance's clock may be ahead
    current = key.current.model_copy(update={"first_used_at": used_at})
    ends_at = used_at + (current.grace or timedelta(0))
    ending = previous.model_copy(update={"expires_at": ends_at})
    details = {"prefix": prefix, "previous_prefix": previous.prefix, "until": to_rfc3339(ends_at)}
    return Step(
        _with(key, secrets=(*key.secrets[:-2], ending, current)),
        (Event("key.grace_began", details),),
    )


def end_rotation(key: Key, now: datetime) -> Step:
    """End the previous secret now.

    Raises:
        KeyNotActiveError: the key is revoked or expired.
        NoRotationError: there is no living previous secret.
    """
    _require_active(key, now)
    previous = key.previous(now)
    if previous is None:
        raise NoRotationError
    ended = previous.model_copy(update={"expires_at": now})
    return Step(
        _with(key, secrets=(*key.secrets[:-2], ended, key.current)),
        (Event("key.rotation_ended", {"previous_prefix": previous.prefix}),),
    )


def revoke(key: Key, reason: str | None, now: datetime) -> Step | None:
    """Refuse every secret from now on. None for a key that is revoked already."""
    if key.revoked_at is not None:
        return None
    details = {"reason": reason} if reason else {}
    return Step(_with(key, revoked_at=now, revoked_reason=reason), (Event("key.revoked", details),))


def restore(key: Key, now: datetime) -> Step | None:
    """Undo a revocation. None for a key that is not revoked.

    Raises:
        UndoRefusedError: an hour has passed, or a secret that would work again was exposed.
    """
    if has_exposed_secret(key, now):
        raise UndoRefusedError(
            "A secret of this key was found in public, and whoever found it still has it. "
            "Create a new key."
        )
    if key.revoked_at is None:
        return None
    if key.kind == "token":
        raise UndoRefusedError("The revocation of a token is final. Exchange for a new one.")
    if now - key.revoked_at > UNDO_WITHIN:
        minutes = int(UNDO_WITHIN.total_seconds() // 60)
        raise UndoRefusedError(
            f"A revocation can be undone for {minutes} minutes. Create a new key."
        )
    return Step(_with(key, revoked_at=None, revoked_reason=None), (Event("key.revocation_undone"),))


def has_exposed_secret(key: Key, now: datetime) -> bool:
    """Whether a secret that has not ended was found in public."""
    return any(secret.exposed_at is not None and not secret.is_over(now) for secret in key.secrets)


def expose(
    key: Key, prefix: str, url: str, source: str, now: datetime, *, is_revoked: bool
) -> Step | None:
    """A secret of the key was found in public. None where that report changes nothing.

    Where the project wants exposed keys revoked and a rotation is under way, only the reported
    secret ends and the other one goes on. Without a rotation the key is revoked.

    Args:
        prefix: of the reported secret.
        url: where it was found, without the secret itself; may be empty.
        is_revoked: whether the project wants exposed keys revoked, or only an event.
    """
    reported = next((secret for secret in key.secrets if secret.prefix == prefix), None)
    if reported is None or reported.is_over(now):
        return None  # it opens nothing, and its successor was not reported
    where = url or source
    is_known = reported.exposed_at is not None and (
        where in key.exposed_urls or len(key.exposed_urls) >= EXPOSED_URLS_KEPT
    )
    is_rotating = key.previous(now) is not None
    must_end = is_revoked and is_rotating
    must_revoke = is_revoked and not is_rotating and key.revoked_at is None
    if is_known and not must_end and not must_revoke:
        return None
    marked = reported.model_copy(update={"exposed_at": reported.exposed_at or now})
    exposed = _with(
        key,
        exposed_at=key.exposed_at or now,
        secrets=tuple(marked if secret is reported else secret for secret in key.secrets),
    )
    events: tuple[Event, ...] = ()
    if not is_known:
        exposed = _with(exposed, exposed_urls=_with_url(key.exposed_urls, where))
        answer = "secret_ended" if must_end else "revoked" if is_revoked else "alerted"
        details = {"prefix": prefix, "url": url, "source": source, "answer": answer}
        events = (Event("key.exposed", details),)
    if must_end:
        exposed = _end_secret(exposed, marked, now)
        events += (Event("key.rotation_ended", {"ended_prefix": prefix}),)
    if must_revoke:
        exposed = _with(exposed, revoked_at=now, revoked_reason="exposed")
        events += (Event("key.revoked", {"reason": "exposed"}),)
    return Step(exposed, events)


def _with_url(known: tuple[str, ...], url: str) -> tuple[str, ...]:
    return known if url in known else (*known, url)[:EXPOSED_URLS_KEPT]


def _end_secret(key: Key, secret: Secret, now: datetime) -> Key:
    """End one of the two living secrets of a rotation. The other is the current one from now on."""
    ended = secret.model_copy(update={"expires_at": now})
    if secret is not key.current:
        return _with(key, secrets=(*key.secrets[:-2], ended, key.current))
    remaining = key.secrets[-2]
    first_used_at = remaining.first_used_at or now
    kept = remaining.model_copy(update={"expires_at": None, "first_used_at": first_used_at})
    return _with(key, secrets=(*key.secrets[:-2], ended, kept), quiet_since=None)


def limit(key: Key, subject: str, *, is_limited: bool) -> Step | None:
    """Note that `key` or `project` has limits that this key's calls must be charged to."""
    limited = {*key.limited, subject} if is_limited else {*key.limited} - {subject}
    return None if limited == {*key.limited} else Step(_with(key, limited=tuple(sorted(limited))))


def expire(key: Key, previous_used_at: datetime | None, now: datetime) -> Step:
    """Apply what is due: a reminder, the event that the previous secret is quiet, and deletion of
    secrets that ended long ago.

    Args:
        previous_used_at: the last use of the previous secret, if a rotation is under way.
    """
    secrets = tuple(
        secret
        for secret in key.secrets
        if secret.expires_at is None or secret.expires_at + RETIRED_KEPT_FOR > now
    )
    updated, events = _with(key, secrets=secrets), []
    if (days := _reminder(key, now)) is not None and key.expires_at is not None:
        updated = _with(updated, reminded_days=days)
        details = {"days": str(days), "expires_at": to_rfc3339(key.expires_at), "name": key.name}
        events.append(Event("key.expiring", details))
    if (since := quiet_since(key, previous_used_at, now)) and key.quiet_since is None:
        updated = _with(updated, quiet_since=since)
        prefix = key.secrets[-2].prefix
        details = {"previous_prefix": prefix, "since": to_rfc3339(since)}
        events.append(Event("key.previous_secret_quiet", details))
    return Step(updated, tuple(events))


def quiet_since(key: Key, previous_used_at: datetime | None, now: datetime) -> datetime | None:
    """Since when nobody uses the previous secret, once that is a whole day.

    The day begins with the new secret's first use: before it, silence would mean nothing.
    """
    first_used_at = key.current.first_used_at
    if key.status(now) != "active" or key.previous(now) is None or first_used_at is None:
        return None
    since = max(first_used_at, previous_used_at or first_used_at)
    return since if now - since >= QUIET_AFTER else None


def due_at(key: Key, now: datetime) -> datetime | None:
    """When `expire` must look at the key next; None where nothing about it depends on time."""
    if key.status(now) != "active":
        return None
    times = [
        secret.expires_at + RETIRED_KEPT_FOR
        for secret in key.secrets
        if secret.expires_at is not None
    ]
    if key.previous(now) is not None:
        if key.current.first_used_at is None:
            times.append(now + _FIRST_USE_LOOKED_FOR_AFTER)
        elif key.quiet_since is None:
            times.append(now + _LOOK_AGAIN_AFTER)
    if key.expires_at is not None:
        times += [
            key.expires_at - timedelta(days=days)
            for days in REMINDER_DAYS
            if days < (key.reminded_days or _NEVER)
        ]
    return min(times, default=None)


def passed_reminder(expires_at: datetime | None, now: datetime) -> int | None:
    """The reminder, in days before the expiry, that comes too late for a key made now."""
    if expires_at is None:
        return None
    passed = [days for days in REMINDER_DAYS if expires_at - timedelta(days=days) <= now]
    return min(passed, default=None)


def _reminder(key: Key, now: datetime) -> int | None:
    """The latest reminder whose time has come and that was not sent, if the key still lives."""
    if key.status(now) != "active":
        return None
    days = passed_reminder(key.expires_at, now)
    return days if days is not None and days < (key.reminded_days or _NEVER) else None


def _require_active(key: Key, now: datetime) -> None:
    if key.status(now) != "active":
        raise KeyNotActiveError


def _with(key: Key, **changes: Any) -> Key:
    return key.model_copy(update=changes)
