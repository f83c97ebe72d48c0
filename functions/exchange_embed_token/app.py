"""POST /embed/api/exchange: creates a session from a token that the partner has signed."""

from craftkit.embed.page.access import bearer_token, require_own_origin
from craftkit.embed.sessions import service as sessions
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs, secret


@needs(
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "RENDERS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "EMBED_SIGNING_SECRET",
    "EMBED_KEYS_TABLE",
    "EMBED_ALLOWS_LOOPBACK",
    "EMBED_URL_PARAMETER",
    reads=(item("PROJECTS_TABLE"), secret("EMBED_SIGNING_SECRET")),
)
@endpoint
def handler(request: Request) -> Response:
    require_own_origin(request)
    opened = sessions.exchange_embed_token(bearer_token(request.headers))
    return Response(201, {"sessionId": opened.session.id, "sessionToken": opened.token})
