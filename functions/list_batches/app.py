"""GET /v1/batches."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.batches import service
from craftkit.batches.models import BatchList
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import needs, query, secret, update
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "BATCHES_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "CURSOR_SECRET",
    reads=(update("LIMITS_TABLE"), query("BATCHES_TABLE"), secret("CURSOR_SECRET")),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    query = request.query(BatchList)
    page = service.list_batches(principal.project_id, query, visible=Visibility.of(principal))
    return Response(200, page)
