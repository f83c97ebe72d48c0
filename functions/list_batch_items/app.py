"""GET /v1/batches/{id}/items."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.batches import items
from craftkit.batches.models import ItemList
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, query, secret, update
from craftkit.renders.service import Visibility


@needs(
    "REQUESTS_TABLE",
    "BATCHES_TABLE",
    "RENDER_KEYS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "DOCUMENTS_BUCKET",
    "CURSOR_SECRET",
    reads=(
        update("LIMITS_TABLE"),
        item("BATCHES_TABLE"),
        query("BATCHES_TABLE"),
        secret("CURSOR_SECRET"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    page = items.list_items(
        principal.project_id,
        request.path_id(),
        request.query(ItemList),
        visible=Visibility.of(principal),
    )
    return Response(200, page)
