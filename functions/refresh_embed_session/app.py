"""POST /v1/embed/sessions/refresh."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed.sessions import service as sessions
from craftkit.embed.sessions.models import RefreshRequest
from craftkit.embed.sessions.views import SessionView
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs, secret


@needs(
    "KEYS_TABLE",
    "PROJECTS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "EMBED_SIGNING_SECRET",
    "EMBED_KEYS_TABLE",
    "EMBED_ALLOWS_LOOPBACK",
    "EMBED_URL_PARAMETER",
    reads=(item("KEYS_TABLE"), secret("EMBED_SIGNING_SECRET")),
)
@endpoint
def handler(request: Request) -> Response:
    request.principal.require(EMBED_WRITE)
    body = request.model(RefreshRequest)
    opened = sessions.refresh_embed_session(request.principal, body.renew_token)
    return Response(200, SessionView.of(opened))
