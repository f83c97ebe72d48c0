"""GET /v1/usage."""

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.service import charge_read
from craftkit.probes import needs, query, update
from craftkit.usage import service
from craftkit.usage.models import UsageQuery


@needs(
    "REQUESTS_TABLE",
    "USAGE_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    reads=(
        update("LIMITS_TABLE"),
        query("USAGE_TABLE"),
    ),
)
@endpoint
def handler(request: Request) -> Response:
    """The usage of the key's mode, and of its templates if the key is restricted to some."""
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    query = request.query(UsageQuery)
    usage = service.get_usage(
        principal.project_id, query, mode=principal.mode, templates=principal.templates
    )
    return Response(200, usage)
