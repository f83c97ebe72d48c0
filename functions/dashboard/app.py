"""The dashboard: everything below /dashboard."""

from typing import Any

import dashboard.pages  # noqa: F401 each module tells the router what it answers
from craftkit.observability import count, logger
from dashboard import failures
from dashboard.router import dispatch
from dashboard.web import Request, respond


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    request = Request(event)
    logger.append_keys(request_id=request.id)
    code = "ok"
    try:
        answer = dispatch(request)
    except Exception as error:
        code, answer = failures.page_of(request, error)
    logger.info("answered", status=answer.status, code=code)
    count("DashboardAnswered", code=code)
    return respond(request, answer)
