"""The public keys that the secret scanning partner signs with, stored once for the stage.

The list is one item of the keys table, shared by all instances. One instance at a time may fetch a
newer list, and only after a wait that all instances share. So the stage makes at most 12 calls an
hour, even if callers invent identifiers; GitHub allows 60 unauthenticated calls an hour from one
address. The call is conditional (`If-None-Match`).

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from craftkit import dynamodb, network
from craftkit.clock import to_epoch_seconds, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import ScannerKeysUnavailableError
from craftkit.observability import logger

KEPT_FOR = timedelta(hours=24)
SHORTEST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
"""The longest wait between two fetches; the wait doubles with each failure."""

_CONFIRMED_FOR = timedelta(minutes=1)
"""A list younger than this is current: an identifier that is not in it does not exist."""

_CLAIMED_RETRY_SECONDS = 5
_ITEM_KEY = {"key_hash": "scanner_keys"}
_POLICY = network.Policy(
    schemes=frozenset({"https"}), max_bytes=256 * 1024, deadline_seconds=5, redirects=0
)

Keys = Mapping[str, ec.EllipticCurvePublicKey]
Fetch = Callable[[str | None], network.Fetched]


def fetch_list(etag: str | None) -> network.Fetched:
    """Fetch the partner's list. Returns the response of any status."""
    headers = {"Accept": "application/json"}
    if etag:
        headers["If-None-Match"] = etag
    return network.fetch(config.scanner_keys_url, _POLICY, headers=headers)


@dataclass(frozen=True)
class StoredList:
    """The stored list. Times are seconds since 1970; 0 means never."""

    text: str = ""
    etag: str | None = None
    confirmed_at: int = 0
    next_attempt_at: int = 0
    failures: int = 0

    @classmethod
    def of_item(cls, item: Item | None) -> "StoredList":
        if item is None:
            return cls()
        return cls(
            text=str(item["text"]),
            etag=item.get("etag"),
            confirmed_at=int(item["confirmed_at"]),
            next_attempt_at=int(item["next_attempt_at"]),
            failures=int(item["failures"]),
        )

    def is_younger_than(self, span: timedelta, now: datetime) -> bool:
        return to_epoch_seconds(now) - self.confirmed_at < span.total_seconds()


@dataclass
class ScannerKeys:
    """The keys by identifier. Caches the list that was parsed last."""

    fetch: Fetch = fetch_list
    _parsed: tuple[str, Keys] = field(default=("", {}))
    _confirmed: StoredList = field(default_factory=StoredList)

    def get(self, identifier: str) -> ec.EllipticCurvePublicKey | None:
        """The key, or None if the partner has no key with this identifier.

        Raises:
            ScannerKeysUnavailableError: the key is not in the stored list, and a current list
                cannot be fetched now.
        """
        now = utc_now()
        if self._confirmed.is_younger_than(KEPT_FOR, now):
            known = self._keys(self._confirmed.text).get(identifier)
            if known is not None:
                return known
        stored = _read()
        known = self._keys(stored.text).get(identifier)
        if known is None or not stored.is_younger_than(KEPT_FOR, now):
            stored = self._renewed(stored, now)
            known = self._keys(stored.text).get(identifier) or known
        self._confirmed = stored
        if known is None and not stored.is_younger_than(_CONFIRMED_FOR, now):
            wait = stored.next_attempt_at - to_epoch_seconds(now)
            raise ScannerKeysUnavailableError(retry_seconds=max(_CLAIMED_RETRY_SECONDS, wait))
        return known

    def _renewed(self, stored: StoredList, now: datetime) -> StoredList:
        """The list after one fetch, or the stored list if no fetch is allowed now."""
        if stored.is_younger_than(_CONFIRMED_FOR, now):
            return stored
        if to_epoch_seconds(now) < stored.next_attempt_at:
            return stored
        claimed = StoredList(
            stored.text,
            stored.etag,
            stored.confirmed_at,
            to_epoch_seconds(now + _wait_after(stored.failures)),
            stored.failures + 1,
        )
        try:
            _write(claimed, seen=stored)
        except ConditionFailedError:
            return _read()  # another instance is fetching
        try:
            fetched = self.fetch(claimed.etag if claimed.text else None)
            text = _text_of(fetched, claimed)
            self._keys(text)
        except (network.FetchError, ValueError, KeyError, TypeError):
            logger.exception("list of scanner keys not read")
            return claimed
        confirmed = StoredList(
            text,
            fetched.headers.get("etag", claimed.etag),
            to_epoch_seconds(now),
            to_epoch_seconds(now + SHORTEST_WAIT),
        )
        try:
            _write(confirmed, seen=claimed)
        except ConditionFailedError:
            logger.warning("another instance replaced the list of scanner keys")
        return confirmed

    def _keys(self, text: str) -> Keys:
        if self._parsed[0] != text:
            self._parsed = (text, parse(text))
        return self._parsed[1]


def parse(text: str) -> Keys:
    """The P-256 keys of a list. Raises ValueError, KeyError or TypeError for an invalid list."""
    if not text:
        return {}
    keys: dict[str, Any] = {}
    for entry in json.loads(text)["public_keys"]:
        key = load_pem_public_key(entry["key"].encode())
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
            keys[str(entry["key_identifier"])] = key
    return keys


def _wait_after(failures: int) -> timedelta:
    return min(LONGEST_WAIT, SHORTEST_WAIT * (1 << min(failures, 10)))


def _text_of(fetched: network.Fetched, known: StoredList) -> str:
    if fetched.status == 304 and known.text:
        return known.text
    if fetched.status != 200:
        raise network.FetchError(f"the request for the list of keys returned {fetched.status}")
    if not fetched.body:
        raise network.FetchError("the list of keys is empty")
    return fetched.body.decode()


def _read() -> StoredList:
    table = dynamodb.table(config.keys_table)
    return StoredList.of_item(table.get_item(Key=_ITEM_KEY, ConsistentRead=True).get("Item"))


def _write(wanted: StoredList, *, seen: StoredList) -> None:
    """Store the list. Raises ConditionFailedError if it changed since `seen` was read."""
    item: Item = {
        **_ITEM_KEY,
        "text": wanted.text,
        "confirmed_at": wanted.confirmed_at,
        "next_attempt_at": wanted.next_attempt_at,
        "failures": wanted.failures,
    }
    if wanted.etag:
        item["etag"] = wanted.etag
    with dynamodb.conditions():
        dynamodb.table(config.keys_table).put_item(
            Item=item,
            ConditionExpression="attribute_not_exists(key_hash) OR next_attempt_at = :seen",
            ExpressionAttributeValues={":seen": seen.next_attempt_at},
        )
