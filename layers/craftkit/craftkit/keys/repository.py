"""Keys in the keys table.

Each secret is an item under its SHA-256, which is all that the authorizer reads. Beside them the
key itself is an item, `key#<id>`, which lists its secrets: read by id with strong consistency, so
that a revocation finds every secret there is, however young. A hash can never collide with it.
The index lists the keys of a project by their id, which is the order of their making.
"""

from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.auth.lookup import KeyRecord
from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.keys.models import Key, Secret

BY_PROJECT = "by_project"


def create(key: Key) -> None:
    """Write a new key and its secrets, all or nothing."""
    unseen = "attribute_not_exists(key_hash)"
    items = [_head_item(key), *(_secret_item(key, secret) for secret in key.secrets)]
    puts = [
        {
            "Put": {
                "TableName": config.keys_table,
                "Item": item,
                "ConditionExpression": unseen,
            }
        }
        for item in items
    ]
    dynamodb.transact([*puts, _audit(key, "key.created", key.created_by, key.created_at)])


def get(key_id: str) -> Key | None:
    item = _table().get_item(Key={"key_hash": f"key#{key_id}"}, ConsistentRead=True).get("Item")
    return _key_of(item) if item else None


def page(
    project_id: str, limit: int, after: dict[str, Any] | None = None
) -> tuple[list[Key], dict[str, Any] | None]:
    """Keys of a project, newest first, and where the next page starts."""
    start = {"ExclusiveStartKey": after} if after else {}
    answer = _table().query(
        IndexName=BY_PROJECT,
        KeyConditionExpression=KeyCondition("listed_under").eq(project_id),
        ScanIndexForward=False,
        Limit=limit,
        **start,
    )
    return [_key_of(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")


def revoke(key: Key, *, by: str, reason: str | None, now: datetime) -> None:
    """Mark the key and every secret of it revoked, in one transaction.

    Raises:
        ConditionFailedError: the key changed meanwhile; read it again.
    """
    revoked = {":now": to_rfc3339(now)}
    writes: list[dict[str, Any]] = [
        {
            "Update": {
                "TableName": config.keys_table,
                "Key": {"key_hash": f"key#{key.id}"},
                "UpdateExpression": "SET revoked_at = :now, revoked_reason = :reason",
                "ConditionExpression": "attribute_not_exists(revoked_at) AND secrets = :secrets",
                "ExpressionAttributeValues": {
                    **revoked,
                    ":reason": reason,
                    ":secrets": [_secret_entry(secret) for secret in key.secrets],
                },
            }
        }
    ]
    writes += [
        {
            "Update": {
                "TableName": config.keys_table,
                "Key": {"key_hash": secret.hash},
                "UpdateExpression": "SET revoked_at = :now",
                "ConditionExpression": "attribute_exists(key_hash)",
                "ExpressionAttributeValues": revoked,
            }
        }
        for secret in key.secrets
    ]
    dynamodb.transact([*writes, _audit(key, "key.revoked", by, now)])


def find_record(key_hash: str) -> KeyRecord | None:
    """What the authorizer would read, through the caller's own credentials."""
    item = _table().get_item(Key={"key_hash": key_hash}, ConsistentRead=True).get("Item")
    return KeyRecord.from_row(item) if item else None


def _table() -> Any:
    return dynamodb.table(config.keys_table)


def _head_item(key: Key) -> dict[str, Any]:
    item = {
        "key_hash": f"key#{key.id}",
        "listed_under": key.project_id,
        "key_id": key.id,
        "project_id": key.project_id,
        "name": key.name,
        "mode": key.mode,
        "scopes": " ".join(key.scopes),
        "templates": " ".join(key.templates),
        "secrets": [_secret_entry(secret) for secret in key.secrets],
        "created_at": to_rfc3339(key.created_at),
        "created_by": key.created_by,
    }
    if key.expires_at:
        item["expires_at"] = to_rfc3339(key.expires_at)
    return item


def _secret_entry(secret: Secret) -> dict[str, str]:
    return {
        "hash": secret.hash,
        "prefix": secret.prefix,
        "created_at": to_rfc3339(secret.created_at),
    }


def _secret_item(key: Key, secret: Secret) -> dict[str, Any]:
    head = _head_item(key)
    shared = ("key_id", "project_id", "mode", "scopes", "templates", "expires_at")
    return {
        "key_hash": secret.hash,
        "prefix": secret.prefix,
        **{name: head[name] for name in shared if name in head},
    }


def _key_of(item: dict[str, Any]) -> Key:
    return Key.model_validate(
        {
            **item,
            "id": item["key_id"],
            "scopes": tuple(item["scopes"].split()),
            "templates": tuple(item["templates"].split()),
        }
    )


def _audit(key: Key, action: str, actor: str, now: datetime) -> dict[str, Any]:
    return audit.entry(
        key.project_id, actor=actor, action=action, target=key.id, now=now, prefix=key.prefix
    )
