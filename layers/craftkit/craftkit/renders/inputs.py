"""A render's data between the request and the worker: packed into its row while it is small,
in the documents bucket where it is not (a row holds 400 KB, a request 1 MiB)."""

import json
import zlib
from typing import Any

from craftkit import storage
from craftkit.dynamodb import Item
from craftkit.renders.models import Render

INLINE_LIMIT_BYTES = 32 * 1024
"""Packed. Most requests fit many times; a row costs a write unit for each KB of it."""


def keep(render: Render, data: dict[str, Any]) -> dict[str, Any]:
    """Put the data where the worker finds it, and answer the row's fields that say where."""
    packed = zlib.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
    if len(packed) <= INLINE_LIMIT_BYTES:
        return {"input": packed}
    key = f"inputs/{render.project_id}/{render.id}"
    storage.put(key, packed, content_type="application/zlib")
    return {"input_key": key}


def load(item: Item) -> dict[str, Any]:
    """The data of a claimed row."""
    packed = storage.get(item["input_key"]) if "input_key" in item else bytes(item["input"])
    return dict(json.loads(zlib.decompress(packed)))
