"""POST /v1/embed/sessions/refresh."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed.sessions import service as sessions
from craftkit.embed.sessions.models import RefreshRequest
from craftkit.embed.sessions.views import SessionView
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge
from craftkit.probes import item, needs, secret, update


@needs(
    "REQUESTS_TABLE",
    "KEYS_TABLE",
    "PROJECTS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "EMBED_SIGNING_SECRET",
    "EMBED_KEYS_TABLE",
    "EMBED_ALLOWS_LOOPBACK",
    "EMBED_URL_PARAMETER",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    reads=(item("KEYS_TABLE"), secret("EMBED_SIGNING_SECRET"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(EMBED_WRITE)
    charge(principal, renders=0)
    body = request.model(RefreshRequest)
    opened = sessions.refresh_embed_session(principal, body.renew_token)
    return Response(200, SessionView.of(opened))
