"""GET /v1/usage."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.usage import service
from craftkit.usage.models import UsageQuery


@endpoint
def handler(request: Request) -> Response:
    request.principal.require(RENDERS_READ)
    query = request.query(UsageQuery)
    return Response(200, service.get_usage(request.principal.project_id, query))
