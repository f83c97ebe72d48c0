"""POST /embed/api/template/publish: the template's next version."""

from craftkit.embed.access import enter
from craftkit.embed.editing import Writing, publish_template
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
    version = publish_template(visit, request.model(Writing))
    return Response(201, {"slug": version.slug, "versionNumber": version.number})
