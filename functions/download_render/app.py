"""GET /v1/renders/{id}/download."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.renders import service
from craftkit.renders.service import Visibility


@needs(
    "RENDERS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "DOCUMENTS_BUCKET",
    reads=(
        update("LIMITS_TABLE"),
        item("RENDERS_TABLE"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    """302 to a signed URL that lives for minutes."""
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    url = service.download_url(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    return Response(302, headers={"Location": url})
