"""POST /v1/mcp: the Model Context Protocol over HTTP, without sessions."""

from craftkit.errors import InvalidRequestError
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.mcp.protocol import INVALID_REQUEST, VERSIONS, Server
from craftkit.mcp.routes import FUNCTIONS, RoutesApi
from craftkit.mcp.tools import INSTRUCTIONS, Tools
from craftkit.probes import invocation, needs, update


@needs(
    "REQUESTS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    *FUNCTIONS,
    reads=(update("LIMITS_TABLE"), *map(invocation, FUNCTIONS)),
)
@endpoint
def handler(request: Request) -> Response:
    """200 with the response to a request, 202 to a notification, 400 to what is neither. Any key
    may call it: each tool needs what its route needs."""
    charge_read(request.principal)
    version = request.headers.get("mcp-protocol-version")
    if version is not None and version not in VERSIONS:
        raise InvalidRequestError(
            f"This MCP-Protocol-Version is not supported. Send one of {', '.join(VERSIONS)}."
        )
    server = Server("craftkit", "1", INSTRUCTIONS, Tools(RoutesApi(request.event)).all())
    answer = server.answer(request.json())
    if answer is None:
        return Response(202)
    error = answer.get("error", {})
    if error.get("code") == INVALID_REQUEST:  # no message of the protocol: the API's own refusal
        raise InvalidRequestError(error["message"])
    return Response(200, answer)
