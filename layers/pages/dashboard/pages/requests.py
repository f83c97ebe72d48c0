"""The request log of a project: what its keys and tokens were used for."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from craftkit.errors import InvalidRequestError
from craftkit.keys import service as keys
from craftkit.openapi.routes import ROUTES
from craftkit.requests import service as requests
from craftkit.requests.models import RequestList
from craftkit.schema import validate_request
from craftkit.trust import service as trust
from dashboard.request_context import RequestContext
from dashboard.web import Response

_PAGE_LIMIT = 50
_KEYS_LIMIT = 100
"""Without a key to filter by, the requests of the project's newest keys are shown."""

_STATUSES = (("2xx", "succeeded"), ("4xx", "refused"), ("5xx", "failed"))

Text = Annotated[str, StringConstraints(max_length=2000)]


class Search(BaseModel):
    """The query string of the page. Times are as a browser's `datetime-local` sends them, UTC."""

    key: Text = ""
    status: Text = ""
    route: Text = ""
    request: Text = ""
    since: Text = ""
    until: Text = ""
    cursor: Text | None = None

    def as_query(self) -> RequestList:
        """The query of the log. Raises InvalidRequestError: a status or time is not valid."""
        given = {
            "limit": _PAGE_LIMIT,
            "cursor": self.cursor,
            "status": self.status.strip(),
            "route": self.route.strip(),
            "requestId": self.request.strip(),
            "from": self.since.strip(),
            "to": self.until.strip(),
        }
        return validate_request(
            RequestList, {name: value for name, value in given.items() if value}
        )


def list_requests(context: RequestContext) -> Response:
    search, project_id = context.query(Search), context.project.id
    newest, _ = keys.list_keys(project_id, limit=_KEYS_LIMIT)
    names = {key.id: key.name for key in newest}
    names |= {rule.id: rule.name for rule in trust.list_rules(project_id)}
    key_id = _log_id(project_id, names, search.key.strip())
    problem = None
    page = None
    if key_id != "":
        log_ids = [key_id] if key_id else list(names)
        try:
            page = requests.list_project_requests(log_ids, search.as_query())
        except InvalidRequestError as error:
            problem = error
    found = page.requests if page else []
    return context.page(
        "requests/list.html",
        requests=found,
        cursor=page.next_cursor if page else None,
        problem=problem,
        search=search,
        chosen={
            name: value
            for name, value in search.model_dump(exclude={"cursor"}).items()
            if value.strip()
        },
        names=names | keys.names_of(project_id, {each.key_id for each in found} - set(names)),
        no_such_key=key_id == "",
        key_choices=sorted(set(names.values())),
        statuses=_STATUSES,
        routes=sorted({each.path for each in ROUTES if each.scope}),
    )


def _log_id(project_id: str, names: dict[str, str], wanted: str) -> str | None:
    """The key or trust rule of this name or id; None for any, empty if there is none."""
    if not wanted:
        return None
    if wanted in names:
        return wanted
    for log_id, name in names.items():
        if name.casefold() == wanted.casefold():
            return log_id
    if wanted in keys.names_of(project_id, [wanted]):
        return wanted
    older = keys.find_by_name(project_id, wanted)
    return older.id if older else ""
