"""The dashboard: all routes below /dashboard."""

from typing import Any

from craftkit.observability import log_and_count, logger
from craftkit.probes import item, needs, secret
from dashboard import failures
from dashboard.router import dispatch
from dashboard.web import Request, respond


@needs(
    "KEYS_TABLE",
    "KEY_ACTIVITY_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "USAGE_TABLE",
    "REQUESTS_TABLE",
    "DELIVERIES_TABLE",
    "EMBED_SESSIONS_TABLE",
    "EMBED_KEYS_TABLE",
    "PROJECTS_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "TRUST_RULES_TABLE",
    "TRUST_TOKENS_TABLE",
    "TRUSTS_LOOPBACK_ISSUERS",
    "RENDERS_TABLE",
    "RENDER_KEYS_TABLE",
    "BATCHES_TABLE",
    "BATCHES_QUEUE_URL",
    "DOCUMENTS_BUCKET",
    "CURSOR_SECRET",
    "SESSION_SECRET",
    "EMBED_SIGNING_SECRET",
    "API_URL",
    "COMPILE_FUNCTION",
    "PREVIEWS_PER_PROJECT",
    "PREVIEWS_PER_SECOND",
    "DELIVERIES_QUEUE_URL",
    "EMBED_ALLOWS_LOOPBACK",
    "LIVE_QUEUE_URL",
    "EMBED_URL_PARAMETER",
    "PRIVATE_WEBHOOKS",
    "SIGN_IN_URL",
    "TEST_QUEUE_URL",
    "USER_POOL_ID",
    "VAULT_KEY",
    reads=(
        item("KEYS_TABLE"),
        secret("CURSOR_SECRET"),
        secret("SESSION_SECRET"),
        secret("EMBED_SIGNING_SECRET"),
    ),
)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    request = Request(event)
    logger.append_keys(request_id=request.id)
    code = "ok"
    try:
        response = dispatch(request)
    except Exception as error:
        code, response = failures.page_of(request, error)
    log_and_count("answered", "DashboardAnswered", {"code": code}, status=response.status)
    return respond(request, response)
