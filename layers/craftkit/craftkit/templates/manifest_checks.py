"""Rules of a manifest that involve several values: formats, distinct keys, depth of loops.

They run on the parsed JSON, so that their issues are reported together with those of single values
and an author can correct all of them at once.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from craftkit.invoices.mapping import mapping_faults

LOOP_DEPTH_LIMIT = 3
"""Maximum depth of nested loops, such as orders, lines and serial numbers."""

BARCODE_FORMATS = (
    "code128",
    "code39",
    "ean13",
    "ean8",
    "upca",
    "itf",
    "datamatrix",
    "pdf417",
    "aztec",
    "qr",
)
RICHTEXT_FORMATS = ("markdown", "html")
DATE_STYLES = ("short", "medium", "long", "full")
_CURRENCY_CODE = re.compile(r"[A-Z]{3}")

Fault = tuple[str, str]
"""A path in the manifest (`loops.0.itemFields.1.key`) and a message."""


def format_fault(data_type: str, format_: str | None) -> str | None:
    """Why a variable of this type cannot have this format."""
    match data_type, format_:
        case "qr", value:
            return None if value == "qr" else "A qr variable needs the format qr"
        case "barcode", value:
            known = ", ".join(BARCODE_FORMATS)
            return None if value in BARCODE_FORMATS else f"A barcode variable needs one of: {known}"
        case _, None:
            return None
        case "richtext", value:
            known = ", ".join(RICHTEXT_FORMATS)
            return (
                None if value in RICHTEXT_FORMATS else f"The format of rich text is one of: {known}"
            )
        case "currency", value:
            fits = _CURRENCY_CODE.fullmatch(str(value))
            return None if fits else "The format of a currency is its ISO 4217 code, such as EUR"
        case (("date" | "datetime"), value):
            styles = ", ".join(DATE_STYLES)
            return None if value in DATE_STYLES else f"The format of a date is one of: {styles}"
    return f"A variable of type {data_type} cannot have a format"


def key_faults(keys: Sequence[object]) -> Iterator[tuple[int, str]]:
    """The index of each key that is repeated, or is both a value and an object; with a message."""
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if not isinstance(key, str):
            continue
        if key in seen:
            yield index, f"The key {key} is repeated"
        seen.add(key)
    for index, key in enumerate(keys):
        if isinstance(key, str):
            segments = key.split(".")
            for length in range(1, len(segments)):
                parent = ".".join(segments[:length])
                if parent in seen:
                    yield index, f"The key {parent} is a value, so {key} cannot be inside it"


def faults_of(manifest: object) -> Iterator[Fault]:
    """Every violation of these rules in parsed JSON. Other faults are ignored."""
    if not isinstance(manifest, dict):
        return
    variables, loops = (_entries(manifest.get(part)) for part in ("variables", "loops"))
    places = [
        *(f"variables.{index}" for index in range(len(variables))),
        *(f"loops.{index}" for index in range(len(loops))),
    ]
    fields = [*variables, *loops]
    for index, message in key_faults([field.get("key") for field in fields]):
        yield f"{places[index]}.key", message
    for place, variable in zip(places, variables, strict=False):
        yield from _variable_faults(variable, place)
    for index, loop in enumerate(loops):
        yield from _loop_faults(loop, f"loops.{index}", 1)
    yield from invoice_faults(manifest)


def invoice_faults(manifest: dict[str, Any]) -> Iterator[Fault]:
    """Every fault of the invoice mapping that joins it with variables and loops."""
    invoice = manifest.get("invoice")
    if not isinstance(invoice, dict):
        return
    types = dict(_types_in(manifest.get("variables"), manifest.get("loops"), ""))
    mapping, defaults = (_texts(invoice.get(part)) for part in ("map", "defaults"))
    profile = str(invoice.get("profile") or "en16931")
    for path, message in mapping_faults(mapping, defaults, types, profile):
        yield f"invoice.{path}", message


def _types_in(variables: Any, loops: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for variable in _entries(variables):
        yield f"{prefix}{variable.get('key')}", str(variable.get("dataType", ""))
    for loop in _entries(loops):
        path = f"{prefix}{loop.get('key')}"
        yield path, "loop"
        fields = _entries(loop.get("itemFields"))
        inner = [field for field in fields if "itemFields" in field]
        yield from _types_in([field for field in fields if field not in inner], inner, f"{path}.")


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(key): text for key, text in value.items() if isinstance(text, str)}


def _loop_faults(loop: dict[str, Any], place: str, depth: int) -> Iterator[Fault]:
    if depth > LOOP_DEPTH_LIMIT:
        yield place, f"Loops can be nested at most {LOOP_DEPTH_LIMIT} levels deep"
        return
    fields = _entries(loop.get("itemFields"))
    for index, message in key_faults([field.get("key") for field in fields]):
        yield f"{place}.itemFields.{index}.key", message
    for index, field in enumerate(fields):
        inside = f"{place}.itemFields.{index}"
        if "itemFields" in field:
            yield from _loop_faults(field, inside, depth + 1)
        else:
            yield from _variable_faults(field, inside)


def _variable_faults(variable: dict[str, Any], place: str) -> Iterator[Fault]:
    data_type, format_ = variable.get("dataType"), variable.get("format")
    if isinstance(data_type, str) and isinstance(format_, str | None):
        fault = format_fault(data_type, format_)
        if fault:
            yield f"{place}.format", fault


def _entries(value: Any) -> list[dict[str, Any]]:
    """The entries of a list; an entry that is not an object counts as an empty one."""
    if not isinstance(value, list):
        return []
    return [entry if isinstance(entry, dict) else {} for entry in value]
