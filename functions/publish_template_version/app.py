"""POST /v1/templates/{slug}/versions/{number}/publish: publish a version or roll back to it."""

from craftkit.auth.principal import TEMPLATES_WRITE
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge
from craftkit.probes import item, needs, update
from craftkit.templates import publishing, service
from craftkit.templates.views import CreatedVersionView


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    reads=(item("CONTENT_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """200 with the version that renders use from now on."""
    principal, slug = request.principal, request.path("slug")
    principal.require(TEMPLATES_WRITE)
    principal.require_template(slug)
    number = service.version_number(request.path("number"))
    charge(principal, renders=0)
    version = publishing.publish_version(principal.project_id, slug, number, by=principal.key_id)
    published = CreatedVersionView(slug=slug, version_number=version.number, published=True)
    return Response(200, published)
