"""What a project's key policy does to a key. Pure functions, as in `keys.lifecycle`.

The policy is stored with each key, so that a rotation and the hourly run need no further read.
"""

from datetime import datetime, timedelta

from craftkit.keys import lifecycle
from craftkit.keys.lifecycle import KeyEvent, Step
from craftkit.keys.models import Key, Secret
from craftkit.projects.models import KeyPolicy

_NEVER = 10**6

NOTICE = timedelta(days=14)
"""How long a secret works at least after a policy was set that it is too old for."""


def apply_policy(key: Key, policy: KeyPolicy, now: datetime) -> Step | None:
    """Take over the project's policy. None if it changes nothing.

    A secret that has ended stays ended. The days without use count from now on if they changed.
    """
    if key.kind == "token":
        return None
    changes: dict[str, object] = {
        "longest_life_days": policy.longest_life_days,
        "unused_days": policy.unused_days,
        "secrets": tuple(_limited(secret, policy, now) for secret in key.secrets),
    }
    if policy.unused_days != key.unused_days:
        changes |= {"unused_from": None, "unused_check_at": None, "unused_reminded_days": None}
        if policy.unused_days:
            ends_at = now + timedelta(days=policy.unused_days)
            check_at = _next_check(policy.unused_days, ends_at, now)
            changes |= {"unused_from": now, "unused_check_at": check_at}
    changed = key.model_copy(update=changes)
    if changed.ends_at != key.ends_at:
        reminded = lifecycle.passed_reminder(changed.ends_at, now)
        changed = changed.model_copy(update={"reminded_days": reminded})
    return None if changed == key else Step(changed)


def retire_unused(key: Key, used_at: datetime | None, now: datetime) -> Step | None:
    """Revoke a key that was not used for `unused_days`, or remind that it will be revoked.

    None if the policy has no such rule, the key is not active, or it is not time to look.

    Args:
        used_at: the last use of any secret of the key.
    """
    if not key.unused_days or key.status(now) != "active":
        return None
    if key.unused_check_at and key.unused_check_at > now:
        return None
    since = max(time for time in (key.created_at, key.unused_from, used_at) if time is not None)
    ends_at = since + timedelta(days=key.unused_days)
    if ends_at <= now:
        return lifecycle.revoke(key, f"Not used for {key.unused_days} days.", now)
    due = [days for days in _reminder_days(key.unused_days) if _before(ends_at, days) <= now]
    reminded = min(due, default=None)
    events: tuple[KeyEvent, ...] = ()
    if reminded is not None and reminded < (key.unused_reminded_days or _NEVER):
        events = (lifecycle.expiring(key, reminded, ends_at, "unused"),)
    changes = {
        "unused_check_at": _next_check(key.unused_days, ends_at, now),
        "unused_reminded_days": reminded,
    }
    return Step(key.model_copy(update=changes), events)


def _limited(secret: Secret, policy: KeyPolicy, now: datetime) -> Secret:
    if secret.has_ended(now):
        return secret
    ends_by = None
    if policy.longest_life_days:
        life = timedelta(days=policy.longest_life_days)
        ends_by = secret.created_at + life
        if ends_by < now + NOTICE:  # setting a policy again does not postpone an end
            floor = now + min(NOTICE, life)
            ends_by = max(ends_by, min(floor, secret.ends_by or floor))
    return secret.model_copy(update={"ends_by": ends_by})


def _next_check(unused_days: int, ends_at: datetime, now: datetime) -> datetime:
    """The next reminder before a key is revoked, or the revocation."""
    times = [ends_at, *(_before(ends_at, days) for days in _reminder_days(unused_days))]
    return min(time for time in times if time > now)


def _reminder_days(unused_days: int) -> list[int]:
    return [days for days in lifecycle.REMINDER_DAYS if days < unused_days]


def _before(ends_at: datetime, days: int) -> datetime:
    return ends_at - timedelta(days=days)
