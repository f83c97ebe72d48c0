"""Members in the projects table, each as two rows that are written together.

`project#<id>`/`member#<sub>` lists who is in a project; `member#<sub>`/`project#<id>` lists where
a person is. Beside the latter, `member#<sub>`/`person` says since when sessions count.
"""

from datetime import datetime
from typing import Any

from craftkit import dynamodb, project_items
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_rfc3339
from craftkit.config import config
from craftkit.project_items import THERE, Write, key
from craftkit.projects.models import Member, Project, Role

_PERSON = "person"
_NAMES = {"#role": "role"}


def puts(member: Member) -> list[Write]:
    """The writes that add a member who is not there yet."""
    item = member.model_dump(exclude={"invited_at", "joined_at"})
    item["invited_at"] = to_rfc3339(member.invited_at)
    if member.joined_at:
        item["joined_at"] = to_rfc3339(member.joined_at)
    keys = _keys(member.project_id, member.sub)
    return [project_items.put({**each, **item}) for each in keys]


def add(member: Member, *, by: str, action: str) -> None:
    """Raises:
    ConditionFailedError: they are a member, or invited, already.
    """
    counts = member.role == "owner" and member.joined_at is not None
    writes = puts(member) + ([_count_owners(member.project_id, 1)] if counts else [])
    _transact(writes, member, by, action, member.joined_at or member.invited_at)


def join(member: Member, now: datetime) -> None:
    """Raises:
    ConditionFailedError: the invitation was withdrawn or changed meanwhile.
    """
    values = {":now": to_rfc3339(now), ":role": member.role}
    condition = "#role = :role AND attribute_not_exists(joined_at)"
    writes = _updates(member, "SET joined_at = :now", condition, values)
    if member.role == "owner":
        writes.append(_count_owners(member.project_id, 1))
    _transact(writes, member, member.sub, "member.joined", now)


def change_role(member: Member, role: Role, *, by: str, now: datetime) -> None:
    """Raises:
    ConditionFailedError: they changed meanwhile, or are the last owner.
    """
    values = {":role": member.role, ":new": role}
    writes = _updates(member, "SET #role = :new", "#role = :role", values)
    step = (role == "owner") - (member.role == "owner")
    if step and member.joined_at:
        writes.append(_count_owners(member.project_id, step))
    _transact(writes, member, by, "member.role_changed", now, role=role)


def remove(member: Member, *, by: str, now: datetime) -> None:
    """Raises:
    ConditionFailedError: they changed meanwhile, or are the last owner.
    """
    writes = [
        project_items.delete(each, "#role = :role", {":role": member.role}, _NAMES)
        for each in _keys(member.project_id, member.sub)
    ]
    if member.role == "owner" and member.joined_at:
        writes.append(_count_owners(member.project_id, -1))
    _transact(writes, member, by, "member.removed", now)


def access(sub: str, project_id: str) -> tuple[Project | None, Member | None, datetime | None]:
    """What decides a request to a project, in one read: the project, the person's place in it,
    and since when their sessions count."""
    keys = [key(project_id, "project"), _keys(project_id, sub)[0], _person_key(sub)]
    items = {item["sk"]: item for item in dynamodb.get_many(config.projects_table, keys)}
    project, member = items.get("project"), items.get(f"member#{sub}")
    return (
        Project.model_validate(project) if project else None,
        Member.model_validate(member) if member else None,
        _since(items.get(_PERSON)),
    )


def sessions_count_since(sub: str) -> datetime | None:
    return _since(project_items.get(_person_key(sub)))


def end_sessions(sub: str, now: datetime) -> None:
    """From now on, only sessions that begin later count."""
    item = {**_person_key(sub), "sessions_since": to_rfc3339(now)}
    project_items.table().put_item(Item=item)


def of_project(project_id: str) -> list[Member]:
    return [Member.model_validate(each) for each in project_items.of_project(project_id, "member#")]


def of_person(sub: str) -> list[Member]:
    return [
        Member.model_validate(each) for each in project_items.under(f"member#{sub}", "project#")
    ]


def get(project_id: str, sub: str) -> Member | None:
    item = project_items.get(_keys(project_id, sub)[0])
    return Member.model_validate(item) if item else None


def _updates(
    member: Member, expression: str, condition: str, values: dict[str, Any]
) -> list[Write]:
    return [
        project_items.update(each, expression, condition, values, _NAMES)
        for each in _keys(member.project_id, member.sub)
    ]


def _count_owners(project_id: str, step: int) -> Write:
    """Keep the number of owners beside the project, so that two cannot leave it at once."""
    condition, values = THERE, {":step": step, ":zero": 0}
    if step < 0:
        condition, values[":one"] = "owners > :one", 1
    expression = "SET owners = if_not_exists(owners, :zero) + :step"
    return project_items.update(key(project_id, "project"), expression, condition, values)


def _transact(
    writes: list[Write], member: Member, by: str, action: str, now: datetime, **details: str
) -> None:
    entry = audit.entry(
        member.project_id, actor=by, action=action, target=member.sub, now=now, **details
    )
    dynamodb.transact([*writes, entry])


def _keys(project_id: str, sub: str) -> tuple[dict[str, str], dict[str, str]]:
    return (
        key(project_id, f"member#{sub}"),
        {"pk": f"member#{sub}", "sk": f"project#{project_id}"},
    )


def _person_key(sub: str) -> dict[str, str]:
    return {"pk": f"member#{sub}", "sk": _PERSON}


def _since(item: dynamodb.Item | None) -> datetime | None:
    return from_rfc3339(item["sessions_since"]) if item else None
