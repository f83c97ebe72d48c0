"""The error page of a failed request."""

import re

from craftkit.clock import utc_now
from craftkit.errors import CraftkitError
from craftkit.ids import is_id
from craftkit.observability import logger
from craftkit.projects import members
from craftkit.projects.members import Access
from dashboard import session, view
from dashboard.request_context import RequestContext
from dashboard.session import Session
from dashboard.web import BASE, Request, Response, TooLargeError

_PROJECT = re.compile(rf"{BASE}/projects/([^/]+)(/.*)?")

_TITLES = {
    400: "This request is not valid",
    403: "You have no access",
    404: "Page not found",
    409: "This conflicts with another change",
    413: "The form is too large",
    429: "Too many requests",
}


def page_of(request: Request, error: Exception) -> tuple[str, Response]:
    """The error's code for the log, and its page. htmx requests get the message as plain text."""
    if isinstance(error, TooLargeError):
        code, status, message = (
            "payload_too_large",
            413,
            "The form is larger than 1 MiB. Make it smaller, then send it again.",
        )
    elif isinstance(error, CraftkitError):
        code, status, message = error.code, error.status, str(error)
    else:
        logger.exception("failed")
        unforeseen = CraftkitError()
        code, status, message = unforeseen.code, unforeseen.status, str(unforeseen)
    if request.is_fragment:
        return code, Response(status, message.encode(), content_type="text/plain; charset=utf-8")
    context = _context(request)
    html = view.render(
        "failure.html",
        context=context,
        now=utc_now(),
        flash={},
        title=getattr(error, "title", _TITLES.get(status, "Something went wrong")),
        message=message,
        request_id=request.id,
    )
    return code, Response(status, html.encode())


def _context(request: Request) -> RequestContext:
    """The context with user and project, so that the error page shows the navigation."""
    current = session.current(request)
    return RequestContext(request, {}, session=current, access=_access(request, current))


def _access(request: Request, current: Session | None) -> Access | None:
    found = _PROJECT.fullmatch(request.path)
    if current is None or found is None or not is_id(found[1]):
        return None
    try:
        return members.open_project(current.user, found[1], signed_in_at=current.signed_in_at)
    except Exception:  # the error page is shown without the project
        return None
