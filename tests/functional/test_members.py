"""Who is in a project: every way in, up, down and out."""

import pytest

from craftkit.errors import ConflictError, NotFoundError
from craftkit.projects import members, people, service
from craftkit.projects.members import SessionEndedError
from craftkit.projects.models import Person, Project
from tests.support.clock import FrozenClock
from tests.support.cloud import Cloud

ADA = Person(sub="ada", email="ada@example.com")
BOB = Person(sub="bob", email="bob@example.com")


@pytest.fixture
def project(cloud: Cloud) -> Project:
    return service.create_project("Demo", by=ADA.sub, owner=ADA)


def roles(project: Project) -> dict[str, str]:
    return {member.email: member.role for member in members.list_members(project.id)}


def test_who_makes_a_project_is_its_owner(project: Project, clock: FrozenClock) -> None:
    access = members.open_project(ADA, project.id, signed_in_at=clock())
    assert access.project.name == "Demo"
    assert access.member.role == "owner"


def test_a_stranger_and_a_missing_project_are_told_the_same(
    project: Project, clock: FrozenClock
) -> None:
    told = []
    for project_id in (project.id, "019cec2a-0000-7000-8000-000000000009"):
        with pytest.raises(NotFoundError) as refusal:
            members.open_project(BOB, project_id, signed_in_at=clock())
        told.append(str(refusal.value))
    assert told[0] == told[1]


def test_an_invitation_opens_nothing_until_it_is_accepted(
    project: Project, clock: FrozenClock
) -> None:
    members.invite(project.id, BOB, "admin", by=ADA.sub)
    with pytest.raises(NotFoundError):
        members.open_project(BOB, project.id, signed_in_at=clock())
    places = members.list_places(BOB)
    assert [place.project.id for place in places.invited] == [project.id]
    assert members.accept(BOB, project.id).role == "admin"
    assert members.accept(BOB, project.id).role == "admin"
    assert members.open_project(BOB, project.id, signed_in_at=clock()).member.may_change


def test_nobody_accepts_what_was_not_offered(project: Project) -> None:
    with pytest.raises(NotFoundError):
        members.accept(BOB, project.id)


def test_nobody_is_invited_twice(project: Project) -> None:
    members.invite(project.id, BOB, "viewer", by=ADA.sub)
    with pytest.raises(ConflictError):
        members.invite(project.id, BOB, "owner", by=ADA.sub)
    assert roles(project)[BOB.email] == "viewer"


def test_the_last_owner_stays(project: Project) -> None:
    members.invite(project.id, BOB, "owner", by=ADA.sub)  # invited, and so no owner yet
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


def test_who_is_removed_is_out_at_once(project: Project, clock: FrozenClock) -> None:
    members.add_member(project.id, BOB, "viewer", by=ADA.sub)
    members.open_project(BOB, project.id, signed_in_at=clock())
    members.remove(project.id, BOB.sub, by=ADA.sub)
    with pytest.raises(NotFoundError):
        members.open_project(BOB, project.id, signed_in_at=clock())
    assert members.list_places(BOB).joined == []


def test_signing_out_ends_the_sessions_before_and_none_after(
    project: Project, clock: FrozenClock
) -> None:
    before = clock()
    clock.advance(minutes=1)
    members.end_sessions(ADA, clock=clock)
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
        service.create_project(f"Project {number:03}", by=ADA.sub, owner=ADA)
    places = members.list_places(ADA)
    assert [place.project.name for place in places.joined] == [
        f"Project {number:03}" for number in range(101)
    ]


def test_a_person_is_found_by_address_or_invited(cloud: Cloud) -> None:
    made = people.find_or_invite(" New@Example.com ")
    assert made.email == "new@example.com"
    assert people.find_or_invite("new@example.com") == made
    assert people.find("NEW@example.com") == made
    with pytest.raises(NotFoundError):
        people.find("nobody@example.com")
