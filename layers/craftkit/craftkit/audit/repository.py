"""Audit entries in the audit table. Their ids are UUIDv7, so they sort by time."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from craftkit.audit.models import Entry
from craftkit.clock import to_rfc3339
from craftkit.ids import new_id
from craftkit.project_items import AUDIT_ENTRY
from craftkit.schema import from_stored
from craftkit.slices import Rows


def entry(
    project_id: str, *, actor: str, action: str, target: str, now: datetime, **details: str
) -> dict[str, Any]:
    """The write of an audit entry, for the same `dynamodb.transact` as the change that it records.

    Args:
        actor: who made the change: an IAM identity's ARN, a user's id, or a part of the system.
        action: the event's name, such as `key.revoked`.
        target: the id of what was changed. Neither it nor `details` may hold a secret.
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
    """Entries, newest first, and the id after which the next page starts; None on the last."""
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
    entries = [from_stored(Entry, item) for item in answer["Items"]]
    return entries, AUDIT_ENTRY.id_of(last) if last else None


def rows(project_id: str) -> Rows[Entry]:
    """The entries of a project."""
    key = AUDIT_ENTRY.key(project_id, "")
    return Rows(
        AUDIT_ENTRY.table(),
        Key("pk").eq(key["pk"]),
        "sk",
        partial(from_stored, Entry),
        prefix=key["sk"],
    )


def targets(project_id: str, *, action: str, since: datetime) -> Iterator[str]:
    """The targets of an action since a time, newest first, read with strong consistency."""
    for item in AUDIT_ENTRY.list(project_id, ScanIndexForward=False):
        if str(item["at"]) < to_rfc3339(since):
            return
        if item["action"] == action:
            yield str(item["target"])
