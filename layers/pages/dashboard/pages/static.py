"""The stylesheet and the scripts, at URLs that contain a hash of the content."""

import mimetypes

from craftkit.errors import NotFoundError
from dashboard.request_context import RequestContext
from dashboard.view import STATIC, static_url
from dashboard.web import BASE, Response

_NAMES = frozenset(path.name for path in STATIC.iterdir())
_FOR_EVER = "public, max-age=31536000, immutable"


def serve(context: RequestContext) -> Response:
    name = context.path("name")
    if name not in _NAMES or f"{BASE}/static/{context.path('digest')}/{name}" != static_url(name):
        raise NotFoundError("There is no such file.")
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    body = (STATIC / name).read_bytes()
    return Response(200, body, kind, {"Cache-Control": _FOR_EVER})
