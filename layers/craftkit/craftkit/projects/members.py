"""Who is in a project and what they may do there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from craftkit.clock import Clock, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import ConflictError, NotFoundError
from craftkit.projects import member_items, repository
from craftkit.projects.models import Member, Person, Project, Role


class SessionEndedError(Exception):
    """The person signed out everywhere after this session began."""


@dataclass(frozen=True)
class Access:
    """A project as one of its members has it before them."""

    project: Project
    member: Member


@dataclass(frozen=True)
class Places:
    """Where a person is a member, and where they are invited; each by the project's name."""

    joined: list[Access]
    invited: list[Access]


def open_project(person: Person, project_id: str, *, signed_in_at: datetime) -> Access:
    """The project for a person who is a member of it. One read.

    Raises:
        NotFoundError: they are none, or there is no such project: nobody can tell which.
        SessionEndedError: they signed out since.
    """
    project, member, since = member_items.access(person.sub, project_id)
    _require_current(signed_in_at, since)
    if project is None or member is None or member.joined_at is None:
        raise NotFoundError("There is no project of this id.")
    return Access(project, member)


def require_session(person: Person, *, signed_in_at: datetime) -> None:
    """Raises:
    SessionEndedError: the person signed out since.
    """
    _require_current(signed_in_at, member_items.sessions_count_since(person.sub))


def list_places(person: Person) -> Places:
    """Every project that the person is in or invited to."""
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
    return Places(
        joined=[place for place in places if place.member.joined_at],
        invited=[place for place in places if not place.member.joined_at],
    )


def list_members(project_id: str) -> list[Member]:
    """Members and those invited, by address."""
    return sorted(member_items.of_project(project_id), key=lambda member: member.email)


def add_member(
    project_id: str, person: Person, role: Role, *, by: str, clock: Clock = utc_now
) -> Member:
    """Make somebody a member at once, as an operator does.

    Raises:
        ConflictError: they are one already, or there is no such project.
    """
    return _add(project_id, person, role, by, clock(), joins=True)


def invite(
    project_id: str, person: Person, role: Role, *, by: str, clock: Clock = utc_now
) -> Member:
    """Offer somebody a place; it opens nothing until they accept. Raises as `add_member`."""
    return _add(project_id, person, role, by, clock(), joins=False)


def accept(person: Person, project_id: str, *, clock: Clock = utc_now) -> Member:
    """Take an invitation. Doing it twice changes nothing.

    Raises:
        NotFoundError: there is none.
    """
    member = get_member(project_id, person.sub)
    if member.joined_at is None:
        try:
            member_items.join(member, clock())
        except ConditionFailedError as error:
            raise ConflictError("The invitation changed meanwhile. Look again.") from error
    return get_member(project_id, person.sub)


def get_member(project_id: str, sub: str) -> Member:
    """Raises:
    NotFoundError: nobody of this id is a member or invited.
    """
    member = member_items.get(project_id, sub)
    if member is None:
        raise NotFoundError("There is no such member.")
    return member


def change_role(
    project_id: str, sub: str, role: Role, *, by: str, clock: Clock = utc_now
) -> Member:
    """Raises:
    NotFoundError: nobody of this id is a member or invited.
    ConflictError: they are the last owner.
    """
    member = get_member(project_id, sub)
    if member.role != role:
        with _an_owner_is_left():
            member_items.change_role(member, role, by=by, now=clock())
    return get_member(project_id, sub)


def remove(project_id: str, sub: str, *, by: str, clock: Clock = utc_now) -> None:
    """Take a place or an invitation away; a person may take their own.

    Raises:
        NotFoundError: nobody of this id is a member or invited.
        ConflictError: they are the last owner.
    """
    member = get_member(project_id, sub)
    with _an_owner_is_left():
        member_items.remove(member, by=by, now=clock())


def end_sessions(person: Person, *, clock: Clock = utc_now) -> None:
    """Sign a person out wherever they are signed in."""
    member_items.end_sessions(person.sub, clock())


@contextmanager
def _an_owner_is_left() -> Iterator[None]:
    try:
        yield
    except ConditionFailedError as error:
        message = "A project keeps at least one owner. Make somebody else an owner first."
        raise ConflictError(message) from error


def _add(
    project_id: str, person: Person, role: Role, by: str, now: datetime, *, joins: bool
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
        raise ConflictError("This person is a member, or invited, already.") from error
    return member


def _require_current(signed_in_at: datetime, since: datetime | None) -> None:
    if since is not None and signed_in_at <= since:
        raise SessionEndedError
