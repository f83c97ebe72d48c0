"""POST /embed/api/template/draft: keep a template as it is written now."""

from craftkit.clock import to_rfc3339
from craftkit.embed.access import enter
from craftkit.embed.editing import WritingSaved, save_draft
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
    visit = enter(request)
    draft = save_draft(visit, request.model(WritingSaved))
    saved_at = to_rfc3339(draft.saved_at)
    return Response(200, {"slug": draft.slug, "revision": draft.revision, "savedAt": saved_at})
