"""POST /v1/hooks/{token}: public; the token is who calls."""

from craftkit.clock import utc_now
from craftkit.hooks.service import receive_hook
from craftkit.http import Request, Response, endpoint
from craftkit.renders.service import view_of


@endpoint
def handler(request: Request) -> Response:
    render = receive_hook(
        request.path("token"),
        request.body,
        read=request.json,
        signature=request.headers.get("x-craftkit-signature"),
        base_url=request.base_url,
        idempotency_key=request.idempotency_key,
    )
    return Response(202, view_of(render, utc_now()))
