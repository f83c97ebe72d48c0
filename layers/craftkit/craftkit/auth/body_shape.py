"""The shape of a JSON body: which fields of the API it has, and of which type.

It has no value and no name that the caller has chosen: both could hold a secret or personal data.
"""

from collections.abc import Mapping
from typing import Any

KNOWN_FIELDS = frozenset({
    "actor", "appearance", "callbacks", "catalog", "catalogRef", "data", "form", "id", "items",
    "jobId", "jsonrpc", "limits", "locale", "manifest", "metadata", "method", "name", "onInvalid",
    "options", "output", "params", "pdfStandard", "permissions", "publish", "renewToken", "scope",
    "source",
    "templateSlug", "tenant", "upload", "variableCatalog",
})  # fmt: skip
"""The top-level fields of the API's request bodies."""

_LONGEST = 400
"""A row of the request log stays below 1 KiB, which is one write unit."""


def shape_of_body(body: Mapping[str, Any]) -> str:
    """`data: object of 3, jobId: text, 1 unknown field`; at most 400 characters."""
    parts = [f"{name}: {_kind(body[name])}" for name in body if name in KNOWN_FIELDS]
    if unknown := len(body) - len(parts):
        parts.append(f"{unknown} unknown field{'s' if unknown > 1 else ''}")
    return ", ".join(parts)[:_LONGEST] or "empty object"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "text"
        case dict():
            return f"object of {len(value)}"
        case list():
            return f"list of {len(value)}"
        case _:
            return "number"
