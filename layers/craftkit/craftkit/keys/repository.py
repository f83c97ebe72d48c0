"""Keys in the keys table.

Each secret is an item under its SHA-256; the authorizer reads only this item. The key is an item
too, `key#<id>`, which lists its secrets. It is read with strong consistency, so that a revocation
finds every secret. A hash never equals such a key. One index lists the keys of a project by id,
which is the order of creation; another lists the keys that are due for `keys.expiry`, by time.

A secret's item is derived from the key's item. Both change in one transaction, whose condition is
that the key still has the revision that was read.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.auth.lookup import KeyRecord
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config
from craftkit.keys.lifecycle import KeyEvent, Step, due_at
from craftkit.keys.models import Key, Secret
from craftkit.schema import from_stored
from craftkit.slices import Rows

BY_PROJECT = "by_project"
DUE = "due"
SHARDS = 4
"""Partitions of the index of due keys, to spread the writes."""

_TOKEN_KEPT_FOR = timedelta(days=7)
"""How long an expired token is kept, so that it can be diagnosed."""

_TIMES = (
    "expires_at",
    "revoked_at",
    "exposed_at",
    "quiet_since",
    "unused_from",
    "unused_check_at",
)
_LISTS = ("scopes", "templates", "limited", "networks")
_PLAIN = (
    "revoked_reason",
    "reminded_days",
    "bound_to",
    "rule_id",
    "longest_life_days",
    "unused_days",
    "unused_reminded_days",
    "is_suspended",
)


def create(key: Key, *, extra_writes: Sequence[dict[str, Any]]) -> None:
    """Write a new key and its secrets in one transaction.

    Args:
        extra_writes: further writes and conditions of the same transaction.

    Raises:
        ConditionFailedError: a condition did not hold; nothing was written.
    """
    unseen = "attribute_not_exists(key_hash)"
    dynamodb.transact(
        [
            *extra_writes,
            *(_put(item, unseen) for item in items_of(key, key.created_at)),
            _audit(key, KeyEvent(f"{key.kind}.created"), key.created_by, key.created_at),
        ]
    )


def change(before: Key, step: Step, *, by: str, now: datetime) -> Key:
    """Save a step, with every secret that it changes.

    Args:
        before: the key as it was read.

    Raises:
        ConditionFailedError: the key changed since it was read.
    """
    after = step.key.model_copy(update={"revision": before.revision + 1})
    was = {secret.hash: _secret_item(before, secret) for secret in before.secrets}
    is_ = {secret.hash: _secret_item(after, secret) for secret in after.secrets}
    unchanged = "revision = :revision"
    dynamodb.transact(
        [
            _put(_head_item(after, now), unchanged, {":revision": before.revision}),
            *(_put(item) for hash_, item in is_.items() if was.get(hash_) != item),
            *(_delete(hash_) for hash_ in was if hash_ not in is_),
            *(_audit(after, event, by, now) for event in step.events),
        ]
    )
    return after


def get(key_id: str) -> Key | None:
    item = _table().get_item(Key=head_key(key_id), ConsistentRead=True).get("Item")
    return key_of(item) if item else None


def get_many(key_ids: Iterable[str]) -> list[Key]:
    """The keys of these ids, of any project; those that do not exist are left out."""
    heads = [head_key(key_id) for key_id in dict.fromkeys(key_ids)]
    return [key_of(item) for item in dynamodb.get_many(config.keys_table, heads)]


def page(
    project_id: str, limit: int, after: dict[str, Any] | None = None
) -> tuple[list[Key], dict[str, Any] | None]:
    """Keys of a project, newest first, and DynamoDB's start key of the next page."""
    start = {"ExclusiveStartKey": after} if after else {}
    answer = _table().query(
        IndexName=BY_PROJECT,
        KeyConditionExpression=KeyCondition("listed_under").eq(project_id),
        ScanIndexForward=False,
        Limit=limit,
        **start,
    )
    return [key_of(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")


def rows(project_id: str) -> Rows[Key]:
    """The keys of a project."""
    return Rows(
        _table(), KeyCondition("listed_under").eq(project_id), "key_id", key_of, index=BY_PROJECT
    )


def due(now: datetime) -> Iterator[str]:
    """Ids of the keys that are due for `keys.expiry`."""
    for shard in range(SHARDS):
        is_due = KeyCondition(DUE).eq(str(shard)) & KeyCondition("due_at").lte(to_rfc3339(now))
        for item in dynamodb.query(config.keys_table, IndexName=DUE, KeyConditionExpression=is_due):
            yield item["key_hash"].removeprefix("key#")


def find_record(key_hash: str) -> KeyRecord | None:
    """The item that the authorizer reads, through boto3."""
    item = _table().get_item(Key={"key_hash": key_hash}, ConsistentRead=True).get("Item")
    return KeyRecord.from_row(item) if item else None


def find_records(key_hashes: Iterable[str]) -> dict[str, KeyRecord]:
    """`find_record` of several hashes in batches, by hash. Unknown hashes are left out."""
    keys = [{"key_hash": key_hash} for key_hash in key_hashes]
    found = dynamodb.get_many(config.keys_table, keys)
    return {item["key_hash"]: KeyRecord.from_row(item) for item in found}


def items_of(key: Key, now: datetime) -> Iterator[dict[str, Any]]:
    """The key's own item, and one for each of its secrets."""
    yield _head_item(key, now)
    yield from (_secret_item(key, secret) for secret in key.secrets)


def _table() -> Any:
    return dynamodb.table(config.keys_table)


def head_key(key_id: str) -> dict[str, str]:
    return {"key_hash": f"key#{key_id}"}


def _head_item(key: Key, now: datetime) -> dict[str, Any]:
    item: dict[str, Any] = {
        **head_key(key.id),
        "kind": key.kind,
        "key_id": key.id,
        "project_id": key.project_id,
        "name": key.name,
        "mode": key.mode,
        "scopes": " ".join(key.scopes),
        "templates": " ".join(key.templates),
        "limited": " ".join(key.limited),
        "networks": " ".join(key.networks),
        "secrets": [_secret_entry(secret) for secret in key.secrets],
        "exposed_urls": list(key.exposed_urls),
        "created_at": to_rfc3339(key.created_at),
        "created_by": key.created_by,
        "revision": key.revision,
        **_present(key, _TIMES, _PLAIN),
    }
    if key.kind == "token":
        return item | _expiring(key)
    item["listed_under"] = key.project_id
    if (due := due_at(key, now)) is not None:
        item |= {DUE: str(int(key.id[-4:], 16) % SHARDS), "due_at": to_rfc3339(due)}
    return item


def _secret_entry(secret: Secret) -> dict[str, Any]:
    entry = {
        "hash": secret.hash,
        "prefix": secret.prefix,
        "created_at": to_rfc3339(secret.created_at),
        **_present(secret, ("first_used_at", "expires_at", "ends_by", "exposed_at"), ()),
    }
    if secret.grace is not None:
        entry["grace"] = int(secret.grace.total_seconds())
    return entry


def _secret_item(key: Key, secret: Secret) -> dict[str, Any]:
    ends = [moment for moment in (key.expires_at, secret.ends_at) if moment is not None]
    item = {
        "key_hash": secret.hash,
        "prefix": secret.prefix,
        "key_id": key.id,
        "project_id": key.project_id,
        "mode": key.mode,
        "scopes": " ".join(key.scopes),
        "templates": " ".join(key.templates),
        "limited": " ".join(key.limited),
    }
    if ends:
        item["expires_at"] = to_rfc3339(min(ends))
    if key.networks:
        item["networks"] = " ".join(key.networks)
    if key.bound_to is not None:
        item["bound_to"] = key.bound_to
    if key.rule_id is not None:
        item["rule_id"] = key.rule_id
    if key.revoked_at is not None:
        item["revoked_at"] = to_rfc3339(key.revoked_at)
    return item | _expiring(key)


def _expiring(key: Key) -> dict[str, Any]:
    """The TTL attribute of a token's items. A key's items have none."""
    if key.kind == "key" or key.expires_at is None:
        return {}
    return {"delete_at": to_epoch_seconds(key.expires_at + _TOKEN_KEPT_FOR)}


def _present(model: Key | Secret, times: tuple[str, ...], plain: tuple[str, ...]) -> dict[str, Any]:
    """The optional fields that are set, in their stored form."""
    kept = {name: getattr(model, name) for name in plain}
    kept |= {
        name: to_rfc3339(moment) for name in times if (moment := getattr(model, name)) is not None
    }
    return {name: value for name, value in kept.items() if value is not None}


def key_of(item: dict[str, Any]) -> Key:
    return from_stored(
        Key,
        {
            **item,
            "id": item["key_id"],
            **{name: tuple(item.get(name, "").split()) for name in _LISTS},
            "secrets": [
                {**entry, "grace": int(entry["grace"])} if "grace" in entry else entry
                for entry in item["secrets"]
            ],
        },
    )


def _put(
    item: dict[str, Any], condition: str | None = None, values: dict[str, Any] | None = None
) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": config.keys_table, "Item": item}
    if condition:
        put["ConditionExpression"] = condition
    if values:
        put["ExpressionAttributeValues"] = values
    return {"Put": put}


def _delete(key_hash: str) -> dict[str, Any]:
    return {"Delete": {"TableName": config.keys_table, "Key": {"key_hash": key_hash}}}


def _audit(key: Key, event: KeyEvent, actor: str, now: datetime) -> dict[str, Any]:
    details = {"prefix": key.prefix, **event.details}
    return audit.entry(
        key.project_id, actor=actor, action=event.action, target=key.id, now=now, **details
    )
