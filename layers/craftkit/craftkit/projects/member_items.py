"""Members in the projects table, each as two items that are written together.

`MEMBER` lists who is in a project, `MEMBERSHIP` which projects a user is in. `USER` says since
when the user's sessions count.
"""

from datetime import datetime
from typing import Any

from craftkit import dynamodb
from craftkit.audit import repository as audit
from craftkit.clock import from_rfc3339, to_rfc3339
from craftkit.project_items import (
    MEMBER,
    MEMBERSHIP,
    PROJECT,
    THERE,
    USER,
    Write,
)
from craftkit.projects.models import Member, Project, Role
from craftkit.schema import from_stored

_NAMES = {"#role": "role"}


def puts(member: Member) -> list[Write]:
    """The writes that add a member who is not there yet."""
    item = member.model_dump(exclude={"invited_at", "joined_at"})
    item["invited_at"] = to_rfc3339(member.invited_at)
    if member.joined_at:
        item["joined_at"] = to_rfc3339(member.joined_at)
    keys = _keys(member.project_id, member.sub)
    return [MEMBER.put({**each, **item}) for each in keys]


def deletes(member: Member) -> list[Write]:
    """The writes that remove a member whose project is deleted, the last owner too."""
    return [MEMBER.delete(each) for each in _keys(member.project_id, member.sub)]


def add(member: Member, *, by: str, action: str) -> None:
    """Add a member or an invitation.

    Raises:
        ConditionFailedError: the user is a member, or invited, already.
    """
    counts = member.role == "owner" and member.joined_at is not None
    writes = puts(member) + ([_count_owners(member.project_id, 1)] if counts else [])
    _transact(writes, member, by, action, member.joined_at or member.invited_at)


def join(member: Member, now: datetime) -> None:
    """Mark an invitation as accepted.

    Raises:
        ConditionFailedError: the invitation was withdrawn or changed since it was read.
    """
    values = {":now": to_rfc3339(now), ":role": member.role}
    condition = "#role = :role AND attribute_not_exists(joined_at)"
    writes = _updates(member, "SET joined_at = :now", condition, values)
    if member.role == "owner":
        writes.append(_count_owners(member.project_id, 1))
    _transact(writes, member, member.sub, "member.joined", now)


def change_role(member: Member, role: Role, *, by: str, now: datetime) -> None:
    """Change a member's role.

    Raises:
        ConditionFailedError: the member changed since they were read, or is the last owner.
    """
    values = {":role": member.role, ":new": role}
    writes = _updates(member, "SET #role = :new", _unchanged(member), values)
    step = (role == "owner") - (member.role == "owner")
    if step and member.joined_at:
        writes.append(_count_owners(member.project_id, step))
    _transact(writes, member, by, "member.role_changed", now, role=role)


def remove(member: Member, *, by: str, now: datetime) -> None:
    """Remove a member.

    Raises:
        ConditionFailedError: the member changed since they were read, or is the last owner.
    """
    writes = [
        MEMBER.delete(each, _unchanged(member), {":role": member.role}, _NAMES)
        for each in _keys(member.project_id, member.sub)
    ]
    if member.role == "owner" and member.joined_at:
        writes.append(_count_owners(member.project_id, -1))
    _transact(writes, member, by, "member.removed", now)


def access(sub: str, project_id: str) -> tuple[Project | None, Member | None, datetime | None]:
    """What authorizes a user's request to a project, in one read: the project, the user's
    membership, and the time from which their sessions are valid."""
    keys = [PROJECT.key(project_id), MEMBER.key(project_id, sub), USER.key(sub)]
    items = {item["sk"]: item for item in dynamodb.get_many(PROJECT.physical_table, keys)}
    project, member, user = (items.get(key["sk"]) for key in keys)
    return (
        from_stored(Project, project) if project else None,
        from_stored(Member, member) if member else None,
        _since(user),
    )


def sessions_count_since(sub: str) -> datetime | None:
    return _since(USER.get(sub))


def end_sessions(sub: str, now: datetime) -> None:
    """End all of a user's sessions: only sessions that start later are valid."""
    item = {**USER.key(sub), "sessions_since": to_rfc3339(now)}
    USER.table().put_item(Item=item)


def of_project(project_id: str) -> list[Member]:
    return [from_stored(Member, each) for each in MEMBER.list(project_id)]


def of_person(sub: str) -> list[Member]:
    return [from_stored(Member, each) for each in MEMBERSHIP.list(sub)]


def get(project_id: str, sub: str) -> Member | None:
    item = MEMBER.get(project_id, sub)
    return from_stored(Member, item) if item else None


def _updates(
    member: Member, expression: str, condition: str, values: dict[str, Any]
) -> list[Write]:
    return [
        MEMBER.update(each, expression, condition, values, _NAMES)
        for each in _keys(member.project_id, member.sub)
    ]


def _unchanged(member: Member) -> str:
    """The condition that the member has not changed since it was read: role and status.

    The owners' count follows from both; a change that looked at one alone could miscount.
    """
    joined = "attribute_exists" if member.joined_at else "attribute_not_exists"
    return f"#role = :role AND {joined}(joined_at)"


def _count_owners(project_id: str, step: int) -> Write:
    """Change the project's number of owners. A condition keeps at least one owner."""
    condition, values = THERE, {":step": step, ":zero": 0}
    if step < 0:
        condition, values[":one"] = "owners > :one", 1
    expression = "SET owners = if_not_exists(owners, :zero) + :step"
    return PROJECT.update(PROJECT.key(project_id), expression, condition, values)


def _transact(
    writes: list[Write], member: Member, by: str, action: str, now: datetime, **details: str
) -> None:
    entry = audit.entry(
        member.project_id, actor=by, action=action, target=member.sub, now=now, **details
    )
    dynamodb.transact([*writes, entry])


def _keys(project_id: str, sub: str) -> tuple[dict[str, str], dict[str, str]]:
    return MEMBER.key(project_id, sub), MEMBERSHIP.key(sub, project_id)


def _since(item: dynamodb.Item | None) -> datetime | None:
    return from_rfc3339(item["sessions_since"]) if item else None
