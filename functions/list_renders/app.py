"""GET /v1/renders."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import needs, query, secret, update
from craftkit.renders import service
from craftkit.renders.models import RenderList
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "RENDERS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "CURSOR_SECRET",
    reads=(
        update("LIMITS_TABLE"),
        query("RENDERS_TABLE"),
        secret("CURSOR_SECRET"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    query = request.query(RenderList)
    page = service.list_renders(principal.project_id, query, visible=Visibility.of(principal))
    return Response(200, page)
