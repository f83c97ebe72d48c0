"""GET /v1/usage."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.probes import needs, query
from craftkit.usage import service
from craftkit.usage.models import UsageQuery


@needs("USAGE_TABLE", reads=(query("USAGE_TABLE"),))
@endpoint
def handler(request: Request) -> Response:
    """The usage of the key's own mode, and of its own templates where it is confined to some."""
    principal = request.principal
    principal.require(RENDERS_READ)
    query = request.query(UsageQuery)
    usage = service.get_usage(
        principal.project_id, query, mode=principal.mode, templates=principal.templates
    )
    return Response(200, usage)
