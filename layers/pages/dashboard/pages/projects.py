"""Projects: the list, creation, invitations, and the overview of a project."""

from dataclasses import dataclass

from pydantic import BaseModel

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.errors import ConflictError, CraftkitError, InvalidRequestError
from craftkit.keys import service as keys
from craftkit.keys.models import Key
from craftkit.projects import members, service
from craftkit.projects.models import Name
from craftkit.remote_typesetter import typeset_remotely
from craftkit.renders import inspection
from craftkit.renders import service as renders
from craftkit.renders.inspection import Filter
from craftkit.renders.models import Render, RenderRequest
from craftkit.schema import validate_request
from craftkit.slices import Place
from craftkit.templates import service as templates
from craftkit.templates.data import preview_data
from craftkit.templates.models import Template
from craftkit.templates.starter import publish_starter
from dashboard import samples
from dashboard.request_context import RequestContext
from dashboard.web import BASE, Response, see_other

_LATEST = 5
_TEMPLATES = 20
_KEYS = 100


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
    start = _start(project_id)
    published = start.published
    return context.page(
        "projects/overview.html",
        start=start,
        steps=_steps(start),
        samples=samples.render(templates.current_version(project_id, published.slug))
        if published
        else samples.list_renders(),
        renders=start.latest,
    )


def show_start(context: RequestContext) -> Response:
    """The steps to the first document, which the overview polls until the document is there."""
    start = _start(context.project.id)
    if context.request.query.get("seen") == start.state:
        return Response(204)
    return context.fragment("projects/start.html", start=start, steps=_steps(start))


def render_now(context: RequestContext) -> Response:
    """Render the preview data of the newest template with a test key of the project."""
    project_id = context.project.id
    template = _start(project_id).published
    if template is None:
        raise ConflictError("Publish a template first.")
    key = next((key for key in _test_keys(project_id) if _may_render(key, template.slug)), None)
    if key is None:
        raise ConflictError(
            "The project has no active test key with the scope renders:write for this template. "
            "Create one first."
        )
    version = templates.current_version(project_id, template.slug)
    request = RenderRequest.model_validate(
        {"data": preview_data(version.manifest), "options": {"invoice": False}}
    )
    renders.create_render(key.principal, template.slug, request, base_url=config.api_url)
    return context.done("", f"{template.name} is being rendered.")


@dataclass(frozen=True)
class Start:
    """How far the project is on the way to its first document."""

    published: Template | None
    key: Key | None
    latest: list[Render]

    @property
    def is_done(self) -> bool:
        return bool(self.published and self.key and self.document)

    @property
    def document(self) -> Render | None:
        """The newest of the latest renders that succeeded."""
        return next((each for each in self.latest if each.status == "succeeded"), None)

    @property
    def state(self) -> str:
        """What changes while a page shows the steps."""
        status = f"{self.latest[0].id}:{self.latest[0].status}" if self.latest else ""
        return f"{self.published is not None}-{self.key is not None}-{status}"


def _start(project_id: str) -> Start:
    some_keys, _ = keys.list_keys(project_id, limit=1)
    some_templates = templates.list_templates(project_id, limit=_TEMPLATES).templates
    latest = inspection.search(project_id, Filter(), Place(), limit=_LATEST).rows
    return Start(
        published=next((each for each in some_templates if each.latest_version), None),
        key=some_keys[0] if some_keys else None,
        latest=latest,
    )


def _test_keys(project_id: str) -> list[Key]:
    newest, _ = keys.list_keys(project_id, limit=_KEYS)
    now = utc_now()
    return [key for key in newest if key.mode == "test" and key.status(now) == "active"]


def _may_render(key: Key, slug: str) -> bool:
    return RENDERS_WRITE in key.scopes and (not key.templates or slug in key.templates)


def _steps(start: Start) -> list[dict[str, object]]:
    has_template, has_key = start.published is not None, start.key is not None
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
            "text": "Paste a call from below, or render the template's preview data now.",
            "action": "Renders",
            "path": "/renders",
            "done": start.document is not None,
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
