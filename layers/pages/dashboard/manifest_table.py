"""Converts a manifest into the rows of one table, and rows into a manifest.

A row's path is the path in the manifest with `[]` after a loop: `customer.name`, `items[]`,
`items[].price`, `items[].serials[].code`. A row whose path ends in `[]` is the loop itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_FIELD = re.compile(r"row\.(\d{1,4})\.(path|label|type|required|format|description)")


@dataclass(frozen=True)
class Row:
    path: str
    label: str = ""
    type: str = "text"
    required: bool = False
    format: str = ""
    description: str = ""

    @property
    def is_loop(self) -> bool:
        return self.path.endswith("[]")


def rows_of(manifest: Mapping[str, Any]) -> list[Row]:
    """The rows of a manifest, which can be invalid."""
    return list(_rows("", [*manifest.get("variables", ()), *manifest.get("loops", ())]))


def rows_in(fields: Iterable[tuple[str, str]]) -> list[Row]:
    """The rows of a posted form (`row.<n>.path` and so on) in their order."""
    found: dict[str, dict[str, str]] = {}
    for name, value in fields:
        match = _FIELD.fullmatch(name)
        if match:
            found.setdefault(match[1], {})[match[2]] = value.strip()
    return [
        Row(
            path=fields["path"],
            label=fields.get("label") or _label(fields["path"]),
            type=fields.get("type") or "text",
            required=fields.get("required") == "yes",
            format=fields.get("format", ""),
            description=fields.get("description", ""),
        )
        for fields in found.values()
        if fields.get("path")
    ]


def manifest_of(rows: Iterable[Row], preview: Mapping[str, Any]) -> Json:
    """The manifest as JSON, with each variable's preview data. It is not validated."""
    root: Json = {"variables": [], "loops": []}
    loops: dict[str, Json] = {}
    for row in rows:
        *parents, key = row.path.removesuffix("[]").split("[].")
        if row.is_loop:
            loop = _loop(root, loops, [*parents, key])
            loop["label"], loop["required"] = row.label, row.required
            if row.description:
                loop["description"] = row.description
            continue
        field = _variable(key, row)
        if parents:
            _loop(root, loops, parents)["itemFields"].append(field)
        else:
            root["variables"].append(field | _previewed(preview, key.split(".")))
    for loop in root["loops"]:
        loop |= _previewed(preview, [loop["key"]])
    return root


def _rows(prefix: str, fields: Iterable[Any]) -> Iterator[Row]:
    for field in fields:
        if not isinstance(field, Mapping):
            continue
        is_loop = "itemFields" in field
        path = f"{prefix}{field.get('key', '')}{'[]' if is_loop else ''}"
        yield Row(
            path=path,
            label=str(field.get("label", "")),
            type="loop" if is_loop else str(field.get("dataType", "text")),
            required=bool(field.get("required", is_loop)),
            format=str(field.get("format") or ""),
            description=str(field.get("description") or ""),
        )
        if is_loop:
            yield from _rows(f"{path}.", field["itemFields"])


def _loop(root: Json, loops: dict[str, Json], keys: list[str]) -> Json:
    """The loop at these keys; it is created if no row has named it before."""
    path = "[].".join(keys)
    if path not in loops:
        siblings = _loop(root, loops, keys[:-1])["itemFields"] if keys[1:] else root["loops"]
        loops[path] = {"key": keys[-1], "label": _label(keys[-1]), "itemFields": []}
        siblings.append(loops[path])
    return loops[path]


def _variable(key: str, row: Row) -> Json:
    field: Json = {"key": key, "label": row.label, "dataType": row.type}
    if row.required:
        field["required"] = True
    for name in ("format", "description"):
        if getattr(row, name):
            field[name] = getattr(row, name)
    return field


def _previewed(preview: Any, steps: list[str]) -> Json:
    for step in steps:
        preview = preview.get(step) if isinstance(preview, Mapping) else None
    return {} if preview is None else {"previewData": preview}


def _label(path: str) -> str:
    """`customer.firstName` → `First name`."""
    last = re.split(r"[.\]]", path.removesuffix("[]"))[-1]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+", " ", last).strip().lower()
    return words[:1].upper() + words[1:]
