"""Settings: the project's name, who is in it, what becomes of exposed keys, budgets and rates."""

from typing import get_args

from craftkit import project_deletion
from craftkit.config import config
from craftkit.errors import InvalidRequestError, Issues
from craftkit.keys import limiting
from craftkit.limits.service import limits_of
from craftkit.projects import members, service
from craftkit.projects.models import ROLES, ExposurePolicy
from dashboard import limits
from dashboard.pages.projects import read_name
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import BASE, Answer


@route("GET", "/projects/{project}/settings")
def show_settings(visit: Visit) -> Answer:
    return _page(visit)


@route("POST", "/projects/{project}/settings/name", needs="admin")
def rename(visit: Visit) -> Answer:
    try:
        name = read_name(visit)
    except InvalidRequestError as error:
        return _page(visit, error)
    project = service.rename_project(visit.project.id, name, by=visit.person.sub)
    return visit.done("/settings", f"The project is called {project.name} now.")


@route("POST", "/projects/{project}/settings/exposure", needs="admin")
def set_exposure_policy(visit: Visit) -> Answer:
    policy = visit.form("policy")
    if policy not in get_args(ExposurePolicy):
        raise InvalidRequestError("An exposed key is revoked, or only told of.")
    service.set_exposure_policy(
        visit.project.id,
        policy,  # type: ignore[arg-type]  # one of them
        by=visit.person.sub,
    )
    return visit.done("/settings", "Saved.")


@route("POST", "/projects/{project}/settings/limits", needs="admin")
def limit_project(visit: Visit) -> Answer:
    limiting.limit_project(visit.project.id, limits.read(visit), by=visit.person.sub)
    return visit.done("/settings", "The limits hold from the next request on.")


@route("POST", "/projects/{project}/settings/transfer", needs="owner")
def transfer_project(visit: Visit) -> Answer:
    owner = members.transfer(visit.project.id, visit.form("to"), by=visit.person.sub)
    return visit.done("/settings", f"{owner.email} owns the project now. You are an admin of it.")


@route("POST", "/projects/{project}/settings/delete", needs="owner")
def delete_project(visit: Visit) -> Answer:
    project = visit.project
    if visit.form("confirm") != project.name:
        message = f"Enter the project's name, {project.name}, to delete it."
        error = InvalidRequestError(message, issues=Issues(field_errors={"confirm": [message]}))
        return _page(visit, error)
    report = project_deletion.delete_project(project.id, by=visit.person.sub)
    return visit.go(BASE, f"{project.name} is deleted: {report.sentence()}.")


def _page(visit: Visit, error: InvalidRequestError | None = None) -> Answer:
    all_members = members.list_members(visit.project.id)
    owners = [each.sub for each in all_members if each.role == "owner" and each.joined_at]
    return visit.page(
        "settings/show.html",
        422 if error else 200,
        error=error,
        form=visit.request.form,
        members=all_members,
        last_owners=owners if len(owners) == 1 else [],
        roles=ROLES,
        retention_days=config.retention_days,
        limits=limits_of("project", visit.project.id),
    )
