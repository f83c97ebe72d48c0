"""GET /v1/renders."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.renders import service
from craftkit.renders.models import RenderList


@endpoint
def handler(request: Request) -> Response:
    request.principal.require(RENDERS_READ)
    query = request.query(RenderList)
    return Response(200, service.list_renders(request.principal.project_id, query))
