"""From a request to the function that answers it, past everybody who may not ask."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import quote, unquote

from craftkit.errors import ForbiddenError, NotFoundError
from craftkit.ids import is_id
from craftkit.projects import members
from craftkit.projects.members import SessionEndedError
from dashboard import session
from dashboard.request_context import RequestContext
from dashboard.session import Session
from dashboard.web import BASE, Request, Response, see_other

Needs = Literal["anyone", "user", "viewer", "admin", "owner"]
"""Who a route is for. From `viewer` on, it lies in a project that the path names."""

Page = Callable[[RequestContext], Response]

_SEGMENT = re.compile(r"\{(\w+)\}")


class CsrfError(ForbiddenError):
    """A POST that none of this session's pages sent."""

    title = "This cannot be sent any more"
    message = "This form is too old, or was not sent from here. Go back, reload and try again."


class RoleError(ForbiddenError):
    """A member's role does not reach so far."""

    message = "Your role in this project does not let you do this. Ask one of its owners."


class _PostedToError(Exception):
    """A GET of an address that takes POST alone. `page` is what to show instead."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.page = page


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    needs: Needs
    page: Page


_routes: list[_Route] = []


def route(method: str, path: str, *, needs: Needs = "viewer") -> Callable[[Page], Page]:
    """Have a function answer a method and a path below `/dashboard`, such as `/projects/{project}`.

    Viewers cannot POST, and a POST is accepted only from this session's own pages.
    """
    if method == "POST" and needs in ("anyone", "viewer"):
        raise ValueError(f"{path} could be posted to by anybody")
    pattern = re.compile(BASE + _SEGMENT.sub(r"(?P<\1>[^/]+)", path))

    def register(page: Page) -> Page:
        _routes.append(_Route(method, pattern, needs, page))
        return page

    return register


def dispatch(request: Request) -> Response:
    """The response to a request.

    Raises:
        CraftkitError, TooLargeError: why there is none.
    """
    try:
        found, parameters = _find(request)
    except _PostedToError as posted:
        return see_other(posted.page)
    context = RequestContext(request, parameters)
    if found.needs == "anyone":
        return found.page(context)
    current = session.current(request)
    if current is None:
        return _to_sign_in(request)
    context = replace(context, session=current)
    if request.method == "POST" and not current.vouches_for(request):
        raise CsrfError
    try:
        context = _admit(context, current, found.needs)
    except SessionEndedError:
        return _to_sign_in(request).with_cookies(session.end(request))
    response = found.page(context)
    renewal = session.renewed(request)
    # Before the response's own cookies: signing out must have the last word.
    return replace(response, cookies=(renewal, *response.cookies)) if renewal else response


def _admit(context: RequestContext, by: Session, needs: Needs) -> RequestContext:
    """The context, with the project that it is to.

    Raises:
        SessionEndedError: the user signed out since.
        NotFoundError: the path names no project of theirs.
        RoleError: they are a member of it, and may only look.
    """
    if needs == "user":
        members.require_session(by.user, signed_in_at=by.signed_in_at)
        return context
    project_id = context.path("project")
    if not is_id(project_id):
        raise NotFoundError("There is no project of this id.")
    access = members.open_project(by.user, project_id, signed_in_at=by.signed_in_at)
    member = access.member
    if needs == "owner" and not member.may_manage_members:
        raise RoleError
    if needs == "admin" and not member.may_change:
        raise RoleError
    return replace(context, access=access)


def _find(request: Request) -> tuple[_Route, dict[str, str]]:
    path = request.path.rstrip("/")
    method = "GET" if request.method == "HEAD" else request.method
    if found := _match(method, path):
        return found
    if method == "GET" and not request.is_fragment and _match("POST", path):
        # Somebody opened or reloaded the address that a form was sent to.
        raise _PostedToError(_page_above(path))
    raise NotFoundError("There is no such page.")


def _match(method: str, path: str) -> tuple[_Route, dict[str, str]] | None:
    for candidate in _routes:
        match = candidate.pattern.fullmatch(path)
        if match and candidate.method == method:
            return candidate, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def _page_above(path: str) -> str:
    """The page that a form's address lies below; a form of the editor lies below the editor."""
    while path != BASE:
        path = path.rpartition("/")[0]
        for candidate in (f"{path}/edit", path):
            if _match("GET", candidate):
                return candidate
    return BASE


def _to_sign_in(request: Request) -> Response:
    """The sign-in page, which leads back to the page that was asked for."""
    wanted = request.path if request.method == "GET" and not request.is_fragment else BASE
    if wanted != BASE and request.query:
        wanted += "?" + "&".join(f"{quote(k)}={quote(v)}" for k, v in request.query.items())
    if request.is_fragment:
        # The page stays, with what was entered in it; its script offers to sign in over it.
        message = "Your session has ended. Sign in again."
        return Response(401, message.encode(), content_type="text/plain; charset=utf-8")
    return see_other(f"{BASE}/sign-in?to={quote(wanted, safe='/')}")
