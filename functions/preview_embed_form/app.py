"""POST /embed/api/preview: the document of a form or a view, as pictures."""

from craftkit.embed.access import enter
from craftkit.embed.forms import BODY_LIMIT_BYTES, FormPreview, preview_form
from craftkit.embed.views import preview_answer
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs


@needs(
    "EMBED_KEYS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "PROJECTS_TABLE",
    "RENDERS_TABLE",
    "DOCUMENTS_BUCKET",
    "COMPILE_FUNCTION",
    "EMBED_ALLOWS_LOOPBACK",
    reads=(item("EMBED_KEYS_TABLE"),),
)
@endpoint
def handler(request: Request) -> Response:
    visit = enter(request)
    drawn = preview_form(visit, request.model(FormPreview, BODY_LIMIT_BYTES))
    return Response(200, preview_answer(drawn))
