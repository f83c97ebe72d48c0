"""Webhook endpoints in the content table."""

from datetime import datetime
from typing import Any

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.auth.principal import Mode
from craftkit.clock import to_rfc3339
from craftkit.project_items import ENDPOINT, THERE, Write
from craftkit.schema import from_stored
from craftkit.webhooks.models import Endpoint, SealedSecret


def create(endpoint: Endpoint) -> None:
    item: dict[str, Any] = {
        **ENDPOINT.key(endpoint.project_id, endpoint.id),
        "id": endpoint.id,
        "project_id": endpoint.project_id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "mode": endpoint.mode,
        "secrets": [_secret_item(secret) for secret in endpoint.secrets],
        "created_at": to_rfc3339(endpoint.created_at),
        "created_by": endpoint.created_by,
    }
    put, action = ENDPOINT.put(item), "endpoint.created"
    _write(put, endpoint, action, endpoint.created_by, endpoint.created_at)


def get(project_id: str, endpoint_id: str) -> Endpoint | None:
    item = ENDPOINT.get(project_id, endpoint_id)
    return _endpoint(item) if item else None


def list_endpoints(project_id: str) -> list[Endpoint]:
    """Every endpoint of the project, oldest first."""
    return [_endpoint(item) for item in ENDPOINT.list(project_id)]


def change(
    endpoint: Endpoint,
    *,
    url: str,
    events: tuple[str, ...],
    mode: Mode | None,
    by: str,
    now: datetime,
) -> None:
    """Change URL and filter. Raises ConditionFailedError if the endpoint was deleted."""
    values = {":url": url, ":events": list(events), ":mode": mode}
    expression = "SET #url = :url, events = :events, #mode = :mode"
    _update(endpoint, expression, values, "endpoint.changed", by, now)


def put_secrets(
    endpoint: Endpoint, secrets: tuple[SealedSecret, ...], *, by: str, now: datetime
) -> None:
    """Replace the secrets. Raises ConditionFailedError if they were rotated since the read."""
    values = {
        ":secrets": [_secret_item(secret) for secret in secrets],
        ":read": [_secret_item(secret) for secret in endpoint.secrets],
    }
    action = "endpoint.rotated"
    _update(endpoint, "SET secrets = :secrets", values, action, by, now, "secrets = :read")


def disable(endpoint: Endpoint, *, by: str, reason: str, now: datetime) -> None:
    """Switch off. Raises ConditionFailedError if the endpoint is off already, or deleted."""
    values = {":now": to_rfc3339(now), ":reason": reason}
    expression = "SET disabled_at = :now, disabled_reason = :reason"
    condition = f"{THERE} AND attribute_not_exists(disabled_at)"
    action = "endpoint.disabled"
    _update(endpoint, expression, values, action, by, now, condition, reason=reason)


def enable(endpoint: Endpoint, *, by: str, now: datetime) -> None:
    """Switch on again; failures count anew from now. Raises as `disable`."""
    expression = "REMOVE disabled_at, disabled_reason, failing_since"
    condition = "attribute_exists(disabled_at)"
    _update(endpoint, expression, {}, "endpoint.enabled", by, now, condition)


def delete(endpoint: Endpoint, *, by: str, now: datetime) -> None:
    """Delete. Raises ConditionFailedError if the endpoint was deleted already."""
    gone = ENDPOINT.delete(ENDPOINT.key(endpoint.project_id, endpoint.id), THERE)
    _write(gone, endpoint, "endpoint.deleted", by, now)


def note_failure(endpoint: Endpoint, now: datetime) -> None:
    """Record the first failure after a success."""
    with dynamodb.conditions():
        ENDPOINT.table().update_item(
            Key=ENDPOINT.key(endpoint.project_id, endpoint.id),
            UpdateExpression="SET failing_since = if_not_exists(failing_since, :now)",
            ConditionExpression=THERE,
            ExpressionAttributeValues={":now": to_rfc3339(now)},
        )


def note_success(endpoint: Endpoint) -> None:
    """Clear the recorded failure. Raises ConditionFailedError if the endpoint was deleted."""
    with dynamodb.conditions():
        ENDPOINT.table().update_item(
            Key=ENDPOINT.key(endpoint.project_id, endpoint.id),
            UpdateExpression="REMOVE failing_since",
            ConditionExpression=THERE,
        )


def _update(
    endpoint: Endpoint,
    expression: str,
    values: dict[str, Any],
    action: str,
    by: str,
    now: datetime,
    condition: str = THERE,
    **details: str,
) -> None:
    key = ENDPOINT.key(endpoint.project_id, endpoint.id)
    names = {f"#{name}": name for name in ("url", "mode") if f"#{name}" in expression} or None
    update = ENDPOINT.update(key, expression, condition, values, names)
    _write(update, endpoint, action, by, now, **details)


def _write(
    write: Write, endpoint: Endpoint, action: str, by: str, now: datetime, **details: str
) -> None:
    """Write one change and its audit entry in one transaction."""
    entry = audit.entry(
        endpoint.project_id, actor=by, action=action, target=endpoint.id, now=now, **details
    )
    dynamodb.transact([write, entry])


def _secret_item(secret: SealedSecret) -> dict[str, Any]:
    item: dict[str, Any] = {
        "sealed": secret.sealed,
        "created_at": to_rfc3339(secret.created_at),
    }
    if secret.expires_at:
        item["expires_at"] = to_rfc3339(secret.expires_at)
    return item


def _endpoint(item: dict[str, Any]) -> Endpoint:
    secrets = [{**each, "sealed": bytes(each["sealed"])} for each in item["secrets"]]
    return from_stored(Endpoint, {**item, "secrets": secrets})
