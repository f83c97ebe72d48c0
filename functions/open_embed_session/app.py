"""POST /embed/api/session: what the page shows."""

from craftkit.embed.access import enter
from craftkit.embed.contents import contents_of
from craftkit.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(200, contents_of(enter(request)))
