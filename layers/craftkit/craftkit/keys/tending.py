"""What time brings to keys, looked after every hour: reminders, ended rotations, forgotten secrets.

Nothing that refuses a request waits for this: an expiry is in the secret's own item, and the
authorizer reads it. What is late here is word of it, and tidiness.
"""

from dataclasses import dataclass
from datetime import datetime

from craftkit.clock import Clock, utc_now
from craftkit.errors import NotFoundError
from craftkit.keys import activity, lifecycle, repository, service
from craftkit.keys.lifecycle import Step
from craftkit.keys.models import Key
from craftkit.observability import logger

_BY = "craftkit"


@dataclass
class Round:
    """How many keys were looked after, and how many could not be."""

    tended: int = 0
    failed: int = 0


def tend_keys(*, clock: Clock = utc_now) -> Round:
    """Look after every key whose time has come. One that fails does not hold up the others."""
    done = Round()
    for key_id in list(repository.due(clock())):
        try:
            _tend(key_id, clock)
        except NotFoundError:
            continue
        except Exception:
            logger.exception("a key was not looked after", extra={"key_id": key_id})
            done.failed += 1
        else:
            done.tended += 1
    return done


def _tend(key_id: str, clock: Clock) -> None:
    key = service.get_key(key_id)
    if key.previous(clock()) is not None and key.current.first_used_at is None:
        # The stream tells of a first use; this finds the one that it failed to tell of.
        service.begin_grace(key_id, key.prefix, clock=clock)
    service.change_key(key_id, lambda key: _step(key, clock()), by=_BY, clock=clock)


def _step(key: Key, now: datetime) -> Step:
    previous, used_at = key.previous(now), None
    if previous is not None and key.current.first_used_at is not None:
        used_at = activity.of_secret(key.id, previous, now=now, days=1).last_used_at
    return lifecycle.tend(key, used_at, now)
