"""POST /v1/templates/{slug}/render."""

from craftkit.auth.principal import RENDERS_WRITE
from craftkit.clock import utc_now
from craftkit.http import Request, Response, endpoint
from craftkit.renders import service
from craftkit.renders.models import RenderRequest
from craftkit.renders.views import view_of


@endpoint
def handler(request: Request) -> Response:
    """202 while the render is to come; 200 for a repeat, and for `sync` once finished."""
    request.principal.require(RENDERS_WRITE)
    render, is_new = service.create_render(
        request.principal,
        request.path("slug"),
        request.model(RenderRequest),
        base_url=request.base_url,
        idempotency_key=request.idempotency_key,
    )
    status = 200 if render.is_finished or not is_new else 202
    return Response(status, view_of(render, utc_now()))
