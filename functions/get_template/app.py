"""GET /v1/templates/{slug}."""

from craftkit.auth.principal import TEMPLATES_READ
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs
from craftkit.templates import service
from craftkit.templates.views import TemplateDetailView


@needs("PROJECTS_TABLE", reads=(item("PROJECTS_TABLE"),))
@endpoint
def handler(request: Request) -> Response:
    principal, slug = request.principal, request.path("slug")
    principal.require(TEMPLATES_READ)
    principal.require_template(slug)
    return Response(
        200, TemplateDetailView.of_version(*service.describe(principal.project_id, slug))
    )
