"""Batches: search, show with their documents, and cancel."""

from typing import Any, get_args

from craftkit.auth.principal import Mode
from craftkit.batches import inspection, items
from craftkit.batches import service as batches
from craftkit.batches.inspection import BatchFilter
from craftkit.batches.models import Batch, BatchStatus, ItemList, ItemStatus
from craftkit.batches.views import signed_view_of
from craftkit.errors import NotFoundError
from craftkit.ids import is_id
from craftkit.keys import service as keys
from dashboard.listing import Listing, ListSearch, show
from dashboard.request_context import Paging, RequestContext
from dashboard.web import Response

_ITEMS = 25

_LIST: Listing[Batch] = Listing(
    path="/batches",
    name="batch",
    names="batches",
    columns={
        "id": lambda batch: batch.id,
        "created": lambda batch: batch.created_at,
        "completed": lambda batch: batch.completed_at,
        "status": lambda batch: batch.status,
        "mode": lambda batch: batch.mode,
        "template": lambda batch: batch.template_slug,
        "version": lambda batch: batch.version_number,
        "documents": lambda batch: batch.total,
        "succeeded": lambda batch: batch.succeeded,
        "failed": lambda batch: batch.failed,
        "invalid": lambda batch: batch.invalid,
        "pages": lambda batch: batch.page_count,
        "key": lambda batch: batch.key_id,
        "error": lambda batch: batch.error_code,
    },
    searched="Id or template",
    state=lambda batch: _state_of(batch),
)


class Search(ListSearch):
    """The query string of the list."""

    status: BatchStatus | None = None
    mode: Mode | None = None


class ItemSearch(Paging):
    """The query string of a batch's documents."""

    status: ItemStatus | None = None


def list_batches(context: RequestContext) -> Response:
    search = context.query(Search)
    wanted = BatchFilter(search.q, search.status or "", search.mode or "")
    return show(
        context,
        "batches/list.html",
        _LIST,
        search,
        lambda place, limit: inspection.find_batches(
            context.project.id, wanted, place, limit=limit
        ),
        lambda rows: {
            "statuses": get_args(BatchStatus),
            "keys": keys.names_of(context.project.id, [batch.key_id for batch in rows]),
        },
    )


def show_batch(context: RequestContext) -> Response:
    batch, search = _batch(context), context.query(ItemSearch)
    query = ItemList(limit=_ITEMS, cursor=search.cursor, status=search.status)
    page = items.list_items(context.project.id, batch.id, query)
    return context.page(
        "batches/show.html",
        **_shown(batch),
        items=page.items,
        cursor=page.next_cursor,
        search=search,
        statuses=get_args(ItemStatus),
        keys=keys.names_of(context.project.id, [batch.key_id]),
    )


def show_state(context: RequestContext) -> Response:
    """The part of the page that is polled until the batch has ended."""
    batch = _batch(context)
    if context.request.query.get("seen") == _state_of(batch):
        return Response(204)
    return context.fragment("batches/state.html", **_shown(batch))


def cancel(context: RequestContext) -> Response:
    batch = batches.cancel_batch(context.project.id, _batch(context).id)
    return context.done(f"/batches/{batch.id}", "The batch is cancelled.")


def _batch(context: RequestContext) -> Batch:
    batch_id = context.path("batch")
    if not is_id(batch_id):
        raise NotFoundError("There is no batch of this id in this project.")
    return batches.get_batch(context.project.id, batch_id)


def _shown(batch: Batch) -> dict[str, Any]:
    return {"batch": batch, "view": signed_view_of(batch), "state": _state_of(batch)}


def _state_of(batch: Batch) -> str:
    """What changes while a page shows the batch."""
    return f"{batch.status}-{batch.attempt}-{batch.done}-{batch.checked_bytes}"
