"""GET /v1/templates/{slug}/versions/{number}."""

from craftkit.auth.principal import TEMPLATES_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.templates import service
from craftkit.templates.views import VersionContentView


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    reads=(item("CONTENT_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    principal, slug = request.principal, request.path("slug")
    principal.require(TEMPLATES_READ)
    principal.require_template(slug)
    number = service.version_number(request.path("number"))
    charge_read(principal)
    template = service.get_template(principal.project_id, slug)
    version = service.get_version(principal.project_id, slug, number)
    return Response(200, VersionContentView.of_version(template, version))
