"""GET /embed/assets/{name}, GET /embed/embed.js: the files of the page and of its partners."""

from craftkit.embed.page import asset, asset_headers
from craftkit.http import Request, Response, endpoint
from craftkit.probes import needs


@needs()
@endpoint
def handler(request: Request) -> Response:
    name = request.last_segment
    found = asset(name)
    is_pinned = found.tag in request.parameters
    return Response(200, found.compressed, asset_headers(name, found, is_pinned=is_pinned))
