"""POST /v1/batches."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.batches import service
from craftkit.batches.models import BODY_LIMIT_BYTES, BatchRequest
from craftkit.batches.views import new_view_of
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs


@needs(
    "REQUESTS_TABLE",
    "CONTENT_TABLE",
    "BATCHES_TABLE",
    "RENDER_KEYS_TABLE",
    "RENDERS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "RETENTION_DAYS",
    "LIVE_QUEUE_URL",
    "TEST_QUEUE_URL",
    reads=(item("CONTENT_TABLE"), item("BATCHES_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """202 for a new batch; 200 for a repeat of the same idempotent request."""
    request.principal.require(RENDERS_WRITE)
    batch, is_new = service.create_batch(
        request.principal,
        request.model(BatchRequest, BODY_LIMIT_BYTES),
        base_url=request.base_url,
        idempotency_key=request.idempotency_key,
    )
    return Response(202 if is_new else 200, new_view_of(batch))
