"""Events that an audit entry makes. Whoever does what it records writes the entry with it."""

from typing import Any

from pydantic.alias_generators import to_camel

from craftkit.clock import from_rfc3339
from craftkit.project_items import AUDIT_ENTRY
from craftkit.webhooks.models import EVENT_TYPES, Event


def event_of(item: dict[str, Any] | None) -> Event | None:
    """The event that a new audit entry stands for, or None where webhooks have no such event.

    The entry's id is the event's. Who did it stays in the audit: an operator's identity is no
    business of a receiver.
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
