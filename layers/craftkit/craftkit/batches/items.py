"""Lists the documents of a batch, chunk by chunk, and then its invalid rows.

A cursor is a place in this order: the chunk, and how many of its documents were passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from craftkit import cursors
from craftkit.batches import files, repository
from craftkit.batches.models import Batch, Chunk, ItemList, ItemPage, ItemStatus, ItemView
from craftkit.batches.service import get_batch
from craftkit.batches.views import invalid_view, result_view, waiting_view
from craftkit.clock import utc_now
from craftkit.renders.service import EVERYTHING, Visibility

_INVALID = "~invalid"
"""With a number, the place of a part of the invalid rows in a cursor, behind every chunk's key."""


@dataclass(frozen=True)
class _Place:
    key: str = ""
    passed: int = 0


def list_items(
    project_id: str, batch_id: str, query: ItemList, *, visible: Visibility = EVERYTHING
) -> ItemPage:
    """A page of the documents of a batch.

    Raises:
        NotFoundError: the project has no such batch, or the caller may not see it.
        InvalidCursorError: the cursor belongs to another list.
    """
    batch = get_batch(project_id, batch_id, visible=visible)
    scope = f"batch/{project_id}/{batch_id}/{query.status or ''}"
    start = _Place(**cursors.unseal(query.cursor, scope)) if query.cursor else _Place()
    items: list[ItemView] = []
    last = None
    for place, item in _from(batch, start, query.status, utc_now()):
        if len(items) == query.limit:
            last = vars(place) | {"passed": place.passed - 1}
            break
        items.append(item)
    return ItemPage(items=items, next_cursor=cursors.seal(last, scope) if last else None)


def _from(
    batch: Batch, start: _Place, status: ItemStatus | None, now: datetime
) -> Iterator[tuple[_Place, ItemView]]:
    """Each document from a place on, with the place behind it."""
    chunks = repository.chunks_of(batch)
    replaced = {chunk.replaces for chunk in chunks}
    for chunk in chunks:
        if start.key > chunk.key or not _may_hold(batch, chunk, status):
            continue
        skipped = start.passed if start.key == chunk.key else 0
        items = _items_of(batch, chunk, status, now)
        for number, item in enumerate(items, 1):
            is_replaced = item.status == "failed" and chunk.key in replaced
            if number > skipped and not is_replaced and status in (None, item.status):
                yield _Place(chunk.key, number), item
    if status in (None, "invalid"):
        yield from _invalid(batch, start)


def _invalid(batch: Batch, start: _Place) -> Iterator[tuple[_Place, ItemView]]:
    for index, part in enumerate(batch.invalid_parts):
        key = f"{_INVALID}#{index:05d}"
        if start.key > key:
            continue
        skipped = start.passed if start.key == key else 0
        for number, row in enumerate(files.get_invalid(batch, part)[skipped:], skipped + 1):
            yield _Place(key, number), invalid_view(row)


def _may_hold(batch: Batch, chunk: Chunk, status: ItemStatus | None) -> bool:
    """Whether the chunk can have a document of the status, as far as its row says."""
    waiting = chunk.rows - chunk.done + chunk.cancelled
    return {
        None: True,
        "succeeded": chunk.succeeded > 0,
        "failed": chunk.failed > 0,
        "queued": waiting > 0 and batch.status == "running",
        "cancelled": waiting > 0 and batch.status == "cancelled",
        "invalid": False,
    }[status]


def _items_of(
    batch: Batch, chunk: Chunk, status: ItemStatus | None, now: datetime
) -> Iterator[ItemView]:
    ended = 0
    for result in files.get_results(chunk):
        ended += 1
        yield result_view(batch, result, now)
    if ended < chunk.rows and status in (None, "queued", "cancelled"):
        for row in files.get_rows(chunk)[ended:]:
            yield waiting_view(batch, row)
