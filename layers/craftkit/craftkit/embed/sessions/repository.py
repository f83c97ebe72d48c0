"""Sessions in the embed-sessions table, under their project.

A session's row has what each request reads as attributes, and the body of its request in one
compressed attribute. It expires (TTL) when the session can no longer be refreshed.
"""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from boto3.dynamodb.conditions import Key as KeyCondition

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_epoch_seconds, to_rfc3339
from craftkit.config import config
from craftkit.dynamodb import Item
from craftkit.embed.sessions.models import Actor, EmbedSession, SessionRequest, Tenant
from craftkit.errors import InvalidRequestError, Issues
from craftkit.schema import from_stored_json
from craftkit.slices import Rows

REQUEST_LIMIT_BYTES = 200 * 1024
"""Maximum compressed size of a session's request. A DynamoDB item can have 400 KB."""

_SESSION = "session#"
_KEPT_AFTERWARDS = timedelta(days=1)
_TIMES = ("created_at", "renewable_until")
_REPLAY_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True)
class UsedToken:
    """The id of a partner-signed token, which can open one session only."""

    publishable_key: str
    jti: str
    expires_at: int


def create(session: EmbedSession, *, renew_hash: str, used_token: UsedToken | None = None) -> None:
    """Write a new session, and mark its partner-signed token as used, in one transaction.

    Raises:
        ConditionFailedError: the token was used before.
        InvalidRequestError: the session's request is too large.
    """
    item = {**_item_of(session), "renew_hash": renew_hash}
    writes: list[dict[str, Any]] = []
    if used_token:
        writes.append(_put_new(_once_item(used_token)))
    writes.append(_put_new(item))
    writes.append(
        audit.entry(
            session.project_id,
            actor=session.publishable_key or session.key_id,
            action="embed.session.created",
            target=session.id,
            now=session.created_at,
            tenant=session.request.tenant.external_id,
            actorId=session.request.actor.external_id,
            mode=session.mode,
        )
    )
    dynamodb.transact(writes)


def renew(
    project_id: str,
    session_id: str,
    *,
    old_hash: str,
    new_hash: str,
    now: datetime,
    expires_at: datetime,
    renewable_until: datetime,
) -> EmbedSession:
    """Replace a renew token by the next one. Of concurrent calls with the same token, one succeeds.

    Raises:
        ConditionFailedError: the token was used, or the session is revoked, expired or absent.
    """
    with dynamodb.conditions():
        answer = table().update_item(
            Key=key_of(project_id, session_id),
            UpdateExpression=(
                "SET renew_hash = :new, token_expires_at = :expires, renewable_until = :until, "
                "expires_at = :ttl"
            ),
            ConditionExpression=(
                "renew_hash = :old AND attribute_not_exists(revoked_at) AND renewable_until > :now"
            ),
            ExpressionAttributeValues={
                ":old": old_hash,
                ":new": new_hash,
                ":now": to_rfc3339(now),
                ":expires": to_rfc3339(expires_at),
                ":until": to_rfc3339(renewable_until),
                ":ttl": to_epoch_seconds(renewable_until + _KEPT_AFTERWARDS),
            },
            ReturnValues="ALL_NEW",
        )
    return _session(project_id, answer["Attributes"])


def revoke(project_id: str, session_id: str, *, by: str, now: datetime) -> None:
    """Mark a session revoked.

    Raises:
        ConditionFailedError: it is revoked already, or does not exist.
    """
    dynamodb.transact(
        [
            {
                "Update": {
                    "TableName": config.embed_sessions_table,
                    "Key": key_of(project_id, session_id),
                    "UpdateExpression": "SET revoked_at = :now",
                    "ConditionExpression": "attribute_exists(pk) AND "
                    "attribute_not_exists(revoked_at)",
                    "ExpressionAttributeValues": {":now": to_rfc3339(now)},
                }
            },
            audit.entry(
                project_id, actor=by, action="embed.session.revoked", target=session_id, now=now
            ),
        ]
    )


def key_of(project_id: str, session_id: str) -> dict[str, str]:
    """The key of a session's row."""
    return _key(project_id, _SESSION + session_id)


def table() -> Any:
    return dynamodb.table(config.embed_sessions_table)


def get(project_id: str, session_id: str) -> EmbedSession | None:
    key = key_of(project_id, session_id)
    item = table().get_item(Key=key, ConsistentRead=True).get("Item")
    return _session(project_id, item) if item else None


def page(
    project_id: str, limit: int, after: dict[str, Any] | None
) -> tuple[list[EmbedSession], dict[str, Any] | None]:
    """Sessions of a project, newest first, and the start key of the next page."""
    start = {"ExclusiveStartKey": after} if after else {}
    answer = table().query(
        KeyConditionExpression=KeyCondition("pk").eq(_pk(project_id))
        & KeyCondition("sk").begins_with(_SESSION),
        ScanIndexForward=False,
        Limit=limit,
        **start,
    )
    sessions = [_session(project_id, item) for item in answer["Items"]]
    return sessions, answer.get("LastEvaluatedKey")


def rows(project_id: str) -> Rows[EmbedSession]:
    """The sessions of a project."""
    return Rows(
        table(),
        KeyCondition("pk").eq(_pk(project_id)),
        "sk",
        partial(_session, project_id),
        prefix=_SESSION,
    )


def keep_tenant_and_actor(project_id: str, tenant: Tenant, actor: Actor, now: datetime) -> None:
    """Store the latest description of the tenant and the actor, and when each was first seen."""
    tenant_hash = _digest(tenant.external_id)
    _keep_described(project_id, f"tenant#{tenant_hash}", tenant, now)
    _keep_described(project_id, f"actor#{tenant_hash}#{_digest(actor.external_id)}", actor, now)


def _put_new(item: Item) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": config.embed_sessions_table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def _once_item(used_token: UsedToken) -> Item:
    return {
        "pk": f"once#{used_token.publishable_key}",
        "sk": _digest(used_token.jti),
        "expires_at": used_token.expires_at + int(_REPLAY_MARGIN.total_seconds()),
    }


def _item_of(session: EmbedSession) -> Item:
    request = zlib.compress(session.request.model_dump_json(exclude_defaults=True).encode())
    if len(request) > REQUEST_LIMIT_BYTES:
        message = f"The session's request is larger than {REQUEST_LIMIT_BYTES // 1024} KiB."
        raise InvalidRequestError(message, issues=Issues(form_errors=[message]))
    item: Item = {
        **key_of(session.project_id, session.id),
        "request": request,
        "permissions": list(session.permissions),
        "key_id": session.key_id,
        "key_mode": session.key_mode,
        "token_expires_at": to_rfc3339(session.expires_at),
        "expires_at": to_epoch_seconds(session.renewable_until + _KEPT_AFTERWARDS),
    }
    item |= {name: to_rfc3339(getattr(session, name)) for name in _TIMES}
    optional = ("template_slug", "version_number", "publishable_key")
    return item | {
        name: value for name in optional if (value := getattr(session, name)) is not None
    }


def _session(project_id: str, item: Item) -> EmbedSession:
    revoked_at = item.get("revoked_at")
    return EmbedSession(
        project_id=project_id,
        id=item["sk"].removeprefix(_SESSION),
        request=from_stored_json(SessionRequest, zlib.decompress(bytes(item["request"]))),
        permissions=item["permissions"],
        template_slug=item.get("template_slug"),
        has_created=bool(item.get("has_created", False)),
        version_number=item.get("version_number"),
        key_id=item["key_id"],
        key_mode=item["key_mode"],
        publishable_key=item.get("publishable_key"),
        created_at=from_rfc3339(item["created_at"]),
        expires_at=from_rfc3339(item["token_expires_at"]),
        renewable_until=from_rfc3339(item["renewable_until"]),
        revoked_at=from_rfc3339(revoked_at) if revoked_at else None,
        submissions=int(item.get("submissions", 0)),
        render_ids=frozenset(item.get("render_ids", ())),
    )


def delete_all(project_id: str) -> int:
    """Delete every session, tenant and actor of a project. Returns the number of sessions."""
    found = dynamodb.query(
        config.embed_sessions_table,
        KeyConditionExpression=KeyCondition("pk").eq(_pk(project_id)),
        ProjectionExpression="pk, sk",
        ConsistentRead=True,
    )
    deleted = 0
    for item in found:
        table().delete_item(Key=item)
        deleted += str(item["sk"]).startswith(_SESSION)
    return deleted


def _keep_described(project_id: str, sk: str, described: Tenant | Actor, now: datetime) -> None:
    table().update_item(
        Key=_key(project_id, sk),
        UpdateExpression="SET described = :described, seen_at = :now, "
        "first_seen_at = if_not_exists(first_seen_at, :now)",
        ExpressionAttributeValues={
            ":described": described.model_dump(mode="json", exclude_none=True),
            ":now": to_rfc3339(now),
        },
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _pk(project_id: str) -> str:
    return f"project#{project_id}"


def _key(project_id: str, sk: str) -> dict[str, str]:
    return {"pk": _pk(project_id), "sk": sk}
