"""Hooks in the projects table: `hook#<id>` under the project, found by `hook#<sha256 of token>`."""

from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.hooks.models import Hook

_LOOKUP = "hook"


def create(hook: Hook) -> None:
    item = {
        **_key(hook),
        **hook.model_dump(exclude={"created_at", "rotated_at"}),
        "created_at": to_rfc3339(hook.created_at),
    }
    put = {
        "TableName": config.projects_table,
        "Item": item,
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    entry = _entry(hook, "hook.created", hook.created_by, hook.created_at, template=hook.slug)
    dynamodb.transact([{"Put": put}, _put_lookup(hook, hook.token_hash), entry])


def find(token_hash: str) -> Hook | None:
    """The hook of a token, switched on or not."""
    lookup = _read({"pk": f"hook#{token_hash}", "sk": _LOOKUP})
    if lookup is None:
        return None
    hook = get(str(lookup["project_id"]), str(lookup["hook_id"]))
    return hook if hook and hook.token_hash == token_hash else None


def get(project_id: str, hook_id: str) -> Hook | None:
    item = _read({"pk": f"project#{project_id}", "sk": f"hook#{hook_id}"})
    return _hook(item) if item else None


def list_hooks(project_id: str) -> list[Hook]:
    """Every hook of the project, oldest first."""
    query: dict[str, Any] = {
        "KeyConditionExpression": Key("pk").eq(f"project#{project_id}")
        & Key("sk").begins_with("hook#"),
        "ConsistentRead": True,
    }
    hooks: list[Hook] = []
    while True:
        answer = _table().query(**query)
        hooks += [_hook(item) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return hooks
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def rotate(hook: Hook, *, token_hash: str, sealed_secret: bytes, by: str, now: datetime) -> None:
    """Put a new token and secret in place of the old ones, which work no more.

    Raises:
        ConditionFailedError: somebody else rotated it meanwhile.
    """
    update = {
        "TableName": config.projects_table,
        "Key": _key(hook),
        "UpdateExpression": "SET token_hash = :new, sealed_secret = :secret, rotated_at = :now",
        "ConditionExpression": "token_hash = :old",
        "ExpressionAttributeValues": {
            ":new": token_hash,
            ":old": hook.token_hash,
            ":secret": sealed_secret,
            ":now": to_rfc3339(now),
        },
    }
    old = {"TableName": config.projects_table, "Key": _lookup_key(hook.token_hash)}
    entry = _entry(hook, "hook.rotated", by, now)
    dynamodb.transact([{"Update": update}, _put_lookup(hook, token_hash), {"Delete": old}, entry])


def switch(hook: Hook, *, on: bool, by: str, now: datetime) -> None:
    update = {
        "TableName": config.projects_table,
        "Key": _key(hook),
        "UpdateExpression": "SET is_on = :on",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":on": on},
    }
    action = "hook.switched_on" if on else "hook.switched_off"
    dynamodb.transact([{"Update": update}, _entry(hook, action, by, now)])


def _put_lookup(hook: Hook, token_hash: str) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": config.projects_table,
            "Item": {
                **_lookup_key(token_hash),
                "project_id": hook.project_id,
                "hook_id": hook.id,
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def _entry(hook: Hook, action: str, by: str, now: datetime, **details: str) -> dict[str, Any]:
    return audit.entry(hook.project_id, actor=by, action=action, target=hook.id, now=now, **details)


def _key(hook: Hook) -> dict[str, str]:
    return {"pk": f"project#{hook.project_id}", "sk": f"hook#{hook.id}"}


def _lookup_key(token_hash: str) -> dict[str, str]:
    return {"pk": f"hook#{token_hash}", "sk": _LOOKUP}


def _read(key: dict[str, str]) -> dynamodb.Item | None:
    item: dynamodb.Item | None = _table().get_item(Key=key, ConsistentRead=True).get("Item")
    return item


def _table() -> Any:
    return dynamodb.table(config.projects_table)


def _hook(item: dynamodb.Item) -> Hook:
    return Hook.model_validate({**item, "sealed_secret": bytes(item["sealed_secret"])})
