"""POST /embed/api/document: a document that this session made, or was opened to show."""

from craftkit.clock import utc_now
from craftkit.embed.access import enter
from craftkit.embed.forms import DocumentRequest, read_document
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs
from craftkit.renders.views import view_of


@needs(
    "EMBED_KEYS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "PROJECTS_TABLE",
    "RENDERS_TABLE",
    "DOCUMENTS_BUCKET",
    "EMBED_ALLOWS_LOOPBACK",
    reads=(item("EMBED_KEYS_TABLE"),),
)
@endpoint
def handler(request: Request) -> Response:
    visit = enter(request)
    render = read_document(visit, request.model(DocumentRequest))
    return Response(200, view_of(render, utc_now()))
