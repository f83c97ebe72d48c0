"""POST /v1/templates/{slug}/versions. Requires `templates:write`, which no API key can have."""

from craftkit.auth.principal import TEMPLATES_WRITE
from craftkit.http import Request, Response, endpoint
from craftkit.limits.previews import one_preview
from craftkit.limits.service import charge
from craftkit.probes import invocation, item, needs, update
from craftkit.remote_typesetter import typeset_remotely
from craftkit.templates import publishing, service
from craftkit.templates.views import CreatedVersionView, VersionRequest


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "COMPILE_FUNCTION",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "PREVIEWS_PER_PROJECT",
    "PREVIEWS_PER_SECOND",
    reads=(item("CONTENT_TABLE"), invocation("COMPILE_FUNCTION"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """201 with the number of the new version."""
    principal, slug = request.principal, request.path("slug")
    principal.require(TEMPLATES_WRITE)
    principal.require_template(slug)
    body = request.model(VersionRequest)
    charge(principal, renders=0)
    with one_preview(principal.project_id):
        version = publishing.publish(
            principal.project_id,
            slug,
            body.name or service.name_of(principal.project_id, slug),
            body.manifest,
            body.source,
            body.pdf_standard,
            body.locale,
            by=principal.key_id,
            typeset=typeset_remotely,
            publish_now=body.publish,
        )
    created = CreatedVersionView(slug=slug, version_number=version.number, published=body.publish)
    return Response(201, created)
