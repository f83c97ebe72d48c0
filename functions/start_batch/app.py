"""POST /v1/batches/{id}/start."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.batches import service
from craftkit.batches.views import view_of
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge
from craftkit.probes import item, needs, update
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "BATCHES_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "BATCHES_QUEUE_URL",
    reads=(item("BATCHES_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(RENDERS_WRITE)
    charge(principal, renders=0)
    batch = service.start_batch(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    return Response(202, view_of(batch))
