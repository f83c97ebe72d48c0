"""POST /embed/api/session: what the page shows."""

from craftkit.embed.access import enter
from craftkit.embed.contents import contents_of
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
    return Response(200, contents_of(enter(request)))
