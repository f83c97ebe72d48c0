"""Members of a project: adding, inviting, changing roles, leaving."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from craftkit.errors import ConflictError, ForbiddenError, NotFoundError, RateLimitedError
from craftkit.projects import member_items, members, service, users
from craftkit.projects.members import SessionEndedError
from craftkit.projects.models import Member, Project, Role, User
from testkit.clock import FrozenClock
from testkit.cloud import Cloud

ADA = User(sub="ada", email="ada@example.com")
BOB = User(sub="bob", email="bob@example.com")


@pytest.fixture
def project(cloud: Cloud) -> Project:
    return service.create_project("Demo", by=ADA.sub, owner=ADA)


def invite(project: Project, person: User, role: Role, **more: Any) -> Member:
    return members.invite(
        project.id, person.email, role, by=ADA.sub, find=lambda _email: person, **more
    )


def roles(project: Project) -> dict[str, str]:
    return {member.email: member.role for member in members.list_members(project.id)}


def test_the_creator_of_a_project_is_its_owner(project: Project, clock: FrozenClock) -> None:
    access = members.open_project(ADA, project.id, signed_in_at=clock())
    assert access.project.name == "Demo"
    assert access.member.role == "owner"


def test_a_non_member_and_a_missing_project_get_the_same_404(
    project: Project, clock: FrozenClock
) -> None:
    messages = []
    for project_id in (project.id, "019cec2a-0000-7000-8000-000000000009"):
        with pytest.raises(NotFoundError) as refusal:
            members.open_project(BOB, project_id, signed_in_at=clock())
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]


def test_an_invitation_gives_no_access_until_it_is_accepted(
    project: Project, clock: FrozenClock
) -> None:
    invite(project, BOB, "admin")
    with pytest.raises(NotFoundError):
        members.open_project(BOB, project.id, signed_in_at=clock())
    places = members.list_memberships(BOB)
    assert [place.project.id for place in places.invited] == [project.id]
    assert members.accept(BOB, project.id).role == "admin"
    assert members.accept(BOB, project.id).role == "admin"
    assert members.open_project(BOB, project.id, signed_in_at=clock()).member.may_change


def test_an_invitation_that_was_not_offered_cannot_be_accepted(project: Project) -> None:
    with pytest.raises(NotFoundError):
        members.accept(BOB, project.id)


def test_a_user_cannot_be_invited_twice(project: Project) -> None:
    invite(project, BOB, "viewer")
    with pytest.raises(ConflictError):
        invite(project, BOB, "owner")
    assert roles(project)[BOB.email] == "viewer"


def test_the_last_owner_cannot_leave(project: Project) -> None:
    invite(project, BOB, "owner")  # invited, and so no owner yet
    for leave in (
        lambda: members.remove(project.id, ADA.sub, by=ADA.sub),
        lambda: members.change_role(project.id, ADA.sub, "viewer", by=ADA.sub),
    ):
        with pytest.raises(ConflictError):
            leave()
    members.accept(BOB, project.id)
    members.remove(project.id, ADA.sub, by=ADA.sub)
    assert roles(project) == {BOB.email: "owner"}
    with pytest.raises(ConflictError):
        members.change_role(project.id, BOB.sub, "admin", by=BOB.sub)


def test_of_two_owners_who_leave_concurrently_one_is_refused(project: Project) -> None:
    members.add_member(project.id, BOB, "owner", by=ADA.sub)

    def leave(user: User) -> bool:
        try:
            members.remove(project.id, user.sub, by=user.sub)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, (ADA, BOB))) == [False, True]
    assert list(roles(project).values()) == ["owner"]


def test_a_removed_member_loses_access_at_once(project: Project, clock: FrozenClock) -> None:
    members.add_member(project.id, BOB, "viewer", by=ADA.sub)
    members.open_project(BOB, project.id, signed_in_at=clock())
    members.remove(project.id, BOB.sub, by=ADA.sub)
    with pytest.raises(NotFoundError):
        members.open_project(BOB, project.id, signed_in_at=clock())
    assert members.list_memberships(BOB).joined == []


def test_signing_out_ends_earlier_sessions_only(project: Project, clock: FrozenClock) -> None:
    before = clock()
    clock.advance(minutes=1)
    members.end_sessions(ADA)
    with pytest.raises(SessionEndedError):
        members.open_project(ADA, project.id, signed_in_at=before)
    with pytest.raises(SessionEndedError):
        members.require_session(ADA, signed_in_at=before)
    clock.advance(minutes=1)
    assert members.open_project(ADA, project.id, signed_in_at=clock())


def test_a_project_can_be_renamed(project: Project) -> None:
    service.rename_project(project.id, "  Ünïcode & Söhne  ", by=ADA.sub)
    renamed = service.get_project(project.id)
    assert (renamed.name, renamed.slug) == ("Ünïcode & Söhne", project.slug)


def test_a_hundred_and_one_projects_are_all_listed(cloud: Cloud) -> None:
    for number in range(101):
        service.create_project(f"Project {number:03}", by="operator", owner=ADA)
    places = members.list_memberships(ADA)
    assert [place.project.name for place in places.joined] == [
        f"Project {number:03}" for number in range(101)
    ]


def test_a_user_is_found_by_address_or_invited(cloud: Cloud) -> None:
    made = users.find_or_invite(" New@Example.com ")
    assert made.email == "new@example.com"
    assert users.find_or_invite("new@example.com") == made
    assert users.find("NEW@example.com") == made
    with pytest.raises(NotFoundError):
        users.find("nobody@example.com")


def test_an_invitation_is_accepted_only_with_the_address_that_it_was_sent_to(
    project: Project,
) -> None:
    invite(project, BOB, "owner")
    renamed = User(sub=BOB.sub, email="mallory@example.com")
    with pytest.raises(ForbiddenError, match="sent to bob@"):
        members.accept(renamed, project.id)
    assert members.accept(User(sub=BOB.sub, email="Bob@Example.com"), project.id).joined_at


def test_a_user_with_an_unverified_address_is_not_invited(project: Project, cloud: Cloud) -> None:
    """Cognito lets a user change their own address where a client may write it."""
    pool = cloud.names["UserPool"]
    users.find_or_invite("mallory@example.com")
    boto3.client("cognito-idp").admin_update_user_attributes(
        UserPoolId=pool,
        Username="mallory@example.com",
        UserAttributes=[
            {"Name": "email", "Value": "victim@example.com"},
            {"Name": "email_verified", "Value": "false"},
        ],
    )
    with pytest.raises(ConflictError, match="verified"):
        users.find("victim@example.com")


def test_a_user_can_create_twenty_projects_a_day(cloud: Cloud, clock: FrozenClock) -> None:
    """Each project has a share of the capacity: one user must not take many shares at once."""

    def create(number: int) -> bool:
        try:
            service.create_project(f"Share {number}", by=ADA.sub, owner=ADA)
        except RateLimitedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(create, range(service.PROJECTS_PER_DAY + 5)))
    assert made.count(True) == service.PROJECTS_PER_DAY
    assert len(members.list_memberships(ADA).joined) == service.PROJECTS_PER_DAY
    service.create_project("By an operator", by="operator", owner=ADA)
    clock.advance(hours=24)
    assert create(0)


def test_a_user_can_send_twenty_invitations_a_day(project: Project, clock: FrozenClock) -> None:
    for number in range(members.INVITATIONS_PER_DAY):
        person = User(sub=f"user-{number}", email=f"user-{number}@example.com")
        invite(project, person, "viewer")
    with pytest.raises(RateLimitedError):
        invite(project, BOB, "viewer")
    assert BOB.email not in roles(project)
    clock.advance(hours=24)
    assert invite(project, BOB, "viewer").email == BOB.email


def test_a_project_has_at_most_fifty_open_invitations(project: Project, clock: FrozenClock) -> None:
    for number in range(members.OPEN_INVITATIONS_LIMIT):
        person = User(sub=f"user-{number}", email=f"user-{number}@example.com")
        clock.advance(hours=2)
        invite(project, person, "viewer")
    clock.advance(hours=24)
    with pytest.raises(ConflictError, match="50 invitations"):
        invite(project, BOB, "viewer")


def test_accepting_during_a_role_change_is_counted_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob accepts as an owner between the read and the write that makes him a viewer."""
    invite(project, BOB, "owner")
    change_role = member_items.change_role

    def after_acceptance(member: Member, role: Role, **how: Any) -> None:
        monkeypatch.setattr(member_items, "change_role", change_role)
        members.accept(BOB, project.id)
        change_role(member, role, **how)

    monkeypatch.setattr(member_items, "change_role", after_acceptance)
    members.change_role(project.id, BOB.sub, "viewer", by=ADA.sub)
    assert roles(project) == {ADA.email: "owner", BOB.email: "viewer"}
    with pytest.raises(ConflictError):
        members.remove(project.id, ADA.sub, by=ADA.sub)
