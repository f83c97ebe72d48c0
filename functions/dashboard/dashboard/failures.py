"""What a person sees where something did not work."""

from craftkit.clock import utc_now
from craftkit.errors import CraftkitError
from craftkit.observability import logger
from dashboard import session, view
from dashboard.visit import Visit
from dashboard.web import Answer, Request, TooLargeError

_TITLES = {
    400: "This cannot be done",
    403: "You may not do this",
    404: "There is nothing here",
    409: "This has changed meanwhile",
    413: "This is too large",
}


def page_of(request: Request, error: Exception) -> tuple[str, Answer]:
    """The error's code for the log, and its page; for htmx, one sentence that is shown above."""
    if isinstance(error, TooLargeError):
        code, status, message = "payload_too_large", 413, "A form may have 1 MiB."
    elif isinstance(error, CraftkitError):
        code, status, message = error.code, error.status, str(error)
    else:
        logger.exception("failed")
        unforeseen = CraftkitError()
        code, status, message = unforeseen.code, unforeseen.status, str(unforeseen)
    if request.is_fragment:
        return code, Answer(status, message.encode(), content_type="text/plain; charset=utf-8")
    visit = Visit(request, {}, session=session.current(request))
    html = view.render(
        "failure.html",
        visit=visit,
        now=utc_now(),
        flash={},
        title=getattr(error, "title", _TITLES.get(status, "Something went wrong")),
        message=message,
        request_id=request.id,
    )
    return code, Answer(status, html.encode())
