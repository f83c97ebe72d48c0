"""Settings: the project's name, members, policy for exposed keys, and limits."""

from typing import get_args

from craftkit import project_deletion
from craftkit.config import config
from craftkit.errors import InvalidRequestError, Issues
from craftkit.keys import limiting, policies, policy
from craftkit.limits.service import limits_of
from craftkit.projects import members, service
from craftkit.projects.models import ROLES, AnomalyPolicy, ExposurePolicy, KeyPolicy
from craftkit.schema import validate_request
from craftkit.templates.letterheads import list_letterheads
from dashboard import limits
from dashboard.pages.projects import read_name
from dashboard.request_context import RequestContext
from dashboard.web import BASE, Response


def show_settings(context: RequestContext) -> Response:
    return _page(context)


def rename(context: RequestContext) -> Response:
    try:
        name = read_name(context)
    except InvalidRequestError as error:
        return _page(context, error)
    project = service.rename_project(context.project.id, name, by=context.user.sub)
    return context.done("/settings", f"The project is renamed to {project.name}.")


def set_exposure_policy(context: RequestContext) -> Response:
    policy = context.form("policy")
    if policy not in get_args(ExposurePolicy):
        raise InvalidRequestError("Choose what happens to an exposed key: revoke or notify.")
    service.set_exposure_policy(
        context.project.id,
        policy,  # type: ignore[arg-type]  # one of them
        by=context.user.sub,
    )
    return context.done("/settings", "Saved.")


def set_anomaly_policy(context: RequestContext) -> Response:
    policy = context.form("policy")
    if policy not in get_args(AnomalyPolicy):
        raise InvalidRequestError("`policy` must be alert, suspend or revoke.")
    service.set_anomaly_policy(
        context.project.id,
        policy,  # type: ignore[arg-type]  # one of them
        by=context.user.sub,
    )
    return context.done("/settings", "Saved.")


def set_key_policy(context: RequestContext) -> Response:
    given = {name: context.form(name) or None for name in KeyPolicy.model_fields}
    try:
        policy = validate_request(KeyPolicy, given)
    except InvalidRequestError as error:
        return _page(context, error)
    policies.set_key_policy(context.project.id, policy, by=context.user.sub)
    return context.done("/settings", "The key policy applies to every key of the project.")


def limit_project(context: RequestContext) -> Response:
    limiting.limit_project(context.project.id, limits.read(context), by=context.user.sub)
    return context.done("/settings", "The limits apply from the next request on.")


def transfer_project(context: RequestContext) -> Response:
    owner = members.transfer(context.project.id, context.form("to"), by=context.user.sub)
    return context.done(
        "/settings", f"{owner.email} is now the owner of the project. You are an admin."
    )


def delete_project(context: RequestContext) -> Response:
    project = context.project
    if context.form("confirm") != project.name:
        message = f"Enter the project's name, {project.name}, to delete it."
        error = InvalidRequestError(message, issues=Issues(field_errors={"confirm": [message]}))
        return _page(context, error)
    report = project_deletion.delete_project(
        project.id, by=context.user.sub, patience=project_deletion.RENDERS_PATIENCE
    )
    kept = "Audit and usage remain, without content."
    return context.go(BASE, f"{project.name} is deleted: {report.sentence()}. {kept}")


def show_refused(context: RequestContext, error: InvalidRequestError) -> Response:
    """The settings with the error of a form that another module handles."""
    return _page(context, error)


def _page(context: RequestContext, error: InvalidRequestError | None = None) -> Response:
    all_members = members.list_members(context.project.id)
    owners = [each.sub for each in all_members if each.role == "owner" and each.joined_at]
    return context.page(
        "settings/show.html",
        422 if error else 200,
        error=error,
        form=context.request.form,
        members=all_members,
        last_owners=owners if len(owners) == 1 else [],
        roles=ROLES,
        notice_days=policy.NOTICE.days,
        retention_days=config.retention_days,
        letterheads=list_letterheads(context.project.id),
        limits=limits_of("project", context.project.id),
    )
