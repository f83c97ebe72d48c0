"""DELETE /v1/embed/sessions/{id}."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed import partners, service
from craftkit.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    """204, the second time too."""
    principal = request.principal
    principal.require(EMBED_WRITE)
    partners.partner_of(principal.project_id)
    service.revoke_session(principal.project_id, request.path_id(), by=principal.key_id)
    return Response(204)
