"""Renders: search, show, download, cancel and retry."""

from collections.abc import Sequence
from typing import Any, get_args

from craftkit.auth.principal import Mode
from craftkit.clock import utc_now
from craftkit.errors import NotFoundError, RateLimitedError
from craftkit.ids import is_id
from craftkit.keys import service as keys
from craftkit.remote_typesetter import preview_remotely
from craftkit.renders import inspection
from craftkit.renders import service as renders
from craftkit.renders.inspection import Filter
from craftkit.renders.models import Render, Source, Status
from craftkit.renders.views import delivery_of
from craftkit.slices import Place, Slice
from craftkit.templates import service as templates
from craftkit.typesetter import TypesettingError
from dashboard.compilations import bounded
from dashboard.listing import Listing, ListSearch, Text, show
from dashboard.request_context import RequestContext
from dashboard.web import Response, see_other

_CHOICES = 100

_LIST: Listing[Render] = Listing(
    path="/renders",
    name="render",
    names="renders",
    columns={
        "id": lambda render: render.id,
        "created": lambda render: render.created_at,
        "completed": lambda render: render.completed_at,
        "status": lambda render: render.status,
        "mode": lambda render: render.mode,
        "template": lambda render: render.template_slug,
        "version": lambda render: render.version_number,
        "filename": lambda render: render.filename,
        "pages": lambda render: render.page_count,
        "bytes": lambda render: render.size_bytes,
        "key": lambda render: render.key_id,
        "source": lambda render: render.source,
        "job": lambda render: render.job_id,
        "metadata": lambda render: render.metadata,
        "error": lambda render: render.error_code,
    },
    searched="Id, file name, job id, name:value, error",
    state=lambda render: _state_of(render),
)


class Search(ListSearch):
    """The query string of the list."""

    status: Status | None = None
    mode: Mode | None = None
    template: Text = ""
    key: Text = ""
    source: Source | None = None

    def as_filter(self, key_id: str | None) -> Filter:
        return Filter(self.status, self.mode, self.template or None, key_id, self.source, self.q)


def list_renders(context: RequestContext) -> Response:
    search, project_id = context.query(Search), context.project.id
    key_id = _key_id(project_id, search.key) if search.key else None
    is_unknown = bool(search.key) and key_id is None
    wanted = search.as_filter(key_id)

    def read(place: Place, limit: int) -> Slice[Render]:
        return Slice() if is_unknown else inspection.search(project_id, wanted, place, limit=limit)

    def extra(rows: Sequence[Render]) -> dict[str, Any]:
        newest_keys, _ = keys.list_keys(project_id, limit=_CHOICES)
        some_templates = templates.list_templates(project_id, limit=_CHOICES).templates
        return {
            "statuses": get_args(Status),
            "keys": keys.names_of(project_id, [render.key_id for render in rows]),
            "key_choices": [key.name for key in newest_keys],
            "no_such_key": is_unknown,
            "templates": [(each.slug, each.name) for each in some_templates],
        }

    return show(context, "renders/list.html", _LIST, search, read, extra)


def show_render(context: RequestContext) -> Response:
    render = _render(context)
    try:
        shape = inspection.shape_of(renders.get_data(render))
    except (NotFoundError, KeyError):
        shape = None
    return context.page("renders/show.html", **_shown(render), shape=shape, key=_key_of(render))


def show_state(context: RequestContext) -> Response:
    """The part of the page that is polled until the render has ended."""
    render = _render(context)
    if context.request.query.get("seen") == _state_of(render):
        return Response(204)
    return context.fragment("renders/state.html", **_shown(render))


def show_pages(context: RequestContext) -> Response:
    render = _render(context)
    try:
        preview = inspection.draw_pages(render, draw=bounded(context, preview_remotely))
    except (TypesettingError, NotFoundError, RateLimitedError) as error:
        return context.fragment("renders/pages.html", problem=str(error))
    return context.fragment("renders/pages.html", problem=None, preview=preview)


def download(context: RequestContext) -> Response:
    render = _render(context)
    _, url = renders.download(context.project.id, render.id)
    return see_other(url)


def cancel(context: RequestContext) -> Response:
    render = renders.cancel_render(context.project.id, _render(context).id)
    return context.done(f"/renders/{render.id}", "The render is cancelled.")


def retry(context: RequestContext) -> Response:
    render = renders.retry_render(context.project.id, _render(context).id)
    return context.done(f"/renders/{render.id}", "The render is queued again.")


def _key_id(project_id: str, wanted: str) -> str | None:
    """The id of a key by its name or id."""
    if is_id(wanted):
        return wanted
    key = keys.find_by_name(project_id, wanted)
    return key.id if key else None


def _render(context: RequestContext) -> Render:
    render_id = context.path("render")
    if not is_id(render_id):
        raise NotFoundError("There is no render of this id in this project.")
    return renders.get_render(context.project.id, render_id)


def _key_of(render: Render) -> str | None:
    try:
        return keys.get_key(render.key_id).name
    except NotFoundError:
        return None


def _shown(render: Render) -> dict[str, Any]:
    ended = render.completed_at or utc_now()
    elapsed = round((ended - render.created_at).total_seconds() * 1000)
    is_changing = not render.is_finished or _is_first_delivery_pending(render)
    shown = {"render": render, "elapsed": elapsed, "is_changing": is_changing}
    return {**shown, "delivery": delivery_of(render), "state": _state_of(render)}


def _state_of(render: Render) -> str:
    """What changes while a page shows the render."""
    sent = f"-{render.delivery.status}-{render.delivery.attempts}" if render.delivery else ""
    return f"{render.status}-{render.attempt}{sent}"


def _is_first_delivery_pending(render: Render) -> bool:
    delivery = delivery_of(render)
    return bool(delivery and delivery.status == "pending" and delivery.attempts == 0)
