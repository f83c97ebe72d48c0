"""GET /v1/renders/{id}/invoice.xml."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.renders import service
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
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
    """200 with the XML of the render's electronic invoice."""
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    render, xml = service.get_invoice(
        principal.project_id, request.path_id(), visible=Visibility.of(principal)
    )
    return Response(200, xml, service.invoice_headers_of(render))
