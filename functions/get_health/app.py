"""GET /health: whether API Gateway and Lambda respond. Public; calls no other service."""

from craftkit.config import config
from craftkit.http import Request, Response, endpoint
from craftkit.probes import needs


@needs()
@endpoint
def handler(_request: Request) -> Response:
    return Response(200, {"status": "ok", "stage": config.stage})
