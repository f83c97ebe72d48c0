"""POST /v1/embed/sessions."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed.sessions import service as sessions
from craftkit.embed.sessions.models import SessionRequest
from craftkit.embed.sessions.views import SessionView
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs, secret


@needs(
    "REQUESTS_TABLE",
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "RENDERS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "EMBED_SESSIONS_TABLE",
    "EMBED_SIGNING_SECRET",
    "EMBED_KEYS_TABLE",
    "EMBED_ALLOWS_LOOPBACK",
    "EMBED_URL_PARAMETER",
    reads=(item("PROJECTS_TABLE"), secret("EMBED_SIGNING_SECRET")),
)
@endpoint
def handler(request: Request) -> Response:
    request.principal.require(EMBED_WRITE)
    body = request.model(SessionRequest)
    return Response(201, SessionView.of(sessions.create_embed_session(request.principal, body)))
