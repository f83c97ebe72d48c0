"""Responds to methods that a path does not support: 405 with `Allow`, or 204 for OPTIONS."""

from craftkit.errors import MethodNotAllowedError
from craftkit.http import Request, Response, endpoint
from craftkit.openapi import methods_of
from craftkit.probes import needs


@needs()
@endpoint
def handler(request: Request) -> Response:
    allowed = methods_of(request.route)
    if request.method == "OPTIONS":
        return Response(204, headers={"Allow": ", ".join(allowed)})
    raise MethodNotAllowedError(allowed)
