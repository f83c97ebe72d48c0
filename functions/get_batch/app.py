"""GET /v1/batches/{id}."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.batches import service
from craftkit.batches.views import signed_view_of
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "BATCHES_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "DOCUMENTS_BUCKET",
    reads=(update("LIMITS_TABLE"), item("BATCHES_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    batch = service.get_batch(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    return Response(200, signed_view_of(batch))
