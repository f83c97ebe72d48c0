"""POST /embed/api/template/preview: a template that is being written, as pictures."""

from craftkit.embed.access import enter
from craftkit.embed.editing import WritingPreview, preview_template
from craftkit.embed.views import preview_answer
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs


@needs(
    "EMBED_KEYS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "PROJECTS_TABLE",
    "COMPILE_FUNCTION",
    "EMBED_ALLOWS_LOOPBACK",
    reads=(item("EMBED_KEYS_TABLE"),),
)
@endpoint
def handler(request: Request) -> Response:
    visit = enter(request)
    drawn = preview_template(visit, request.model(WritingPreview))
    return Response(200, {**preview_answer(drawn.pages), "source": drawn.source})
