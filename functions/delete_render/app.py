"""DELETE /v1/renders/{id}."""

from craftkit import render_erasure
from craftkit.auth.principal import RENDERS_WRITE
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge
from craftkit.probes import item, needs, query, update
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "RENDERS_TABLE",
    "RENDER_KEYS_TABLE",
    "DOCUMENTS_BUCKET",
    "CONTENT_TABLE",
    "DELIVERIES_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    reads=(item("RENDERS_TABLE"), query("CONTENT_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """204, or 404 if the render was deleted before."""
    principal = request.principal
    principal.require(RENDERS_WRITE)
    charge(principal, renders=0)
    render_erasure.delete_render(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    return Response(204)
