"""POST /v1/batches/{id}/retry."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.batches import service
from craftkit.batches.views import view_of
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs, query
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "BATCHES_TABLE",
    "RENDER_KEYS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "LIVE_QUEUE_URL",
    "TEST_QUEUE_URL",
    reads=(item("BATCHES_TABLE"), query("BATCHES_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(RENDERS_WRITE)
    batch = service.retry_batch(principal, request.path_id(), visible=Visibility.of(principal))
    return Response(202, view_of(batch))
