"""GET /v1/templates/{slug}/versions."""

from craftkit.auth.principal import TEMPLATES_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, query, update
from craftkit.templates import service
from craftkit.templates.views import VersionsView, VersionView


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    reads=(item("CONTENT_TABLE"), query("CONTENT_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    principal, slug = request.principal, request.path("slug")
    principal.require(TEMPLATES_READ)
    principal.require_template(slug)
    charge_read(principal)
    template = service.get_template(principal.project_id, slug)
    versions = service.list_versions(principal.project_id, slug)
    view = VersionsView(
        slug=slug,
        latest_version=template.latest_version,
        versions=[VersionView.of(version) for version in versions],
    )
    return Response(200, view)
