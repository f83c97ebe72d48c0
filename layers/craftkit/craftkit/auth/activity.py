"""Counts the uses of each key, without delaying a request.

Uses are counted in memory by secret and day. `auth.deferred_writes` writes them after the
response is sent: immediately when a secret is first seen, then at most once a minute for each
secret and running instance. A write that is sent twice counts once, and one that failed is sent
again later.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from craftkit.auth.dynamodb_client import RefusedWriteError, TableUnavailableError, call_dynamodb
from craftkit.auth.lookup import KeyRecord
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config

WRITE_EVERY = timedelta(minutes=1)
_KEPT_FOR = timedelta(days=400)
_WAITING_LIMIT = 1000
"""The most writes that wait while the table does not answer; uses are still counted."""

_NETWORKS_LIMIT = 50
"""The most networks of a secret that one write names."""

_ADDRESSES_LIMIT = 1000

Write = Callable[[dict[str, Any]], object]
_Secret = tuple[str, str]


@dataclass
class _Uses:
    """The uses of one secret on one day that are not in a batch yet."""

    first_at: datetime
    last_at: datetime
    requests: int = 0
    renders: int = 0
    networks: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Batch:
    """Uses to write. DynamoDB applies a write with the same `token` once within ten minutes."""

    secret: _Secret
    uses: _Uses
    token: str = field(default_factory=lambda: uuid.uuid4().hex)


class Activity:
    """The uses that this instance has counted.

    Args:
        write: takes the payload of DynamoDB's TransactWriteItems.
    """

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or _write
        self._counted: dict[tuple[_Secret, str], _Uses] = {}
        self._written_at: dict[_Secret, datetime] = {}
        self._waiting: list[_Batch] = []
        self._tried_at: datetime | None = None
        self._networks: dict[str, str] = {}
        self._lock = threading.RLock()  # a signal may come in the middle of `note`

    def note(
        self,
        record: KeyRecord,
        now: datetime,
        *,
        is_render: bool = False,
        address: str | None = None,
    ) -> None:
        """Count one use, in memory, with the /24 or /48 of the address it came from."""
        secret = (record.principal.key_id, record.prefix)
        with self._lock:
            uses = self._counted.setdefault((secret, f"{now:%Y-%m-%d}"), _Uses(now, now))
            uses.last_at = max(uses.last_at, now)
            uses.requests += 1
            uses.renders += is_render
            if address and len(uses.networks) < _NETWORKS_LIMIT:
                uses.networks.add(self._network_of(address))

    def _network_of(self, address: str) -> str:
        if address not in self._networks:
            from craftkit.auth.networks import masked  # paid once for each address

            if len(self._networks) >= _ADDRESSES_LIMIT:
                self._networks.clear()
            self._networks[address] = masked(address)
        return self._networks[address]

    def due_in(self, now: datetime) -> float | None:
        """Seconds until the next write is due; None while there is nothing to write."""
        with self._lock:
            if self._waiting:  # the table did not answer: leave it alone for a while
                return _rest(self._tried_at, now).total_seconds()
            waits = [_rest(self._written_at.get(secret), now) for secret, _ in self._counted]
        return min(waits).total_seconds() if waits else None

    def flush(self, now: datetime, *, everything: bool = False) -> None:
        """Write what is due, or everything. Stops at the first failure and keeps the rest."""
        with self._lock:
            self._collect(now, everything=everything)
            waiting, self._tried_at = list(self._waiting), now
        for batch in waiting:
            try:
                self._send(batch)
            except TableUnavailableError:
                return
            with self._lock:
                self._waiting = [other for other in self._waiting if other is not batch]

    def _collect(self, now: datetime, *, everything: bool) -> None:
        for (secret, day), uses in list(self._counted.items()):
            if len(self._waiting) >= _WAITING_LIMIT:
                return
            if everything or not _rest(self._written_at.get(secret), now):
                del self._counted[secret, day]
                self._waiting.append(_Batch(secret, uses))
                self._written_at[secret] = now
        # Forget secrets without use for a minute, so that this dict does not grow.
        self._written_at = {
            secret: at for secret, at in self._written_at.items() if _is_within(at, now)
        }

    def _send(self, batch: _Batch) -> None:
        try:
            self._write(_transaction_of(batch, is_latest=True))
        except RefusedWriteError:  # another instance has written a later use
            self._write(_transaction_of(batch, is_latest=False))


def _rest(written_at: datetime | None, now: datetime) -> timedelta:
    """The time until the next write. Zero where the clock jumped forwards or backwards."""
    if written_at is None or not _is_within(written_at, now):
        return timedelta(0)
    return written_at + WRITE_EVERY - now


def _is_within(written_at: datetime, now: datetime) -> bool:
    return timedelta(0) <= now - written_at < WRITE_EVERY


def _write(transaction: dict[str, Any]) -> object:
    # Short time-outs: the Lambda environment takes no other request until this ends.
    return call_dynamodb(
        "TransactWriteItems", transaction, attempts=2, connect_seconds=0.3, read_seconds=0.7
    )


def _transaction_of(batch: _Batch, *, is_latest: bool) -> dict[str, Any]:
    """Updates of the secret's item and of its item for the day; both are created if absent."""
    key_id, prefix = batch.secret
    uses = batch.uses
    secret = _update(
        key_id,
        prefix,
        "SET first_used_at = if_not_exists(first_used_at, :first)",
        {":first": {"S": to_rfc3339(uses.first_at)}},
    )
    if is_latest:
        secret["UpdateExpression"] += ", last_used_at = :last"
        secret["ExpressionAttributeValues"][":last"] = {"S": to_rfc3339(uses.last_at)}
        secret["ConditionExpression"] = "attribute_not_exists(last_used_at) OR last_used_at < :last"
    networks = ", networks :networks" if uses.networks else ""
    day = _update(
        key_id,
        f"{prefix}#{uses.last_at:%Y-%m-%d}",
        f"ADD requests :requests, renders :renders{networks} "
        "SET expires_at = if_not_exists(expires_at, :expires)",
        {
            **({":networks": {"SS": sorted(uses.networks)}} if uses.networks else {}),
            ":requests": {"N": str(uses.requests)},
            ":renders": {"N": str(uses.renders)},
            ":expires": {"N": str(to_epoch_seconds(uses.last_at + _KEPT_FOR))},
        },
    )
    return {
        "ClientRequestToken": batch.token if is_latest else f"{batch.token[:-1]}x",
        "TransactItems": [{"Update": secret}, {"Update": day}],
    }


def _update(
    key_id: str, secret_day: str, expression: str, values: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    return {
        "TableName": config.key_activity_table,
        "Key": {"key_id": {"S": key_id}, "secret_day": {"S": secret_day}},
        "UpdateExpression": expression,
        "ExpressionAttributeValues": values,
    }
