"""Stores a render's data, compressed and encrypted, between the request and the worker.

Small data is stored in the render's row while the row stays within one write unit: the row is
written three times, and each write bills every kilobyte. Larger data is an item of its own, which
is written once. From 8 KB on, an object in the documents bucket is cheaper.
"""

import json
import zlib
from typing import Any

from craftkit import storage
from craftkit.dynamodb import Item, size_bytes
from craftkit.renders import input_keys, repository
from craftkit.renders.finishing import FinishingRequest
from craftkit.renders.models import Render
from craftkit.schema import from_stored

ROW_BYTES = 1024
"""One write unit of DynamoDB."""

ITEM_BYTES = 8 * 1024
"""Compressed. A write of an item costs 0.625 US$ a million for each KB, one of an object 5."""

_LATER_BYTES = 100
"""What is added to the row until the render ends: lease, times, pages, size, hash."""


def store(
    render: Render, data: dict[str, Any], row: Item, finishing: FinishingRequest | None = None
) -> Item:
    """Store the data, and the finishing with it. Returns the fields of the row that say where.

    Args:
        row: the render's row without its data.
    """
    content = [data, finishing.model_dump(mode="json")] if finishing else data
    compressed = zlib.compress(
        json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), level=9
    )
    sealed = input_keys.seal(render, compressed, row["expires_at"])
    inline = {"input": sealed}
    if size_bytes({**row, **inline}) + _LATER_BYTES <= ROW_BYTES:
        return inline
    if len(sealed) <= ITEM_BYTES:
        repository.put_input(render, sealed)
        return {"input_item": True}
    key = f"inputs/{render.project_id}/{render.id}"
    storage.put(key, sealed, content_type="application/octet-stream")
    return {"input_key": key}


def load(row: Item) -> dict[str, Any]:
    """The data of a render, by its row.

    Raises:
        NotFoundError: the data is no longer kept.
    """
    data, _ = load_all(row)
    return data


def load_all(row: Item) -> tuple[dict[str, Any], FinishingRequest | None]:
    """The data and the finishing of a render. Raises as `load`."""
    compressed = input_keys.unseal(row["project_id"], row["render_id"], _sealed(row))
    content = json.loads(zlib.decompress(compressed))
    if isinstance(content, dict):
        return content, None
    data, finishing = content
    return data, from_stored(FinishingRequest, finishing)


def _sealed(row: Item) -> bytes:
    if "input_key" in row:
        return storage.get(row["input_key"])
    if "input_item" in row:
        return repository.get_input(row["project_id"], row["render_id"])
    return bytes(row["input"])
