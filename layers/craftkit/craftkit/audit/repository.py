"""Audit entries in the projects table: `audit#<uuid7>` under the project, in the order of time."""

from datetime import datetime
from typing import Any

from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.ids import new_id


def entry(
    project_id: str, *, actor: str, action: str, target: str, now: datetime, **details: str
) -> dict[str, Any]:
    """The write to put beside the deed's own in `dynamodb.transact`.

    Args:
        actor: who did it: an IAM identity's ARN, a person's id, or a part of the system.
        action: the event's name, such as `key.revoked`.
        target: the id of the thing. Neither it nor `details` may hold a secret.
    """
    audit_id = new_id()
    item: dict[str, Any] = {
        "pk": f"project#{project_id}",
        "sk": f"audit#{audit_id}",
        "id": audit_id,
        "actor": actor,
        "action": action,
        "target": target,
        "at": to_rfc3339(now),
    }
    if details:
        item["details"] = details
    return {
        "Put": {
            "TableName": config.projects_table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }
