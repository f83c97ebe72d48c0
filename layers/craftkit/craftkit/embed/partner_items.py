"""Partners and their signing keys in the projects table.

A publishable key is looked up under a partition of its own, which only says whose it is; all that
can change stands with the project, so that one row is the truth.
"""

from typing import Any

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.embed.models import Partner, SigningKey

_SIGNING = "signing#"


def get_partner(project_id: str) -> Partner | None:
    item = _table().get_item(Key=_key(project_id, "partner"), ConsistentRead=True).get("Item")
    return _partner(project_id, item) if item else None


def put_partner(partner: Partner, previous: Partner | None, *, action: str) -> None:
    """Write the partner as it shall be, if it still is as it was read.

    Raises:
        ConditionFailedError: somebody else changed it in between.
    """
    item = {
        **_key(partner.project_id, "partner"),
        **partner.model_dump(mode="json", exclude={"project_id", "updated_at"}),
        "updated_at": to_rfc3339(partner.updated_at),
    }
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if previous:
        condition = {
            "ConditionExpression": "updated_at = :before",
            "ExpressionAttributeValues": {":before": to_rfc3339(previous.updated_at)},
        }
    dynamodb.transact(
        [
            {"Put": {"TableName": config.projects_table, "Item": item, **condition}},
            audit.entry(
                partner.project_id,
                actor=partner.updated_by,
                action=action,
                target=partner.project_id,
                now=partner.updated_at,
            ),
        ]
    )


def put_signing_key(key: SigningKey) -> None:
    """Write a new key and the way to find it."""
    unseen = "attribute_not_exists(pk)"
    table = config.projects_table
    item = {
        **_key(key.project_id, _SIGNING + key.publishable_key),
        **key.model_dump(exclude={"project_id", "created_at", "revoked_at"}),
        "created_at": to_rfc3339(key.created_at),
    }
    pointer = {**_pointer(key.publishable_key), "project_id": key.project_id}
    dynamodb.transact(
        [
            {"Put": {"TableName": table, "Item": pointer, "ConditionExpression": unseen}},
            {"Put": {"TableName": table, "Item": item, "ConditionExpression": unseen}},
            audit.entry(
                key.project_id,
                actor=key.created_by,
                action="embed.signing_key.created",
                target=key.id,
                now=key.created_at,
            ),
        ]
    )


def revoke_signing_key(key: SigningKey, *, by: str) -> None:
    """Mark a key revoked, at the time that `key.revoked_at` says, unless it is already."""
    assert key.revoked_at is not None  # noqa: S101 the caller sets it
    try:
        dynamodb.transact(
            [
                {
                    "Update": {
                        "TableName": config.projects_table,
                        "Key": _key(key.project_id, _SIGNING + key.publishable_key),
                        "UpdateExpression": "SET revoked_at = :now",
                        "ConditionExpression": "attribute_not_exists(revoked_at)",
                        "ExpressionAttributeValues": {":now": to_rfc3339(key.revoked_at)},
                    }
                },
                audit.entry(
                    key.project_id,
                    actor=by,
                    action="embed.signing_key.revoked",
                    target=key.id,
                    now=key.revoked_at,
                ),
            ]
        )
    except ConditionFailedError:
        return  # somebody was quicker, and the outcome is the same


def project_of(publishable_key: str) -> str | None:
    """Whose publishable key this is."""
    item = _table().get_item(Key=_pointer(publishable_key)).get("Item")
    return str(item["project_id"]) if item else None


def partner_and_key(
    project_id: str, publishable_key: str | None
) -> tuple[Partner | None, SigningKey | None]:
    """The partner, and one of its signing keys where one is asked for, in one round trip."""
    if publishable_key is None:
        return get_partner(project_id), None
    keys = [_key(project_id, "partner"), _key(project_id, _SIGNING + publishable_key)]
    found = {item["sk"]: item for item in dynamodb.get_many(config.projects_table, keys)}
    partner, key = (found.get(one["sk"]) for one in keys)
    return (
        _partner(project_id, partner) if partner else None,
        _signing_key(project_id, key) if key else None,
    )


def list_signing_keys(project_id: str) -> list[SigningKey]:
    """Every key of the project, revoked ones too, oldest first."""
    answer = _table().query(
        KeyConditionExpression="pk = :pk AND begins_with(sk, :signing)",
        ExpressionAttributeValues={":pk": f"project#{project_id}", ":signing": _SIGNING},
        ConsistentRead=True,
    )
    keys = [_signing_key(project_id, item) for item in answer["Items"]]
    return sorted(keys, key=lambda key: key.id)


def _partner(project_id: str, item: Item) -> Partner:
    return Partner.model_validate({**_plain(item), "project_id": project_id})


def _signing_key(project_id: str, item: Item) -> SigningKey:
    return SigningKey.model_validate({**_plain(item), "project_id": project_id})


def _plain(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("pk", "sk")}


def _table() -> Any:
    return dynamodb.table(config.projects_table)


def _key(project_id: str, sk: str) -> dict[str, str]:
    return {"pk": f"project#{project_id}", "sk": sk}


def _pointer(publishable_key: str) -> dict[str, str]:
    return {"pk": f"publishable#{publishable_key}", "sk": "project"}
