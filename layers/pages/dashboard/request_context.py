"""What a handler receives: the request, the signed-in user, the project, and ways to respond."""

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
        assert self.session is not None  # noqa: S101 the route's role requires it
        return self.session.user

    @property
    def project(self) -> Project:
        assert self.access is not None  # noqa: S101 the route's path has a project
        return self.access.project

    @property
    def member(self) -> Member:
        assert self.access is not None  # noqa: S101 the route's path has a project
        return self.access.member

    @property
    def theme(self) -> str:
        """`light` or `dark` if the user chose one on this browser, else an empty string."""
        chosen = self.request.cookies.get(THEME_COOKIE, "")
        return chosen if chosen in ("light", "dark") else ""

    def path(self, name: str) -> str:
        return self.parameters[name]

    def query[Model: BaseModel](self, kind: type[Model]) -> Model:
        """The query string as a model. Empty values count as absent."""
        given = {name: value for name, value in self.request.query.items() if value}
        return validate_request(kind, given)

    @property
    def cursor(self) -> str | None:
        """The cursor of a list's page; None for the first page."""
        return self.query(Paging).cursor

    def form(self, name: str) -> str:
        """A field of the posted form without surrounding white space; empty if it is absent."""
        return self.request.form.get(name, "").strip()

    def url(self, path: str = "") -> str:
        """The URL of a page of the project: `context.url("/keys")`."""
        return f"{BASE}/projects/{self.project.id}{path}"

    def page(self, name: str, status: int = 200, /, **context: Any) -> Response:
        """A whole page, with the flash content of the request before."""
        content = flash.load(self.request)
        response = self.fragment(name, status, flash=content, **context)
        return response.with_cookies(flash.clear(self.request)) if content else response

    def fragment(self, name: str, status: int = 200, /, **context: Any) -> Response:
        """A part of a page, for htmx."""
        html = view.render(name, context=self, now=utc_now(), **context)
        return Response(status, html.encode())

    def refused(self, name: str, error: CraftkitError, /, **context: Any) -> Response:
        """The page of an invalid form, with the entered values and the issues."""
        return self.page(name, 422, **{**context, "error": error, "form": self.request.form})

    def done(self, path: str, message: str = "", **content: Any) -> Response:
        """Redirect to a page of the project, which shows the message once."""
        return self.go(self.url(path), message, **content)

    def go(self, url: str, message: str = "", **content: Any) -> Response:
        """Redirect to a page, which shows the message once and gets the flash content."""
        response = see_other(url)
        if not message and not content:
            return response
        target = url.partition("?")[0].partition("#")[0]
        return response.with_cookies(flash.store(self.request, target, message=message, **content))
