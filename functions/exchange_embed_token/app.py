"""POST /embed/api/exchange: a session for a token that the partner signed itself."""

from craftkit.embed import service
from craftkit.embed.access import bearer_token, require_own_origin
from craftkit.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    require_own_origin(request)
    opened = service.exchange_token(bearer_token(request.headers))
    return Response(201, {"sessionId": opened.session.id, "sessionToken": opened.token})
