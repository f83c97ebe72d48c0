"""Converts audit entries to webhook events."""

from typing import Any

from pydantic.alias_generators import to_camel

from craftkit.clock import from_rfc3339
from craftkit.project_items import AUDIT_ENTRY
from craftkit.webhooks.models import EVENT_TYPES, Event


def event_of(item: dict[str, Any] | None) -> Event | None:
    """The webhook event of an audit entry, or None if there is no such event type.

    The event has the entry's id. It does not contain the actor: a receiver must not learn an
    operator's identity.
    """
    if item is None or item.get("action") not in EVENT_TYPES:
        return None
    project_id = AUDIT_ENTRY.owner_of(item)
    details = {to_camel(name): value for name, value in item.get("details", {}).items()}
    return Event(
        id=str(item["id"]),
        project_id=project_id,
        type=str(item["action"]),
        timestamp=from_rfc3339(str(item["at"])),
        data={**details, "id": str(item["target"]), "projectId": project_id},
    )
