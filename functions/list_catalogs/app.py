"""GET /v1/embed/catalogs."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import CatalogList
from craftkit.embed.catalogs.views import CatalogsView
from craftkit.embed.partners import service as partners
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, secret, update


@needs(
    "REQUESTS_TABLE",
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "CURSOR_SECRET",
    reads=(
        update("LIMITS_TABLE"),
        item("PROJECTS_TABLE"),
        secret("CURSOR_SECRET"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    principal = request.principal
    principal.require(EMBED_WRITE)
    charge_read(principal)
    partners.partner_of(principal.project_id)
    query = request.query(CatalogList)
    page = catalogs.list_catalogs(principal.project_id, limit=query.limit, cursor=query.cursor)
    return Response(200, CatalogsView.of(*page))
