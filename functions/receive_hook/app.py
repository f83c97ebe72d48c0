"""POST /v1/hooks and /v1/hooks/{token}: public routes; the token identifies the caller."""

from craftkit.hooks.service import receive_hook
from craftkit.http import Request, Response, endpoint
from craftkit.probes import invocation, item, needs
from craftkit.renders.views import unsigned_view_of

HEADER = "x-craftkit-hook-token"


@needs(
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "KEYS_TABLE",
    "RENDERS_TABLE",
    "RENDER_KEYS_TABLE",
    "DOCUMENTS_BUCKET",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "RETENTION_DAYS",
    "LIVE_QUEUE_URL",
    "TEST_QUEUE_URL",
    "VAULT_KEY",
    "VALIDATE_FUNCTION",
    reads=(item("PROJECTS_TABLE"), invocation("VALIDATE_FUNCTION")),
)
@endpoint
def handler(request: Request) -> Response:
    """202 without a download URL, also for a repeat: callers of a hook may not read documents."""
    render = receive_hook(
        request.parameter("token") or request.headers.get(HEADER, ""),
        request.body,
        read=request.json,
        signature=request.headers.get("x-craftkit-signature"),
        base_url=request.base_url,
        idempotency_key=request.idempotency_key,
    )
    return Response(202, unsigned_view_of(render))
