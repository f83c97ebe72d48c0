"""GET /v1/templates/{slug}."""

from craftkit.auth.principal import TEMPLATES_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.templates import service
from craftkit.templates.views import TemplateDetailView


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    reads=(
        update("LIMITS_TABLE"),
        item("CONTENT_TABLE"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    principal, slug = request.principal, request.path("slug")
    principal.require(TEMPLATES_READ)
    principal.require_template(slug)
    charge_read(principal)
    return Response(
        200, TemplateDetailView.of_version(*service.describe(principal.project_id, slug))
    )
