"""GET /v1/renders/{id}/download."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.renders import inline, service
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "RENDERS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "DOCUMENTS_BUCKET",
    reads=(
        update("LIMITS_TABLE"),
        item("RENDERS_TABLE"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    """302 to a signed URL that expires after minutes.

    With the document's media type in `Accept`: 200 with the document, or 303 if it is large.
    """
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    render, url = service.download(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    if not inline.accepts_document(request.accept, render.format):
        return Response(302, headers={"Location": url})
    content = inline.content_of(render)
    if content is None:
        return Response(303, headers={"Location": url})
    return Response(200, content, inline.headers_of(render))
