"""The members of a project: invitations, roles and access."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import ConflictError, ForbiddenError, NotFoundError
from craftkit.project_items import INVITATIONS_SENT
from craftkit.projects import daily, member_items, repository, users
from craftkit.projects.models import Member, Project, Role, User

OPEN_INVITATIONS_LIMIT = 50
"""Maximum open invitations of one project."""

INVITATIONS_PER_DAY = 20
"""Invitations that one user may send on one day (UTC), to any projects."""

_ATTEMPTS = 4


class SessionEndedError(Exception):
    """The person signed out everywhere after this session began."""


@dataclass(frozen=True)
class Access:
    """A project and the membership of the user who opened it."""

    project: Project
    member: Member


@dataclass(frozen=True)
class Memberships:
    """The projects that a user is a member of, and those they are invited to, sorted by name."""

    joined: list[Access]
    invited: list[Access]


def open_project(person: User, project_id: str, *, signed_in_at: datetime) -> Access:
    """The project, for a user who is a member of it. One read.

    Raises:
        NotFoundError: the user is not a member, or there is no such project; both look the same.
        SessionEndedError: the user signed out everywhere since.
    """
    project, member, since = member_items.access(person.sub, project_id)
    _require_current(signed_in_at, since)
    if project is None or member is None or member.joined_at is None:
        raise NotFoundError("There is no project of this id.")
    return Access(project, member)


def require_session(person: User, *, signed_in_at: datetime) -> None:
    """Raises:
    SessionEndedError: the person signed out since.
    """
    _require_current(signed_in_at, member_items.sessions_count_since(person.sub))


def list_memberships(person: User) -> Memberships:
    """Every project that the user is a member of or invited to."""
    members = member_items.of_person(person.sub)
    projects = repository.get_many([member.project_id for member in members])
    places = sorted(
        (
            Access(projects[member.project_id], member)
            for member in members
            if member.project_id in projects
        ),
        key=lambda access: access.project.name.casefold(),
    )
    return Memberships(
        joined=[place for place in places if place.member.joined_at],
        invited=[place for place in places if not place.member.joined_at],
    )


def list_members(project_id: str) -> list[Member]:
    """Members and those invited, by address."""
    return sorted(member_items.of_project(project_id), key=lambda member: member.email)


def add_member(project_id: str, person: User, role: Role, *, by: str) -> Member:
    """Add a member without an invitation, as an operator.

    Raises:
        ConflictError: the user is a member already, or there is no such project.
    """
    return _add(project_id, person, role, by, utc_now(), joins=True)


def invite(
    project_id: str,
    email: str,
    role: Role,
    *,
    by: str,
    find: Callable[[str], User] = users.find_or_invite,
) -> Member:
    """Invite the user with this address. The invitation gives no access until it is accepted.

    A new user is sent a first password by mail. The number of invitations is limited, so that
    users cannot make the stage send unlimited mail.

    Raises:
        InvalidRequestError: this is not an email address.
        ConflictError: they are a member or invited already, or too many invitations are open.
        RateLimitedError: the inviting user has sent too many today.
    """
    now = utc_now()
    waiting = [each for each in member_items.of_project(project_id) if each.joined_at is None]
    if len(waiting) >= OPEN_INVITATIONS_LIMIT:
        raise ConflictError(
            f"{OPEN_INVITATIONS_LIMIT} invitations to this project are open. "
            "Withdraw one, or wait until one is accepted."
        )
    refusal = f"You have sent {INVITATIONS_PER_DAY} invitations today. Send more tomorrow (UTC)."
    daily.charge(INVITATIONS_SENT, by, INVITATIONS_PER_DAY, refusal=refusal)
    return _add(project_id, find(email), role, by, now, joins=False)


def accept(person: User, project_id: str) -> Member:
    """Accept an invitation. Accepting it twice changes nothing.

    Args:
        person: as the sign-in verified them, with an address that the user pool vouches for.

    Raises:
        NotFoundError: there is no invitation for them.
        ForbiddenError: the invitation was sent to another address than the one they have now.
    """
    member = get_member(project_id, person.sub)
    if member.joined_at is None:
        if member.email.lower() != person.email.lower():
            raise ForbiddenError(
                f"This invitation was sent to {member.email}, and you are signed in as "
                f"{person.email}. Ask an owner to invite {person.email}."
            )
        try:
            member_items.join(member, utc_now())
        except ConditionFailedError as error:
            raise ConflictError("The invitation has changed. Reload the page.") from error
    return get_member(project_id, person.sub)


def get_member(project_id: str, sub: str) -> Member:
    """Raises:
    NotFoundError: the project has no member or invitation of this id.
    """
    member = member_items.get(project_id, sub)
    if member is None:
        raise NotFoundError("There is no such member.")
    return member


def change_role(project_id: str, sub: str, role: Role, *, by: str) -> Member:
    """Raises:
    NotFoundError: the project has no member or invitation of this id.
    ConflictError: they are the last owner.
    """

    def change(member: Member) -> None:
        if member.role != role:
            member_items.change_role(member, role, by=by, now=utc_now())

    _on_current_member(project_id, sub, change)
    return get_member(project_id, sub)


def remove(project_id: str, sub: str, *, by: str) -> None:
    """Remove a member or withdraw an invitation. Users may remove themselves.

    Raises:
        NotFoundError: the project has no member or invitation of this id.
        ConflictError: they are the last owner.
    """
    _on_current_member(
        project_id, sub, lambda member: member_items.remove(member, by=by, now=utc_now())
    )


def transfer(project_id: str, sub: str, *, by: str) -> Member:
    """Make a member the owner, and the user who transfers the project an admin.

    Raises:
        NotFoundError: there is no such member.
        ConflictError: the member has not accepted the invitation, or is the user who transfers.
    """
    member = get_member(project_id, sub)
    if sub == by:
        raise ConflictError("Choose another member. You own this project already.")
    if member.joined_at is None:
        raise ConflictError(f"{member.email} has not accepted the invitation yet.")
    owner = change_role(project_id, sub, "owner", by=by)
    change_role(project_id, by, "admin", by=by)
    return owner


def end_sessions(person: User) -> None:
    """End all sessions of a user."""
    member_items.end_sessions(person.sub, utc_now())


def _on_current_member(project_id: str, sub: str, change: Callable[[Member], None]) -> None:
    """Change a member, and repeat the change if the member changed since they were read.

    A write that fails although the member is unchanged would leave the project without an owner.

    Raises:
        NotFoundError: the project has no member or invitation of this id.
        ConflictError: they are the last owner, or others keep changing them.
    """
    for _ in range(_ATTEMPTS):
        member = get_member(project_id, sub)
        try:
            return change(member)
        except ConditionFailedError as error:
            if member_items.get(project_id, sub) == member:
                message = "A project needs an owner. Make another member an owner first."
                raise ConflictError(message) from error
    raise ConflictError


def _add(
    project_id: str, person: User, role: Role, by: str, now: datetime, *, joins: bool
) -> Member:
    member = Member(
        project_id=project_id,
        sub=person.sub,
        email=person.email,
        role=role,
        invited_by=by,
        invited_at=now,
        joined_at=now if joins else None,
    )
    try:
        member_items.add(member, by=by, action="member.joined" if joins else "member.invited")
    except ConditionFailedError as error:
        raise ConflictError("This user is already a member or invited.") from error
    return member


def _require_current(signed_in_at: datetime, since: datetime | None) -> None:
    if since is not None and signed_in_at <= since:
        raise SessionEndedError
