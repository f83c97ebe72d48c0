"""POST /v1/templates/{slug}/render."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.clock import utc_now
from craftkit.errors import RenderFailedError
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs
from craftkit.renders import service
from craftkit.renders.models import RenderRequest
from craftkit.renders.views import view_of


@needs(
    "CONTENT_TABLE",
    "RENDERS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "RETENTION_DAYS",
    "LIVE_QUEUE_URL",
    "LIVE_WORKER_FUNCTION",
    "SYNC_RENDERS_PER_PROJECT",
    "TEST_QUEUE_URL",
    "TEST_WORKER_FUNCTION",
    reads=(item("CONTENT_TABLE"),),
)
@endpoint
def handler(request: Request) -> Response:
    """202 for a queued render; 200 for a repeat and a finished `sync`; 422 for a failed `sync`."""
    request.principal.require(RENDERS_WRITE)
    body = request.model(RenderRequest)
    render, is_new = service.create_render(
        request.principal,
        request.path("slug"),
        body,
        base_url=request.base_url,
        idempotency_key=request.idempotency_key,
    )
    view = view_of(render, utc_now())
    if body.options.sync and render.status == "failed":
        shown = view.model_dump(mode="json", by_alias=True)
        raise RenderFailedError(render.error_message, shown)
    return Response(200 if render.is_finished or not is_new else 202, view)
