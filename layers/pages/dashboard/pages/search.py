"""The search of the whole dashboard: pages, templates and keys by name; renders, batches and
requests by id."""

import re
from contextlib import suppress
from dataclasses import dataclass

from craftkit.batches import service as batches
from craftkit.errors import NotFoundError
from craftkit.ids import is_id
from craftkit.keys import service as keys
from craftkit.projects import members
from craftkit.renders import service as renders
from craftkit.templates import service as templates
from dashboard.navigation import PLACES
from dashboard.request_context import RequestContext
from dashboard.web import BASE, Response, see_other

_RESULTS = 12
_PAGE_LIMIT = 100
_PAGES_READ = 10
_QUERY_LIMIT = 100
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Result:
    kind: str
    name: str
    url: str
    detail: str = ""


def search(context: RequestContext) -> Response:
    """The results for `q`, as a fragment. Without `q`: the pages and the user's other projects."""
    query = context.request.query.get("q", "").strip()[:_QUERY_LIMIT]
    return context.fragment("search.html", query=query, results=_results(context, query))


def find_projects(context: RequestContext) -> Response:
    """All projects of the user whose name or id matches `q`, as a fragment."""
    if not context.request.is_fragment:
        return see_other(BASE)
    query = context.request.query.get("q", "").strip()[:_QUERY_LIMIT]
    wanted = query.casefold()
    found = [
        Result(place.member.role.capitalize(), place.project.name, _address(place.project.id))
        for place in members.list_memberships(context.user).joined
        if wanted in place.project.name.casefold() or wanted == place.project.id
    ]
    return context.fragment("search.html", query=query, results=found)


def _address(project_id: str) -> str:
    return f"{BASE}/projects/{project_id}"


def _results(context: RequestContext, query: str) -> list[Result]:
    wanted = query.casefold()
    places = [
        Result("Page", place.label, context.url(place.path))
        for place in PLACES
        if wanted in place.label.casefold()
    ]
    places += _projects(context, wanted)
    if not wanted:
        return places
    content = _by_id(context, query) + _templates(context, wanted) + _keys(context, wanted)
    return (content + places)[:_RESULTS]


def _projects(context: RequestContext, wanted: str) -> list[Result]:
    return [
        Result("Project", place.project.name, _address(place.project.id))
        for place in members.list_memberships(context.user).joined
        if place.project.id != context.project.id
        and (wanted in place.project.name.casefold() or wanted == place.project.id)
    ]


def _templates(context: RequestContext, wanted: str) -> list[Result]:
    found: list[Result] = []
    cursor = None
    for _ in range(_PAGES_READ):
        page = templates.list_templates(context.project.id, limit=_PAGE_LIMIT, cursor=cursor)
        found += [
            Result("Template", each.name, context.url(f"/templates/{each.slug}"), each.slug)
            for each in page.templates
            if wanted in each.name.casefold() or wanted in each.slug
        ]
        cursor = page.next_cursor
        if cursor is None or len(found) >= _RESULTS:
            break
    return found


def _keys(context: RequestContext, wanted: str) -> list[Result]:
    found: list[Result] = []
    cursor = None
    for _ in range(_PAGES_READ):
        some, cursor = keys.list_keys(context.project.id, limit=_PAGE_LIMIT, cursor=cursor)
        found += [
            Result("API key", each.name, context.url(f"/keys/{each.id}"), each.mode)
            for each in some
            if wanted in each.name.casefold() or wanted == each.id
        ]
        if cursor is None or len(found) >= _RESULTS:
            break
    return found


def _by_id(context: RequestContext, query: str) -> list[Result]:
    """The render, the batch or the request of this id, if it is one of the project."""
    if not is_id(query):
        return _request(context, query)
    project_id = context.project.id
    with suppress(NotFoundError):
        render = renders.get_render(project_id, query)
        url = context.url(f"/renders/{query}")
        return [Result("Render", render.template_slug, url, render.status)]
    with suppress(NotFoundError):
        batch = batches.get_batch(project_id, query)
        return [
            Result("Batch", batch.template_slug, context.url(f"/batches/{query}"), batch.status)
        ]
    return []


def _request(context: RequestContext, query: str) -> list[Result]:
    """The log's search for a request id, which is a UUID of another version than our ids."""
    if not _REQUEST_ID.fullmatch(query):
        return []
    return [Result("Request", query, context.url(f"/requests?q={query}"), "search the log")]
