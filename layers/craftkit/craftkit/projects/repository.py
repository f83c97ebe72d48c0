"""Projects in the projects table: `project#<id>`/`project`, and a claim on each slug."""

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import to_rfc3339
from craftkit.config import config
from craftkit.projects.models import EmbedStatus, Project


def create(project: Project) -> None:
    """Write a new project.

    Raises:
        ConditionFailedError: the slug is taken.
    """
    unseen = "attribute_not_exists(pk)"
    table = config.projects_table
    slug_claim = {"pk": f"slug#{project.slug}", "sk": "project", "project_id": project.id}
    item = {
        "pk": f"project#{project.id}",
        "sk": "project",
        **project.model_dump(exclude={"created_at"}),
        "created_at": to_rfc3339(project.created_at),
    }
    dynamodb.transact(
        [
            {"Put": {"TableName": table, "Item": slug_claim, "ConditionExpression": unseen}},
            {"Put": {"TableName": table, "Item": item, "ConditionExpression": unseen}},
            audit.entry(
                project.id,
                actor=project.created_by,
                action="project.created",
                target=project.id,
                now=project.created_at,
            ),
        ]
    )


def get(project_id: str) -> Project | None:
    item = _get(project_id, "project")
    return Project.model_validate(item) if item else None


def embed_status(project_id: str) -> EmbedStatus:
    partner = _get(project_id, "partner")
    if partner is None or partner.get("status") == "off":
        return "off"
    return "suspended" if partner["status"] == "suspended" else "enabled"


def _get(project_id: str, sk: str) -> dynamodb.Item | None:
    key = {"pk": f"project#{project_id}", "sk": sk}
    return dynamodb.table(config.projects_table).get_item(Key=key, ConsistentRead=True).get("Item")
