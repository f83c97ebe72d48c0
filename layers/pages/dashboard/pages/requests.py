"""The request log of a project: what its keys and tokens were used for."""

from collections.abc import Sequence
from typing import Any, Literal

from craftkit.keys import service as keys
from craftkit.openapi.routes import ROUTES
from craftkit.requests import service as requests
from craftkit.requests.models import ProjectRequestView
from craftkit.requests.repository import Filters
from craftkit.slices import Place, Slice
from craftkit.trust import service as trust
from dashboard.listing import Listing, ListSearch, Text, show
from dashboard.request_context import RequestContext
from dashboard.web import Response

_KEYS_LIMIT = 100
"""Without a key to filter by, the requests of the project's newest keys are shown."""

_STATUSES = (("2xx", "succeeded"), ("4xx", "refused"), ("5xx", "failed"))

_LIST: Listing[ProjectRequestView] = Listing(
    path="/requests",
    name="request",
    names="requests",
    columns={
        "id": lambda request: request.request_id,
        "time": lambda request: request.at,
        "method": lambda request: request.method,
        "route": lambda request: request.route,
        "status": lambda request: request.status,
        "code": lambda request: request.code,
        "key": lambda request: request.key_id,
        "address": lambda request: request.address,
        "client": lambda request: request.client,
        "milliseconds": lambda request: request.duration_ms,
        "fix": lambda request: request.fix,
    },
    searched="Request id",
    state=lambda request: request.status,
    id_of=lambda request: request.request_id,
)


class Search(ListSearch):
    """The query string of the list. `q` is a request id."""

    key: Text = ""
    status: Literal["2xx", "4xx", "5xx"] | None = None
    route: Text = ""


def list_requests(context: RequestContext) -> Response:
    search, project_id = context.query(Search), context.project.id
    newest, _ = keys.list_keys(project_id, limit=_KEYS_LIMIT)
    names = {key.id: key.name for key in newest}
    names |= {rule.id: rule.name for rule in trust.list_rules(project_id)}
    log_id = _log_id(project_id, names, search.key)
    log_ids = [log_id] if log_id else list(names)
    filters = Filters(status=search.status, route=search.route or None, request_id=search.q or None)

    def read(place: Place, limit: int) -> Slice[ProjectRequestView]:
        if log_id == "":
            return Slice()
        return requests.find_requests(log_ids, filters, place, limit=limit)

    def extra(rows: Sequence[ProjectRequestView]) -> dict[str, Any]:
        others = {each.key_id for each in rows} - set(names)
        return {
            "names": names | keys.names_of(project_id, others),
            "no_such_key": log_id == "",
            "key_choices": sorted(set(names.values())),
            "statuses": _STATUSES,
            "routes": sorted({each.path for each in ROUTES if each.scope}),
        }

    return show(context, "requests/list.html", _LIST, search, read, extra)


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
