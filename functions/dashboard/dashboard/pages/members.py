"""Members: invited, given another role, removed. Only owners get here."""

from typing import get_args

from pydantic import BaseModel, EmailStr, ValidationError

from craftkit.errors import InvalidRequestError
from craftkit.issues import issues_of
from craftkit.projects import members
from craftkit.projects.models import Role
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import BASE, Answer, see_other

_SETTINGS = "/settings#members"


class Invitation(BaseModel):
    email: EmailStr
    role: Role


@route("POST", "/projects/{project}/members", needs="owner")
def invite(visit: Visit) -> Answer:
    try:
        request = Invitation.model_validate(
            {"email": visit.form("email"), "role": visit.form("role")}
        )
    except ValidationError as error:
        raise InvalidRequestError(
            "Give an email address and a role.", issues=issues_of(error)
        ) from error
    member = members.invite(visit.project.id, request.email, request.role, by=visit.person.sub)
    return visit.done(_SETTINGS, f"{member.email} is invited as {member.role}.")


@route("POST", "/projects/{project}/members/{sub}/role", needs="owner")
def change_role(visit: Visit) -> Answer:
    role = visit.form("role")
    if role not in get_args(Role):
        raise InvalidRequestError("A role is owner, admin or viewer.")
    member = members.change_role(
        visit.project.id,
        visit.path("sub"),
        role,  # type: ignore[arg-type]
        by=visit.person.sub,
    )
    return visit.done(_SETTINGS, f"{member.email} is {member.role} now.")


@route("POST", "/projects/{project}/members/{sub}/remove", needs="owner")
def remove(visit: Visit) -> Answer:
    sub = visit.path("sub")
    members.remove(visit.project.id, sub, by=visit.person.sub)
    if sub == visit.person.sub:
        return see_other(BASE)
    return visit.done(_SETTINGS, "They are removed.")
