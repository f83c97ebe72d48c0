"""GET /embed?session_token=…: the page, in a frame that only the partner's sites may hold."""

from craftkit.embed.access import opening_of
from craftkit.embed.page import nothing_to_open, page_of
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs


@needs(
    "EMBED_KEYS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "PROJECTS_TABLE",
    "EMBED_ALLOWS_LOOPBACK",
    reads=(item("EMBED_KEYS_TABLE"),),
)
@endpoint
def handler(request: Request) -> Response:
    token = request.parameters.get("session_token", "")
    page = page_of(opening_of(token)) if token else nothing_to_open()
    return Response(page.status, page.html, page.headers)
