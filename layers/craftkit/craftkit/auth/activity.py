"""Who uses which key when, noted beside the requests and never in their way.

Uses are counted in memory and written by a thread: at most one write a minute for each secret and
each running instance of the authorizer. A failed write keeps its count for the next.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from craftkit.auth.lookup import KeyRecord
from craftkit.auth.signed import call_dynamodb
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config

_WRITE_EVERY = timedelta(minutes=1)
_KEPT_FOR = timedelta(days=400)

Write = Callable[[dict[str, Any]], object]


@dataclass
class _Uses:
    key_id: str
    prefix: str
    count: int = 0
    written_at: datetime | None = None


class Activity:
    """Counts of this instance. `write` is DynamoDB's UpdateItem, or a test's."""

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or (lambda update: call_dynamodb("UpdateItem", update))
        self._uses: dict[tuple[str, str], _Uses] = {}
        self._lock = threading.Lock()

    def note(self, record: KeyRecord, now: datetime) -> threading.Thread | None:
        """Count one use; where a write is due, start it and return its thread."""
        key_id = record.principal.key_id
        with self._lock:
            uses = self._uses.setdefault((key_id, record.prefix), _Uses(key_id, record.prefix))
            uses.count += 1
            if uses.written_at is not None and now - uses.written_at < _WRITE_EVERY:
                return None
            uses.written_at = now
            count, uses.count = uses.count, 0
        thread = threading.Thread(target=self._flush, args=(uses, count, now), daemon=True)
        thread.start()
        return thread

    def _flush(self, uses: _Uses, count: int, now: datetime) -> None:
        try:
            self._write(_update_of(uses, count, now))
        except Exception:  # whatever it was, the requests go on and the count waits
            with self._lock:
                uses.count += count


def _update_of(uses: _Uses, count: int, now: datetime) -> dict[str, Any]:
    moment = {"S": to_rfc3339(now)}
    return {
        "TableName": config.key_activity_table,
        "Key": {
            "key_id": {"S": uses.key_id},
            "secret_day": {"S": f"{uses.prefix}#{now:%Y-%m-%d}"},
        },
        "UpdateExpression": (
            "ADD requests :count "
            "SET first_used_at = if_not_exists(first_used_at, :now), last_used_at = :now, "
            "expires_at = if_not_exists(expires_at, :expires)"
        ),
        "ExpressionAttributeValues": {
            ":count": {"N": str(count)},
            ":now": moment,
            ":expires": {"N": str(to_epoch_seconds(now + _KEPT_FOR))},
        },
    }
