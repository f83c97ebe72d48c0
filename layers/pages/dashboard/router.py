"""Finds the route of a request, checks session, CSRF token and role, and calls the handler."""

from dataclasses import replace
from urllib.parse import quote, unquote

from craftkit.errors import ForbiddenError, NotFoundError
from craftkit.ids import is_id
from craftkit.projects import members
from craftkit.projects.members import SessionEndedError
from dashboard import session
from dashboard.request_context import RequestContext
from dashboard.routes import ROUTES, Role, Route
from dashboard.session import Session
from dashboard.web import BASE, Request, Response, see_other


class CsrfError(ForbiddenError):
    """A POST without the session's CSRF token, or from another origin."""

    title = "This form has expired"
    message = "The form is too old, or was sent from another site. Go back, reload and try again."


class RoleError(ForbiddenError):
    """The member's role does not allow the request."""

    message = "Your role in this project does not allow this. Ask an owner of the project."


class _PostOnlyError(Exception):
    """A GET of a path that accepts POST only. `page` is the page to show instead."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.page = page


def dispatch(request: Request) -> Response:
    """The response to a request.

    Raises:
        CraftkitError, TooLargeError: the request is refused or has failed.
    """
    try:
        found, parameters = _find(request)
    except _PostOnlyError as error:
        return see_other(error.page)
    context = RequestContext(request, parameters)
    if found.role == "anyone":
        return found.handler(context)
    current = session.current(request)
    if current is None:
        return _to_sign_in(request)
    context = replace(context, session=current)
    if request.method == "POST" and not current.has_sent(request):
        raise CsrfError
    try:
        context = _authorize(context, current, found.role)
    except SessionEndedError:
        return _to_sign_in(request).with_cookies(session.end(request))
    response = found.handler(context)
    renewal = session.renewed(request)
    # The response's own cookies come last, so that signing out replaces the renewed session.
    return replace(response, cookies=(renewal, *response.cookies)) if renewal else response


def _authorize(context: RequestContext, by: Session, role: Role) -> RequestContext:
    """Check the user's session and role, and add the project to the context.

    Raises:
        SessionEndedError: the user has signed out.
        NotFoundError: the user is no member of a project of this id.
        RoleError: the user's role in the project is lower than `role`.
    """
    if role == "user":
        members.require_session(by.user, signed_in_at=by.signed_in_at)
        return context
    project_id = context.path("project")
    if not is_id(project_id):
        raise NotFoundError("There is no project of this id.")
    access = members.open_project(by.user, project_id, signed_in_at=by.signed_in_at)
    member = access.member
    if role == "owner" and not member.may_manage_members:
        raise RoleError
    if role == "admin" and not member.may_change:
        raise RoleError
    return replace(context, access=access)


def _find(request: Request) -> tuple[Route, dict[str, str]]:
    path = request.path.rstrip("/")
    method = "GET" if request.method == "HEAD" else request.method
    if found := _match(method, path):
        return found
    if method == "GET" and not request.is_fragment and _match("POST", path):
        # The user opened or reloaded the address of a form.
        raise _PostOnlyError(_page_above(path))
    raise NotFoundError("There is no such page.")


def _match(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for candidate in ROUTES:
        match = candidate.pattern.fullmatch(path)
        if match and candidate.method == method:
            return candidate, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def _page_above(path: str) -> str:
    """The nearest page above a form's path; for the forms of the editor, the editor."""
    while path != BASE:
        path = path.rpartition("/")[0]
        for candidate in (f"{path}/edit", path):
            if _match("GET", candidate):
                return candidate
    return BASE


def _to_sign_in(request: Request) -> Response:
    """A redirect to the sign-in page, which returns to the requested page."""
    wanted = request.path if request.method == "GET" and not request.is_fragment else BASE
    if wanted != BASE and request.query:
        wanted += "?" + "&".join(f"{quote(k)}={quote(v)}" for k, v in request.query.items())
    if request.is_fragment:
        # The page and its form stay in the browser; its script shows a dialog to sign in.
        message = "Your session has ended. Sign in again."
        return Response(401, message.encode(), content_type="text/plain; charset=utf-8")
    return see_other(f"{BASE}/sign-in?to={quote(wanted, safe='/')}")
