"""Projects in the projects table: `project#<id>`/`project`, and a claim on each slug."""

from datetime import datetime
from typing import Any

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.projects import member_items
from craftkit.projects.models import EmbedStatus, ExposurePolicy, Member, Project

_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}


def create(project: Project, owner: Member | None) -> None:
    """Write a new project, with its first owner where there is one.

    Raises:
        ConditionFailedError: the slug is taken.
    """
    slug_claim = {"pk": f"slug#{project.slug}", "sk": "project", "project_id": project.id}
    item = {
        **_key(project.id),
        **project.model_dump(exclude={"created_at"}),
        "created_at": to_rfc3339(project.created_at),
        "owners": 1 if owner else 0,
    }
    dynamodb.transact(
        [
            {"Put": {"TableName": config.projects_table, "Item": slug_claim, **_NEW}},
            {"Put": {"TableName": config.projects_table, "Item": item, **_NEW}},
            *(member_items.puts(owner) if owner else ()),
            audit.entry(
                project.id,
                actor=project.created_by,
                action="project.created",
                target=project.id,
                now=project.created_at,
            ),
        ]
    )


def rename(project_id: str, name: str, *, by: str, now: datetime) -> None:
    """Raises:
    ConditionFailedError: there is no such project.
    """
    update = {
        "TableName": config.projects_table,
        "Key": _key(project_id),
        "UpdateExpression": "SET #name = :name",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#name": "name"},
        "ExpressionAttributeValues": {":name": name},
    }
    entry = audit.entry(
        project_id, actor=by, action="project.renamed", target=project_id, now=now, name=name
    )
    dynamodb.transact([{"Update": update}, entry])


def set_exposure_policy(project_id: str, policy: ExposurePolicy, *, by: str, now: datetime) -> None:
    """Raises:
    ConditionFailedError: there is no such project.
    """
    update = {
        "TableName": config.projects_table,
        "Key": _key(project_id),
        "UpdateExpression": "SET exposure_policy = :policy",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":policy": policy},
    }
    entry = audit.entry(
        project_id,
        actor=by,
        action="project.exposure_policy_set",
        target=project_id,
        now=now,
        policy=policy,
    )
    dynamodb.transact([{"Update": update}, entry])


def get(project_id: str) -> Project | None:
    item = _get(project_id, "project")
    return Project.model_validate(item) if item else None


def get_many(project_ids: list[str]) -> dict[str, Project]:
    """The projects by id; those that do not exist are left out."""
    items = dynamodb.get_many(config.projects_table, [_key(each) for each in project_ids])
    return {item["id"]: Project.model_validate(item) for item in items}


def embed_status(project_id: str) -> EmbedStatus:
    partner = _get(project_id, "partner")
    if partner is None or partner.get("status") == "off":
        return "off"
    return "suspended" if partner["status"] == "suspended" else "enabled"


def _key(project_id: str, sk: str = "project") -> dict[str, Any]:
    return {"pk": f"project#{project_id}", "sk": sk}


def _get(project_id: str, sk: str) -> dynamodb.Item | None:
    table = dynamodb.table(config.projects_table)
    return table.get_item(Key=_key(project_id, sk), ConsistentRead=True).get("Item")
