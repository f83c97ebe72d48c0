"""GET /v1/renders/{id}."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.clock import utc_now
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.renders import service
from craftkit.renders.service import Visibility
from craftkit.renders.views import view_of


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
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    render = service.get_render(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    return Response(200, view_of(render, utc_now()))
