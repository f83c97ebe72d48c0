"""POST /v1/renders/{id}/cancel."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.clock import utc_now
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge
from craftkit.probes import item, needs, update
from craftkit.renders import service
from craftkit.renders.service import Visibility
from craftkit.renders.views import view_of


@needs(
    "REQUESTS_TABLE",
    "RENDERS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    reads=(item("RENDERS_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(RENDERS_WRITE)
    charge(principal, renders=0)
    render = service.cancel_render(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    return Response(200, view_of(render, utc_now()))
