"""Audit entries, in the order of time: an entry's id is a UUIDv7."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr

from craftkit.audit.models import Entry
from craftkit.clock import to_rfc3339
from craftkit.ids import new_id
from craftkit.project_items import AUDIT_ENTRY


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
        **AUDIT_ENTRY.key(project_id, audit_id),
        "id": audit_id,
        "actor": actor,
        "action": action,
        "target": target,
        "at": to_rfc3339(now),
    }
    if details:
        item["details"] = details
    return AUDIT_ENTRY.put(item)


def page(
    project_id: str, limit: int, *, target: str | None = None, after: str | None = None
) -> tuple[list[Entry], str | None]:
    """Entries, newest first, and after which id the next page starts."""
    query: dict[str, Any] = {
        "KeyConditionExpression": AUDIT_ENTRY.condition(project_id),
        "ScanIndexForward": False,
        "Limit": limit,
    }
    if target:
        query["FilterExpression"] = Attr("target").eq(target)
    if after:
        query["ExclusiveStartKey"] = AUDIT_ENTRY.key(project_id, after)
    answer = AUDIT_ENTRY.table().query(**query)
    last = answer.get("LastEvaluatedKey")
    entries = [Entry.model_validate(item) for item in answer["Items"]]
    return entries, AUDIT_ENTRY.id_of(last) if last else None


def targets(project_id: str, *, action: str, since: datetime) -> Iterator[str]:
    """Ids of the things that an action was done to since then, newest first, none of them missed:
    read with strong consistency.
    """
    for item in AUDIT_ENTRY.list(project_id, ScanIndexForward=False):
        if str(item["at"]) < to_rfc3339(since):
            return
        if item["action"] == action:
            yield str(item["target"])
