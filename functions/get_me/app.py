"""GET /v1/me."""

from craftkit.http import Request, Response, endpoint
from craftkit.keys.caller import describe_caller
from craftkit.probes import item, needs


@needs(
    "REQUESTS_TABLE",
    "KEYS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "PROJECT_READS_PER_SECOND",
    reads=(item("KEYS_TABLE"), item("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """Any key may read itself, whatever its scopes. The request counts against no limit."""
    return Response(200, describe_caller(request.principal))
