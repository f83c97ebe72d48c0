"""POST /v1/embed/catalogs."""

from craftkit.auth.principal import EMBED_WRITE
from craftkit.embed.catalogs import service as catalogs
from craftkit.embed.catalogs.models import CatalogRequest
from craftkit.embed.catalogs.views import CatalogView
from craftkit.embed.partners import service as partners
from craftkit.embed.sessions.service import require_all_templates
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge
from craftkit.probes import item, needs, update


@needs(
    "REQUESTS_TABLE",
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    reads=(item("PROJECTS_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """201 with the new version."""
    principal = request.principal
    principal.require(EMBED_WRITE)
    partners.partner_of(principal.project_id)
    require_all_templates(principal)
    charge(principal, renders=0)
    body = request.model(CatalogRequest)
    published = catalogs.publish_catalog(
        principal.project_id, body.name, body.catalog, by=principal.key_id
    )
    versions = catalogs.list_versions(principal.project_id, body.name)
    return Response(201, CatalogView.of(published, versions))
