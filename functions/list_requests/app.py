"""GET /v1/requests."""

from craftkit.auth.principal import REQUESTS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import needs, query, secret, update
from craftkit.requests import service
from craftkit.requests.models import RequestList


@needs(
    "REQUESTS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "CURSOR_SECRET",
    reads=(update("LIMITS_TABLE"), query("REQUESTS_TABLE"), secret("CURSOR_SECRET")),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(REQUESTS_READ)
    charge_read(principal)
    return Response(200, service.list_requests(principal, request.query(RequestList)))
