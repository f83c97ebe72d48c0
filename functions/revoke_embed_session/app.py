"""DELETE /v1/embed/sessions/{id}."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed.sessions import service as sessions
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge
from craftkit.probes import item, needs, update


@needs(
    "REQUESTS_TABLE",
    "PROJECTS_TABLE",
    "AUDIT_TABLE",
    "EMBED_SESSIONS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    reads=(item("PROJECTS_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """204, also if the session was revoked before."""
    principal = request.principal
    principal.require(EMBED_WRITE)
    charge(principal, renders=0)
    sessions.revoke_embed_session(principal, request.path_id())
    return Response(204)
