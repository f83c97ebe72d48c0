"""GET /v1/embed/catalogs/{name}."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import CatalogRead
from craftkit.embed.catalogs.views import CatalogView, DifferenceView
from craftkit.embed.partners import service as partners
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update


@needs(
    "REQUESTS_TABLE",
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    reads=(
        update("LIMITS_TABLE"),
        item("PROJECTS_TABLE"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    """The latest version, or `?version=`. `?compareTo=` adds the changes since that version."""
    principal, name = request.principal, request.path("name")
    principal.require(EMBED_WRITE)
    charge_read(principal)
    partners.partner_of(principal.project_id)
    query = request.query(CatalogRead)
    found = catalogs.get_catalog(principal.project_id, name, query.version)
    changes = None
    if query.compare_to is not None:
        before = catalogs.get_catalog(principal.project_id, name, query.compare_to)
        changes = DifferenceView.of(before.version, catalogs.diff(before, found))
    versions = catalogs.list_versions(principal.project_id, name)
    return Response(200, CatalogView.of(found, versions, changes))
