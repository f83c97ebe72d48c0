"""POST /v1/embed/sessions."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed import service
from craftkit.embed.models import SessionRequest
from craftkit.embed.views import SessionView
from craftkit.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    request.principal.require(EMBED_WRITE)
    wish = request.model(SessionRequest)
    return Response(201, SessionView.of(service.create_session(request.principal, wish)))
