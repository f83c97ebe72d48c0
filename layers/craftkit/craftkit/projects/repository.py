"""Projects in the projects table, each with a claim on its slug."""

from datetime import datetime

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_rfc3339
from craftkit.project_items import PARTNER, PROJECT, SLUG, THERE
from craftkit.projects import member_items
from craftkit.projects.models import (
    AnomalyPolicy,
    EmbedStatus,
    ExposurePolicy,
    KeyPolicy,
    Member,
    Project,
)
from craftkit.schema import from_stored


def create(project: Project, owner: Member | None) -> None:
    """Write a new project, with its first owner where there is one.

    Raises:
        ConditionFailedError: the slug is taken.
    """
    slug_claim = {**SLUG.key(project.slug), "project_id": project.id}
    item = {
        **PROJECT.key(project.id),
        **project.model_dump(exclude={"created_at", "key_policy", "key_policy_set_at"}),
        "created_at": to_rfc3339(project.created_at),
        "owners": 1 if owner else 0,
    }
    dynamodb.transact(
        [
            SLUG.put(slug_claim),
            PROJECT.put(item),
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
    update = PROJECT.update(
        PROJECT.key(project_id), "SET #name = :name", THERE, {":name": name}, {"#name": "name"}
    )
    entry = audit.entry(
        project_id, actor=by, action="project.renamed", target=project_id, now=now, name=name
    )
    dynamodb.transact([update, entry])


def set_exposure_policy(project_id: str, policy: ExposurePolicy, *, by: str, now: datetime) -> None:
    """Raises:
    ConditionFailedError: there is no such project.
    """
    update = PROJECT.update(
        PROJECT.key(project_id), "SET exposure_policy = :policy", THERE, {":policy": policy}
    )
    entry = audit.entry(
        project_id,
        actor=by,
        action="project.exposure_policy_set",
        target=project_id,
        now=now,
        policy=policy,
    )
    dynamodb.transact([update, entry])


def set_anomaly_policy(project_id: str, policy: AnomalyPolicy, *, by: str, now: datetime) -> None:
    """Raises:
    ConditionFailedError: there is no such project.
    """
    update = PROJECT.update(
        PROJECT.key(project_id), "SET anomaly_policy = :policy", THERE, {":policy": policy}
    )
    entry = audit.entry(
        project_id,
        actor=by,
        action="project.anomaly_policy_set",
        target=project_id,
        now=now,
        policy=policy,
    )
    dynamodb.transact([update, entry])


def set_key_policy(project_id: str, policy: KeyPolicy, *, by: str, now: datetime) -> None:
    """Raises:
    ConditionFailedError: there is no such project.
    """
    update = PROJECT.update(
        PROJECT.key(project_id),
        "SET key_policy = :policy, key_policy_set_at = :now",
        THERE,
        {":policy": policy.model_dump(exclude_none=True), ":now": to_rfc3339(now)},
    )
    entry = audit.entry(
        project_id,
        actor=by,
        action="project.key_policy_set",
        target=project_id,
        now=now,
        **{name: str(value or "none") for name, value in policy},
    )
    dynamodb.transact([update, entry])


def begin_deletion(project_id: str, now: datetime) -> datetime:
    """From now on nothing is added to the project that gives access to it.

    Returns:
        When the deletion began: now, or at an earlier call.

    Raises:
        ConditionFailedError: there is no such project.
    """
    update = PROJECT.update(
        PROJECT.key(project_id),
        "SET deleting_at = if_not_exists(deleting_at, :now)",
        THERE,
        {":now": to_rfc3339(now)},
    )
    dynamodb.transact([update])
    item = PROJECT.get(project_id)
    return from_rfc3339(str(item["deleting_at"])) if item else now


def delete(project: Project, members: list[Member], *, by: str, now: datetime, report: str) -> None:
    """Remove the members, then the project and its slug. The user `by` is removed last.

    Raises:
        ConditionFailedError: the project was deleted already.
    """
    for member in sorted(members, key=lambda member: member.sub == by):
        dynamodb.transact(member_items.deletes(member))
    entry = audit.entry(
        project.id, actor=by, action="project.deleted", target=project.id, now=now, report=report
    )
    dynamodb.transact(
        [
            PROJECT.delete(PROJECT.key(project.id), THERE),
            SLUG.delete(SLUG.key(project.slug)),
            entry,
        ]
    )


def get(project_id: str) -> Project | None:
    item = PROJECT.get(project_id)
    return from_stored(Project, item) if item else None


def get_many(project_ids: list[str]) -> dict[str, Project]:
    """The projects by id; those that do not exist are left out."""
    items = dynamodb.get_many(PROJECT.physical_table, map(PROJECT.key, project_ids))
    return {item["id"]: from_stored(Project, item) for item in items}


def embed_status(project_id: str) -> EmbedStatus:
    partner = PARTNER.get(project_id)
    if partner is None or partner.get("status") == "off":
        return "off"
    return "suspended" if partner["status"] == "suspended" else "enabled"
