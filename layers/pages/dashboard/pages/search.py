"""The search of the whole dashboard: pages, templates, keys and renders by name or id."""

from dataclasses import dataclass

from craftkit.errors import NotFoundError
from craftkit.ids import is_id
from craftkit.keys import service as keys
from craftkit.projects import members
from craftkit.renders import service as renders
from craftkit.templates import service as templates
from dashboard.request_context import RequestContext
from dashboard.web import BASE, Response

_RESULTS = 12
_PAGE_LIMIT = 100
_PAGES_READ = 10
_QUERY_LIMIT = 100

_PAGES = (
    ("Overview", ""),
    ("API keys", "/keys"),
    ("Create an API key", "/keys/new"),
    ("Trust rules", "/trust"),
    ("Create a trust rule", "/trust/new"),
    ("Templates", "/templates"),
    ("New template", "/templates/new"),
    ("Renders", "/renders"),
    ("Webhooks", "/webhooks"),
    ("Inbound hooks", "/hooks"),
    ("Embed", "/embed"),
    ("Usage", "/usage"),
    ("Audit log", "/audit"),
    ("Settings", "/settings"),
)


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


def _results(context: RequestContext, query: str) -> list[Result]:
    wanted = query.casefold()
    places = [
        Result("Page", name, context.url(path))
        for name, path in _PAGES
        if wanted in name.casefold()
    ]
    places += _projects(context, wanted)
    if not wanted:
        return places
    content = _by_id(context, query) + _templates(context, wanted) + _keys(context, wanted)
    return (content + places)[:_RESULTS]


def _projects(context: RequestContext, wanted: str) -> list[Result]:
    return [
        Result("Project", place.project.name, f"{BASE}/projects/{place.project.id}")
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
    """The render with this id, if it is one of the project."""
    if not is_id(query):
        return []
    try:
        render = renders.get_render(context.project.id, query)
    except NotFoundError:
        return []
    return [Result("Render", render.template_slug, context.url(f"/renders/{query}"), render.status)]
