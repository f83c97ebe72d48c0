"""GET /v1/templates."""

from craftkit.auth.principal import TEMPLATES_READ
from craftkit.http import Request, Response, endpoint
from craftkit.templates import service
from craftkit.templates.views import TemplateList, TemplatesView


@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(TEMPLATES_READ)
    query = request.query(TemplateList)
    page = service.list_templates(
        principal.project_id, query.limit, query.cursor, only=principal.templates
    )
    return Response(200, TemplatesView.of(page))
