"""POST /embed/api/submit: the document of a filled form."""

from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.embed.access import enter
from craftkit.embed.forms import BODY_LIMIT_BYTES, FormSubmission, submit_form
from craftkit.http import Request, Response, endpoint
from craftkit.probes import item, needs
from craftkit.renders.views import view_of


@needs(
    "EMBED_KEYS_TABLE",
    "EMBED_SESSIONS_TABLE",
    "PROJECTS_TABLE",
    "RENDERS_TABLE",
    "DOCUMENTS_BUCKET",
    "LIMITS_TABLE",
    "RETENTION_DAYS",
    "API_URL",
    "EMBED_ALLOWS_LOOPBACK",
    "LIVE_QUEUE_URL",
    "LIVE_WORKER_FUNCTION",
    "SYNC_RENDERS_PER_PROJECT",
    "TEST_QUEUE_URL",
    "TEST_WORKER_FUNCTION",
    reads=(item("EMBED_KEYS_TABLE"),),
)
@endpoint
def handler(request: Request) -> Response:
    visit = enter(request)
    submission = request.model(FormSubmission, BODY_LIMIT_BYTES)
    render = submit_form(visit, submission, base_url=config.api_url)
    return Response(201, view_of(render, utc_now()))
