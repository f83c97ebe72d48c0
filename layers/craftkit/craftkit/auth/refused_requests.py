"""Requests that the authorizer refused although it found the key: revoked, expired, bad proof.

The authorizer has no right on the request log. It writes these rows to the key activity table, and
`functions/watch_keys` copies them from the table's stream to the log. Of one key, an instance
writes a limited number of rows a minute; the metric `KeyVerified` counts every request.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from craftkit.auth.dynamodb_client import TableUnavailableError, call_dynamodb
from craftkit.auth.request_log import LoggedRequest
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config

ROWS_A_MINUTE = 20
_WINDOW = timedelta(minutes=1)
_KEPT_FOR = timedelta(days=1)
_WAITING_LIMIT = 200

Write = Callable[[dict[str, Any]], object]


class RefusedRequests:
    """The rows of this instance that are not written yet.

    Args:
        write: takes the payload of DynamoDB's UpdateItem.
    """

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or _write
        self._waiting: list[LoggedRequest] = []
        self._counted: dict[str, int] = {}
        self._window_began: datetime | None = None
        self._lock = threading.RLock()  # a signal may come in the middle of `note`

    def note(self, request: LoggedRequest, now: datetime) -> None:
        """Keep a row for the next write, unless the key has had its rows of this minute."""
        with self._lock:
            began = self._window_began
            if began is None or not timedelta(0) <= now - began < _WINDOW:
                self._counted, self._window_began = {}, now
            key_id = request.principal.key_id
            count = self._counted[key_id] = self._counted.get(key_id, 0) + 1
            if count <= ROWS_A_MINUTE and len(self._waiting) < _WAITING_LIMIT:
                self._waiting.append(request)

    def due_in(self, now: datetime) -> float | None:  # noqa: ARG002 a row is always due
        with self._lock:
            return 0.0 if self._waiting else None

    def flush(self, now: datetime, *, everything: bool = False) -> None:  # noqa: ARG002 all is due
        """Write each row once. Rows that cannot be written are dropped."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for request in waiting:
            try:
                self._write(_update_of(request))
            except TableUnavailableError:
                return


def _update_of(request: LoggedRequest) -> dict[str, Any]:
    return {
        "TableName": config.key_activity_table,
        "Key": {
            "key_id": {"S": f"refused#{request.principal.key_id}"},
            "secret_day": {"S": f"{to_rfc3339(request.at)}#{request.request_id}"},
        },
        "UpdateExpression": "SET refused = :row, refused_at = :at, expires_at = :expires",
        "ExpressionAttributeValues": {
            # The event source's filter can only match a value that is no map.
            ":at": {"S": to_rfc3339(request.at)},
            ":row": {"M": request.as_item(config.request_log_days)},
            ":expires": {"N": str(to_epoch_seconds(request.at + _KEPT_FOR))},
        },
    }


def _write(update: dict[str, Any]) -> object:
    # Short time-outs: the Lambda environment takes no other request until this ends.
    return call_dynamodb("UpdateItem", update, attempts=2, connect_seconds=0.3, read_seconds=0.7)
