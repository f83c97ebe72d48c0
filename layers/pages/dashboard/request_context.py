"""What a page is given: the request, the signed-in user, the project, and ways to respond."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

from craftkit.clock import utc_now
from craftkit.errors import CraftkitError
from craftkit.projects.members import Access
from craftkit.projects.models import Member, Project, User
from craftkit.schema import validate_request
from dashboard import flash, view
from dashboard.session import Session
from dashboard.web import BASE, Request, Response, see_other

THEME_COOKIE = "craftkit-theme"
"""Written by `dashboard.js`: the choice is the browser's, and the server only reads it."""


class Paging(BaseModel):
    """The query string of a list."""

    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None


@dataclass(frozen=True)
class RequestContext:
    request: Request
    parameters: Mapping[str, str]
    session: Session | None = None
    access: Access | None = None

    @property
    def user(self) -> User:
        assert self.session is not None  # noqa: S101 the route needs a user
        return self.session.user

    @property
    def project(self) -> Project:
        assert self.access is not None  # noqa: S101 the route lies in a project
        return self.access.project

    @property
    def member(self) -> Member:
        assert self.access is not None  # noqa: S101 the route lies in a project
        return self.access.member

    @property
    def theme(self) -> str:
        """`light` or `dark` if the user chose one on this browser, else an empty string."""
        chosen = self.request.cookies.get(THEME_COOKIE, "")
        return chosen if chosen in ("light", "dark") else ""

    def path(self, name: str) -> str:
        return self.parameters[name]

    def query[Model: BaseModel](self, kind: type[Model]) -> Model:
        """The query string as a model; empty values are absent ones."""
        given = {name: value for name, value in self.request.query.items() if value}
        return validate_request(kind, given)

    @property
    def cursor(self) -> str | None:
        """Where in its list the page begins; None on the first."""
        return self.query(Paging).cursor

    def form(self, name: str) -> str:
        """A field of the posted form, without the space around it; empty where it is absent."""
        return self.request.form.get(name, "").strip()

    def url(self, path: str = "") -> str:
        """A page of the project: `context.url("/keys")`."""
        return f"{BASE}/projects/{self.project.id}{path}"

    def page(self, name: str, status: int = 200, /, **context: Any) -> Response:
        """A whole page, with what the page before left for it."""
        left = flash.found(self.request)
        response = self.fragment(name, status, flash=left, **context)
        return response.with_cookies(flash.take_away(self.request)) if left else response

    def fragment(self, name: str, status: int = 200, /, **context: Any) -> Response:
        """A part of a page, for htmx."""
        html = view.render(name, context=self, now=utc_now(), **context)
        return Response(status, html.encode())

    def refused(self, name: str, error: CraftkitError, /, **context: Any) -> Response:
        """The page of a form that did not fit, with what was entered and what is wrong."""
        return self.page(name, 422, **{**context, "error": error, "form": self.request.form})

    def done(self, path: str, said: str = "", **left: Any) -> Response:
        """The way on after a deed: a page of the project, which says once that it was done."""
        return self.go(self.url(path), said, **left)

    def go(self, url: str, said: str = "", **left: Any) -> Response:
        response = see_other(url)
        if not said and not left:
            return response
        target = url.partition("?")[0].partition("#")[0]
        return response.with_cookies(flash.leave(self.request, target, said=said, **left))
