"""The hourly run over keys that are due: sends reminders, finds old secrets without use, deletes
secrets that ended long ago, revokes keys that were not used for as long as the project allows.

Expired keys are refused without this run: the authorizer reads the expiry in the secret's item.
Only events and deletions can be late.
"""

from dataclasses import dataclass
from datetime import datetime

from craftkit.clock import utc_now
from craftkit.errors import NotFoundError
from craftkit.keys import activity, lifecycle, policy, repository, service
from craftkit.keys.lifecycle import Step
from craftkit.keys.models import Key
from craftkit.observability import logger

_BY = "craftkit"


@dataclass
class ExpiryRun:
    """How many keys were processed, and how many failed."""

    processed: int = 0
    failed: int = 0


def expire_keys() -> ExpiryRun:
    """Process every key that is due. A key that fails does not stop the others."""
    run = ExpiryRun()
    for key_id in list(repository.due(utc_now())):
        try:
            _expire(key_id)
        except NotFoundError:
            continue
        except Exception:
            logger.exception("key not processed", extra={"key_id": key_id})
            run.failed += 1
        else:
            run.processed += 1
    return run


def _expire(key_id: str) -> None:
    key = service.get_key(key_id)
    if key.previous(utc_now()) is not None and key.current.first_used_at is None:
        # The activity stream reports a first use. This finds one that the stream failed to report.
        service.start_rotation_grace(key_id, key.prefix)
    service.change_key(key_id, lambda key: _step(key, utc_now()), by=_BY)
    service.change_key(key_id, lambda key: _retirement(key, utc_now()), by=_BY)


def _step(key: Key, now: datetime) -> Step:
    previous, used_at = key.previous(now), None
    if previous is not None and key.current.first_used_at is not None:
        used_at = activity.read_secret_activity(key.id, previous, now=now, days=1).last_used_at
    return lifecycle.expire(key, used_at, now)


def _retirement(key: Key, now: datetime) -> Step | None:
    if not key.unused_days:
        return None
    of_all = (
        activity.read_secret_activity(key.id, secret, now=now, days=1) for secret in key.secrets
    )
    used = [each.last_used_at for each in of_all if each.last_used_at]
    return policy.retire_unused(key, max(used, default=None), now)
