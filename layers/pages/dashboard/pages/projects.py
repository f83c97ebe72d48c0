"""Projects: the list, creation, invitations, and the overview of a project."""

from pydantic import BaseModel

from craftkit.errors import CraftkitError, InvalidRequestError
from craftkit.keys import service as keys
from craftkit.projects import members, service
from craftkit.projects.models import Name
from craftkit.remote_typesetter import typeset_remotely
from craftkit.renders import service as renders
from craftkit.renders.models import RenderList
from craftkit.schema import validate_request
from craftkit.templates import service as templates
from craftkit.templates.starter import publish_starter
from dashboard import samples
from dashboard.request_context import RequestContext
from dashboard.web import BASE, Response, see_other

_LATEST = 5


class NewProject(BaseModel):
    """The form that creates or renames a project."""

    name: Name


def list_projects(context: RequestContext) -> Response:
    return _list(context)


def create_project(context: RequestContext) -> Response:
    try:
        name = read_name(context)
    except InvalidRequestError as error:
        return _list(context, error)
    project = service.create_project(name, by=context.user.sub, owner=context.user)
    publish_starter(project.id, by=context.user.sub, typeset=typeset_remotely)
    return context.go(f"{BASE}/projects/{project.id}", f"{project.name} is ready.")


def answer_invitation(context: RequestContext) -> Response:
    project_id = context.path("project_id")
    if context.form("answer") == "accept":
        members.accept(context.user, project_id)
        return see_other(f"{BASE}/projects/{project_id}")
    if members.get_member(project_id, context.user.sub).joined_at is None:
        members.remove(project_id, context.user.sub, by=context.user.sub)
    return see_other(BASE)


def overview(context: RequestContext) -> Response:
    project_id = context.project.id
    some_keys, _ = keys.list_keys(project_id, limit=1)
    some_templates = templates.list_templates(project_id, limit=1).templates
    latest = renders.list_renders(project_id, RenderList(limit=_LATEST)).renders
    published = next((each for each in some_templates if each.latest_version), None)
    return context.page(
        "projects/overview.html",
        done=bool(some_keys and some_templates and latest),
        steps=_steps(bool(some_templates), bool(some_keys), bool(latest)),
        samples=samples.render(templates.current_version(project_id, published.slug))
        if published
        else samples.list_renders(),
        renders=latest,
    )


def _steps(has_template: bool, has_key: bool, has_render: bool) -> list[dict[str, object]]:
    return [
        {
            "title": "Choose a template",
            "text": "Start from the gallery: an invoice, a receipt, a contract …",
            "action": "Templates" if has_template else "Open the gallery",
            "path": "/templates" if has_template else "/templates/new",
            "done": has_template,
        },
        {
            "title": "Create an API key",
            "text": "Test keys are free and add a watermark; live keys are metered.",
            "action": "API keys" if has_key else "Create a key",
            "path": "/keys" if has_key else "/keys/new",
            "done": has_key,
        },
        {
            "title": "Render a document",
            "text": "Send JSON, get a PDF. The calls below are ready to paste.",
            "action": "Renders",
            "path": "/renders",
            "done": has_render,
        },
    ]


def read_name(context: RequestContext) -> str:
    """The name in the form.

    Raises:
        InvalidRequestError: it is empty or longer than 120 characters.
    """
    return validate_request(NewProject, {"name": context.form("name")}).name


def _list(context: RequestContext, error: CraftkitError | None = None) -> Response:
    places = members.list_memberships(context.user)
    return context.page(
        "projects/list.html",
        422 if error else 200,
        places=places,
        error=error,
        form=context.request.form,
    )
