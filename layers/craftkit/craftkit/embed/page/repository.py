"""The writes of the embedded page to its session's row: created template, submitted forms."""

from datetime import datetime
from typing import Any

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.config import config
from craftkit.embed.sessions.models import EmbedSession
from craftkit.embed.sessions.repository import key_of, table

SUBMISSIONS_LIMIT = 2_000
"""Maximum of any session. The row has the id of each document, and a write costs its whole size."""


def bind_template(session: EmbedSession, slug: str) -> None:
    """Bind a session of mode `create` to the template that it has created.

    Raises:
        ConditionFailedError: the session is bound to another template.
    """
    with dynamodb.conditions():
        table().update_item(
            Key=key_of(session.project_id, session.id),
            UpdateExpression="SET template_slug = :slug, has_created = :yes",
            ConditionExpression="attribute_exists(pk) AND "
            "(attribute_not_exists(has_created) OR template_slug = :slug)",
            ExpressionAttributeValues={":slug": slug, ":yes": True},
        )


def submission(session: EmbedSession, render_id: str, now: datetime) -> list[dict[str, Any]]:
    """The writes that a submission adds to the transaction of its render.

    Their condition fails if the session was revoked or has reached its limit of submissions.
    """
    condition = (
        "attribute_exists(pk) AND attribute_not_exists(revoked_at) "
        "AND (attribute_not_exists(submissions) OR submissions < :limit)"
    )
    limit = min(session.request.limits.submissions or SUBMISSIONS_LIMIT, SUBMISSIONS_LIMIT)
    values = {":one": 1, ":render": {render_id}, ":limit": limit}
    return [
        {
            "Update": {
                "TableName": config.embed_sessions_table,
                "Key": key_of(session.project_id, session.id),
                "UpdateExpression": "ADD submissions :one, render_ids :render",
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
        audit.entry(
            session.project_id,
            actor=session.by,
            action="form.submitted",
            target=render_id,
            now=now,
            session=session.id,
            template=session.template_slug or "",
            tenant=session.request.tenant.external_id,
            actorId=session.request.actor.external_id,
        ),
    ]
