"""GET /v1/openapi.json: the API's description. Public."""

from functools import cache
from typing import Any

from craftkit.http import Request, Response, endpoint
from craftkit.openapi import describe
from craftkit.probes import needs


@needs()
@endpoint
def handler(request: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
    return Response(200, _document(request.base_url), headers)


@cache
def _document(base_url: str) -> dict[str, Any]:
    return describe(base_url)
