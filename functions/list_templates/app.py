"""GET /v1/templates."""

from craftkit.auth.principal import TEMPLATES_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, secret, update
from craftkit.templates import service
from craftkit.templates.views import TemplateList, TemplatesView


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "CURSOR_SECRET",
    reads=(
        update("LIMITS_TABLE"),
        item("CONTENT_TABLE"),
        secret("CURSOR_SECRET"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(TEMPLATES_READ)
    charge_read(principal)
    query = request.query(TemplateList)
    page = service.list_templates(
        principal.project_id, query.limit, query.cursor, only=principal.templates
    )
    return Response(200, TemplatesView.of(page))
