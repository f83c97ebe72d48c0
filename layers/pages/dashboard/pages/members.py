"""Members: invite, change a role, remove. Requires the role owner."""

from typing import get_args

from pydantic import BaseModel, EmailStr, ValidationError

from craftkit.errors import InvalidRequestError
from craftkit.issues import issues_of
from craftkit.projects import members
from craftkit.projects.models import Role
from dashboard.request_context import RequestContext
from dashboard.web import BASE, Response, see_other

_SETTINGS = "/settings#members"


class Invitation(BaseModel):
    email: EmailStr
    role: Role


def invite(context: RequestContext) -> Response:
    try:
        request = Invitation.model_validate(
            {"email": context.form("email"), "role": context.form("role")}
        )
    except ValidationError as error:
        raise InvalidRequestError(
            "Enter an email address and a role.", issues=issues_of(error)
        ) from error
    member = members.invite(context.project.id, request.email, request.role, by=context.user.sub)
    return context.done(_SETTINGS, f"{member.email} is invited as {member.role}.")


def change_role(context: RequestContext) -> Response:
    role = context.form("role")
    if role not in get_args(Role):
        raise InvalidRequestError("The role must be owner, admin or viewer.")
    member = members.change_role(
        context.project.id,
        context.path("sub"),
        role,  # type: ignore[arg-type]
        by=context.user.sub,
    )
    return context.done(_SETTINGS, f"{member.email} is {member.role} now.")


def remove(context: RequestContext) -> Response:
    sub = context.path("sub")
    members.remove(context.project.id, sub, by=context.user.sub)
    if sub == context.user.sub:
        return see_other(BASE)
    return context.done(_SETTINGS, "They are removed.")
