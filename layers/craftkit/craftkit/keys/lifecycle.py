"""The states of a key and of its secrets, and the transitions between them.

Each function takes the current key and returns a `Step`: the changed key and its audit events; or
None if nothing changes. The functions are pure: they read no clock and no table.
`service.change_key` saves a step if the key is unchanged since it was read, and else repeats it.
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
class KeyEvent:
    """An audit event. `details` hold no secret."""

    action: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A changed key and its audit events."""

    key: Key
    events: tuple[KeyEvent, ...] = ()


def rotate(key: Key, secret: Secret, now: datetime, *, replace: bool = False) -> Step:
    """Add a secret. The current one works until the new one was used and its grace has ended.

    Args:
        replace: end the newest secret at once because it was lost, and add the new one instead.

    Raises:
        KeyNotActiveError: the key is revoked or expired.
        RotationUnderWayError: the key has two valid secrets, and `replace` is false.
    """
    _require_active(key, now)
    if key.kind == "token":
        raise KeyNotActiveError("A token cannot be rotated. Exchange an OIDC token for a new one.")
    previous = key.previous(now)
    secrets = key.secrets
    if previous is not None:
        if not replace:
            raise RotationUnderWayError
        # The first use of the lost secret may have started the grace; undo that.
        secrets = (*secrets[:-2], previous.model_copy(update={"expires_at": None}))
    retired, living = secrets[:-1], secrets[-1:]
    if key.longest_life_days:
        ends_by = now + timedelta(days=key.longest_life_days)
        secret = secret.model_copy(update={"ends_by": ends_by})
    rotated = _with(key, secrets=(*retired[-_RETIRED_KEPT:], *living, secret), quiet_since=None)
    if rotated.ends_at != key.ends_at:
        rotated = _with(rotated, reminded_days=passed_reminder(rotated.ends_at, now))
    return Step(
        rotated,
        (KeyEvent("key.rotated", {"prefix": secret.prefix, "previous_prefix": living[0].prefix}),),
    )


def start_grace(key: Key, prefix: str, used_at: datetime, now: datetime) -> Step | None:
    """Start the grace of the previous secret, because the new one (`prefix`) was first used.

    None if no rotation is under way, or if the grace has started before.
    """
    previous = key.previous(now)
    if previous is None or key.current.prefix != prefix or key.current.first_used_at is not None:
        return None
    used_at = min(used_at, now)  # another instance's clock may be ahead
    current = key.current.model_copy(update={"first_used_at": used_at})
    ends_at = used_at + (current.grace or timedelta(0))
    ending = previous.model_copy(update={"expires_at": ends_at})
    until = to_rfc3339(ending.ends_at or ends_at)
    details = {"prefix": prefix, "previous_prefix": previous.prefix, "until": until}
    return Step(
        _with(key, secrets=(*key.secrets[:-2], ending, current)),
        (KeyEvent("key.grace_began", details),),
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
        (KeyEvent("key.rotation_ended", {"previous_prefix": previous.prefix}),),
    )


def revoke(
    key: Key, reason: str | None, now: datetime, *, is_suspension: bool = False
) -> Step | None:
    """Revoke every secret of the key. None for a key that is already revoked.

    Args:
        is_suspension: whether the revocation can be undone at any time, not only for an hour.
    """
    if key.revoked_at is not None:
        return None
    details = {"reason": reason} if reason else {}
    revoked = _with(key, revoked_at=now, revoked_reason=reason, is_suspended=is_suspension)
    return Step(revoked, (KeyEvent("key.revoked", details),))


def rename(key: Key, name: str) -> Step | None:
    """Give the key another name. None if it has this name."""
    if key.name == name:
        return None
    return Step(_with(key, name=name), (KeyEvent("key.renamed", {"name": name, "was": key.name}),))


def restore(key: Key, now: datetime) -> Step | None:
    """Undo a revocation. None for a key that is not revoked.

    Raises:
        UndoRefusedError: the revocation is older than an hour and no suspension, or an exposed
            secret would work again.
    """
    if has_exposed_secret(key, now):
        raise UndoRefusedError(
            "A secret of this key was found in public, so its revocation cannot be undone. "
            "Create a new key."
        )
    if key.revoked_at is None:
        return None
    if key.kind == "token":
        raise UndoRefusedError("A revoked token cannot be restored. Exchange a new one.")
    if not key.is_suspended and now - key.revoked_at > UNDO_WITHIN:
        minutes = int(UNDO_WITHIN.total_seconds() // 60)
        raise UndoRefusedError(
            f"A revocation can be undone for {minutes} minutes. Create a new key."
        )
    restored = _with(key, revoked_at=None, revoked_reason=None, is_suspended=False)
    if key.unused_days:  # else the next run would revoke it again
        restored = _with(restored, unused_from=now, unused_check_at=now)
    return Step(restored, (KeyEvent("key.revocation_undone"),))


def has_exposed_secret(key: Key, now: datetime) -> bool:
    """Whether a secret that has not ended was found in public."""
    return any(
        secret.exposed_at is not None and not secret.has_ended(now) for secret in key.secrets
    )


def expose(
    key: Key, prefix: str, url: str, source: str, now: datetime, *, is_revoked: bool
) -> Step | None:
    """Record that a secret of the key was found in public. None if the report changes nothing.

    With `is_revoked`, the key is revoked; during a rotation only the reported secret ends, and the
    other one goes on.

    Args:
        prefix: of the reported secret.
        url: where the secret was found, without the secret itself; may be empty.
        is_revoked: whether the project's policy is to revoke exposed keys, not only to send an
            event.
    """
    reported = next((secret for secret in key.secrets if secret.prefix == prefix), None)
    if reported is None or reported.has_ended(now):
        return None  # the secret no longer works, and its successor was not reported
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
    events: tuple[KeyEvent, ...] = ()
    if not is_known:
        exposed = _with(exposed, exposed_urls=_with_url(key.exposed_urls, where))
        answer = "secret_ended" if must_end else "revoked" if is_revoked else "alerted"
        details = {"prefix": prefix, "url": url, "source": source, "answer": answer}
        events = (KeyEvent("key.exposed", details),)
    if must_end:
        exposed = _end_secret(exposed, marked, now)
        events += (KeyEvent("key.rotation_ended", {"ended_prefix": prefix}),)
    if must_revoke:
        exposed = _with(exposed, revoked_at=now, revoked_reason="exposed")
        events += (KeyEvent("key.revoked", {"reason": "exposed"}),)
    return Step(exposed, events)


def _with_url(known: tuple[str, ...], url: str) -> tuple[str, ...]:
    return known if url in known else (*known, url)[:EXPOSED_URLS_KEPT]


def _end_secret(key: Key, secret: Secret, now: datetime) -> Key:
    """End one of the two valid secrets of a rotation. The other one becomes the current secret."""
    ended = secret.model_copy(update={"expires_at": now})
    if secret is not key.current:
        return _with(key, secrets=(*key.secrets[:-2], ended, key.current))
    remaining = key.secrets[-2]
    first_used_at = remaining.first_used_at or now
    kept = remaining.model_copy(update={"expires_at": None, "first_used_at": first_used_at})
    return _with(key, secrets=(*key.secrets[:-2], ended, kept), quiet_since=None)


def limit(key: Key, subject: str, *, is_limited: bool) -> Step | None:
    """Record whether `key` or `project` has limits that this key's calls must be charged to."""
    limited = {*key.limited, subject} if is_limited else {*key.limited} - {subject}
    return None if limited == {*key.limited} else Step(_with(key, limited=tuple(sorted(limited))))


def expire(key: Key, previous_used_at: datetime | None, now: datetime) -> Step:
    """Apply what is due: a reminder, the event that the previous secret is no longer used, and the
    deletion of secrets that ended long ago.

    Args:
        previous_used_at: the last use of the previous secret, if a rotation is under way.
    """
    secrets = tuple(
        secret
        for secret in key.secrets
        if secret is key.current
        or secret.ends_at is None
        or secret.ends_at + RETIRED_KEPT_FOR > now
    )
    updated, events = _with(key, secrets=secrets), []
    if (days := _reminder(key, now)) is not None and key.ends_at is not None:
        updated = _with(updated, reminded_days=days)
        events.append(expiring(key, days, key.ends_at, "expiry"))
    if (since := quiet_since(key, previous_used_at, now)) and key.quiet_since is None:
        updated = _with(updated, quiet_since=since)
        prefix = key.secrets[-2].prefix
        details = {"previous_prefix": prefix, "since": to_rfc3339(since)}
        events.append(KeyEvent("key.previous_secret_quiet", details))
    return Step(updated, tuple(events))


def expiring(key: Key, days: int, ends_at: datetime, cause: str) -> KeyEvent:
    """The reminder that a key ends in `days` days, because of its `expiry` or because `unused`."""
    return KeyEvent(
        "key.expiring",
        {
            "days": str(days),
            "expires_at": to_rfc3339(ends_at),
            "name": key.name,
            "cause": cause,
        },
    )


def quiet_since(key: Key, previous_used_at: datetime | None, now: datetime) -> datetime | None:
    """Since when the previous secret has not been used; None unless that is 24 hours or longer.

    The time counts from the new secret's first use, because before it the old one must be used.
    """
    first_used_at = key.current.first_used_at
    if key.status(now) != "active" or key.previous(now) is None or first_used_at is None:
        return None
    since = max(first_used_at, previous_used_at or first_used_at)
    return since if now - since >= QUIET_AFTER else None


def due_at(key: Key, now: datetime) -> datetime | None:
    """When `expire` must run for the key next; None if nothing about the key depends on time."""
    if key.status(now) != "active":
        return None
    times = [
        secret.ends_at + RETIRED_KEPT_FOR
        for secret in key.secrets[:-1]
        if secret.ends_at is not None
    ]
    if key.unused_days:
        times.append(key.unused_check_at or now)
    if key.previous(now) is not None:
        if key.current.first_used_at is None:
            times.append(now + _FIRST_USE_LOOKED_FOR_AFTER)
        elif key.quiet_since is None:
            times.append(now + _LOOK_AGAIN_AFTER)
    if key.ends_at is not None:
        times += [
            key.ends_at - timedelta(days=days)
            for days in REMINDER_DAYS
            if days < (key.reminded_days or _NEVER)
        ]
    return min(times, default=None)


def passed_reminder(expires_at: datetime | None, now: datetime) -> int | None:
    """The last reminder, in days before the expiry, that was due before a key created now."""
    if expires_at is None:
        return None
    passed = [days for days in REMINDER_DAYS if expires_at - timedelta(days=days) <= now]
    return min(passed, default=None)


def _reminder(key: Key, now: datetime) -> int | None:
    """The latest reminder that is due and was not sent; None for a key that is not active."""
    if key.status(now) != "active":
        return None
    days = passed_reminder(key.ends_at, now)
    return days if days is not None and days < (key.reminded_days or _NEVER) else None


def _require_active(key: Key, now: datetime) -> None:
    if key.status(now) != "active":
        raise KeyNotActiveError


def _with(key: Key, **changes: Any) -> Key:
    return key.model_copy(update=changes)
