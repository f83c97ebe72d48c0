"""Tenants and actors in the embed-sessions table, as they were last described."""

import hashlib
from datetime import datetime

from craftkit import dynamodb
from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.embed.models import Actor, Tenant


def upsert(project_id: str, tenant: Tenant, actor: Actor, now: datetime) -> None:
    """Keep what was last said of a tenant and of its actor, and when each was first seen."""
    tenant_hash = _digest(tenant.external_id)
    _upsert(project_id, f"tenant#{tenant_hash}", tenant, now)
    _upsert(project_id, f"actor#{tenant_hash}#{_digest(actor.external_id)}", actor, now)


def _upsert(project_id: str, sk: str, described: Tenant | Actor, now: datetime) -> None:
    dynamodb.table(config.embed_sessions_table).update_item(
        Key={"pk": f"project#{project_id}", "sk": sk},
        UpdateExpression="SET described = :described, seen_at = :now, "
        "first_seen_at = if_not_exists(first_seen_at, :now)",
        ExpressionAttributeValues={
            ":described": described.model_dump(mode="json", exclude_none=True),
            ":now": to_rfc3339(now),
        },
    )


def _digest(external_id: str) -> str:
    """A partner's own id may hold what would end a part of a key."""
    return hashlib.sha256(external_id.encode()).hexdigest()
