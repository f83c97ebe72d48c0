"""The audit log of a project, newest first."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from craftkit.audit import service as audit
from dashboard.pages.keys import names_of
from dashboard.request_context import RequestContext
from dashboard.web import Response

_PAGE_LIMIT = 50


class Search(BaseModel):
    target: Annotated[str, StringConstraints(max_length=200)] | None = None
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None


def list_entries(context: RequestContext) -> Response:
    search = context.query(Search)
    page = audit.list_entries(
        context.project.id, target=search.target, limit=_PAGE_LIMIT, after=search.cursor
    )
    return context.page(
        "audit/list.html",
        entries=page.entries,
        cursor=page.after,
        search=search,
        names=names_of(context),
    )
