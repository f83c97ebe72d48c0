"""From a template's data to business terms, each with the data path that it came from."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from craftkit.invoices.models import Faults, InvoiceMapping, Terms
from craftkit.invoices.terms import DOCUMENT, GROUPS, SCHEMED, TERMS, Term, groups_in, terms_of

_TEXTS = {"text", "longtext", "email", "url", "qr", "barcode"}
_FITTING = {
    "amount": {"number", "currency"},
    "price": {"number", "currency"},
    "quantity": {"number", "currency"},
    "percent": {"number", "currency"},
    "date": {"date", "datetime"},
    "text": {*_TEXTS, "number", "currency", "date", "datetime"},
    "code": {*_TEXTS, "number"},
    "identifier": {*_TEXTS, "number"},
}
_IS_NUMBER = {"amount", "price", "quantity", "percent"}
_COMPACT = {"BT-31", "BT-48", "BT-63", "BT-84", "BT-86", "BT-91"}
"""Identifiers that documents show in groups: `DK 12 34 56 78`."""

_LINES = (
    ("BT-35", "BT-36", "BT-162", "BT-37", "BT-38"),
    ("BT-50", "BT-51", "BT-163", "BT-52", "BT-53"),
    ("BT-64", "BT-65", "BT-164", "BT-66", "BT-67"),
    ("BT-75", "BT-76", "BT-165", "BT-77", "BT-78"),
)
"""Lines, city and post code of an address, which a template may hold as one text."""

_CITY = re.compile(r"((?:[A-Z]{1,2}-)?[0-9]{4,5}) (\D+)")
_ADDRESS_LINE = re.compile(r"\n| · ")

_UNITS = {
    "": "C62", "pc": "H87", "pcs": "H87", "piece": "H87", "pieces": "H87", "stk": "H87",
    "st": "H87", "unit": "C62", "units": "C62", "h": "HUR", "hr": "HUR", "hrs": "HUR",
    "hour": "HUR", "hours": "HUR", "std": "HUR", "min": "MIN", "d": "DAY", "day": "DAY",
    "days": "DAY", "week": "WEE", "weeks": "WEE", "month": "MON", "months": "MON", "year": "ANN",
    "years": "ANN", "kg": "KGM", "g": "GRM", "t": "TNE", "l": "LTR", "ml": "MLT", "m": "MTR",
    "cm": "CMT", "mm": "MMT", "km": "KMT", "m2": "MTK", "m²": "MTK", "m3": "MTQ", "m³": "MTQ",
    "kwh": "KWH", "set": "SET", "pair": "PR", "box": "XBX", "flat": "LS", "%": "P1",
}  # fmt: skip
"""Words for units on pages, as codes of UN/ECE Recommendation 20."""


def mapping_faults(
    mapping: Mapping[str, str],
    defaults: Mapping[str, str],
    types: Mapping[str, str],
    profile: str,
) -> Iterator[tuple[str, str]]:
    """What is wrong with a mapping, by its path below `invoice` (`map.BT-131`).

    Args:
        types: the data type of each path of the manifest, `loop` for loops.
    """
    for number, path in mapping.items():
        if fault := _fault(number, path, mapping, types):
            yield f"map.{number}", fault
    for number in defaults:
        if number not in TERMS:
            yield f"defaults.{number}", "Must be a business term of EN 16931, such as BT-5"
    if profile not in ("minimum", "basicwl") and "BG-25" not in mapping:
        yield "map", f"Map the group BG-25 to a loop: the profile {profile} has invoice lines"


def _fault(
    number: str, path: str, mapping: Mapping[str, str], types: Mapping[str, str]
) -> str | None:
    if number in GROUPS:
        is_loop = types.get(path) == "loop"
        return None if is_loop else f"{number} repeats: {path} must be a loop"
    term = TERMS.get(number)
    if term is None:
        return "Must be a business term or group of EN 16931, such as BT-1 or BG-25"
    faults = (_field_fault(term, one, mapping, types) for one in alternatives(path))
    return next(filter(None, faults), None)


def alternatives(path: str) -> list[str]:
    """The fields of `customer.company|customer.name`, of which the first with a value counts."""
    return path.split("|")


def _field_fault(
    term: Term, path: str, mapping: Mapping[str, str], types: Mapping[str, str]
) -> str | None:
    kind = types.get(path, "").partition(":")[0]
    if not kind:
        return f"There is no field {path} in this manifest"
    if kind not in _FITTING[term.kind]:
        fitting = ", ".join(sorted(_FITTING[term.kind]))
        return f"{term} needs a field of type {fitting}; {path} is of type {kind}"
    loops = {loop for loop in _parents(path) if types.get(loop) == "loop"}
    allowed = {
        loop for group in _group_paths(term.group, mapping) for loop in (group, *_parents(group))
    }
    if outside := sorted(loops - allowed):
        return f"{path} is inside the loop {outside[0]}: map the group of {term} to that loop"
    return None


def _parents(path: str) -> Iterator[str]:
    steps = path.split(".")
    return (".".join(steps[:length]) for length in range(1, len(steps)))


def _group_paths(group: str, mapping: Mapping[str, str]) -> Iterator[str]:
    while group != DOCUMENT:
        if path := mapping.get(group):
            yield path
        group = GROUPS[group].parent


@dataclass(frozen=True)
class _Scope:
    """The items that data paths start from: the data itself, an item, an item inside it."""

    levels: tuple[tuple[str, str, Any], ...]
    """Loop, path with index, item; outermost first."""

    def find(self, path: str) -> tuple[Any, str]:
        """The value at a manifest path, and its path with indices."""
        for loop, indexed, item in reversed(self.levels):
            if not loop:
                return _at(item, path.split(".")), path
            if path.startswith(f"{loop}."):
                rest = path[len(loop) + 1 :]
                return _at(item, rest.split(".")), f"{indexed}.{rest}"
        return None, path

    @property
    def path(self) -> str:
        return self.levels[-1][1]

    def items(self, loop: str) -> Iterator["_Scope"]:
        """The scope of each item of a loop; of a loop inside loops, those of all outer items."""
        for outer in _parents(loop):
            is_known = any(outer == known for known, _, _ in self.levels)
            if not is_known and isinstance(self.find(outer)[0], list):
                for scope in self.items(outer):
                    yield from scope.items(loop)
                return
        found, indexed = self.find(loop)
        for index, item in enumerate(found or ()):
            yield _Scope((*self.levels, (loop, f"{indexed}.{index}", item)))


def _at(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def read_terms(mapping: InvoiceMapping, data: Mapping[str, Any], faults: Faults) -> Terms:
    """The terms of validated data. What cannot be a value of its term is added to `faults`."""
    return _read(DOCUMENT, mapping, _Scope((("", "", data),)), "", faults)


def _read(group: str, mapping: InvoiceMapping, scope: _Scope, path: str, faults: Faults) -> Terms:
    terms = Terms(path)
    for term in terms_of(group):
        source = mapping.map.get(term.number)
        raw: Any = None
        for path_ in alternatives(source) if source else ():
            found, indexed = scope.find(path_)
            if term.number not in terms.paths or (raw in (None, "") and found not in (None, "")):
                raw, terms.paths[term.number] = found, indexed
        if raw in (None, ""):
            raw = mapping.defaults.get(term.number)
        if raw not in (None, ""):
            _take(terms, term, raw, faults)
    for number, scheme in SCHEMED.items():
        if scheme and number in terms.values:
            terms.values.setdefault(f"{number}-1", scheme)
    _spread_lines(terms)
    for inner in groups_in(group):
        entries = list(_entries(inner.number, mapping, scope, path, faults))
        if entries:
            terms.groups[inner.number] = entries
    return terms


def _entries(
    group: str, mapping: InvoiceMapping, scope: _Scope, path: str, faults: Faults
) -> Iterator[Terms]:
    loop = mapping.map.get(group)
    if loop is None:
        # Without a loop a group occurs once, if a field of it has a value.
        entry = _read(group, mapping, scope, path, faults)
        # Of the VAT breakdown even an empty one is read: it says where a reason belongs.
        is_known = group == "BG-23" and (entry.values or entry.paths)
        if is_known or any(entry.values.get(number) for number in entry.paths):
            yield entry
        return
    for inner in scope.items(loop):
        yield _read(group, mapping, inner, inner.path, faults)


def _take(terms: Terms, term: Term, raw: Any, faults: Faults) -> None:
    path = terms.paths.get(term.number, "")
    text = str(raw).strip()
    if term.kind in _IS_NUMBER:
        try:
            number = Decimal(text)
        except InvalidOperation:
            faults.add(path, term.number, f"{term.name} must be a number")
            return
        if term.kind == "amount":
            if number != number.quantize(Decimal("0.01")):
                faults.add(path, "BR-DEC", f"{term} must have at most 2 decimal places")
                return
            number = number.quantize(Decimal("0.01"))
        terms.values[term.number] = _plain(number) if term.kind != "amount" else number
    elif term.kind == "date":
        terms.values[term.number] = text[:10]
    elif term.number in _COMPACT:
        terms.values[term.number] = re.sub(r"\s", "", text).upper()
    elif term.number == "BT-130":
        terms.values[term.number] = _UNITS.get(text.lower(), text)
    elif term.kind == "code" and not term.number.endswith("-1"):
        terms.values[term.number] = text.upper()
    elif text:
        terms.values[term.number] = text


def _plain(number: Decimal) -> Decimal:
    """Without trailing zeros, and without an exponent."""
    short = number.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def _spread_lines(terms: Terms) -> None:
    """An address of several lines fills the terms after it that have no value.

    A line such as `75004 Paris` is post code and city.
    """
    for first, second, third, city, post_code in _LINES:
        lines = [line.strip() for line in _ADDRESS_LINE.split(terms.text(first)) if line.strip()]
        if len(lines) < 2 or second in terms.values or third in terms.values:
            continue
        found: dict[str, str] = {}
        if city not in terms.values and post_code not in terms.values:
            for line in lines[1:]:
                if match := _CITY.fullmatch(line):
                    found = {post_code: match[1], city: match[2]}
                    lines.remove(line)
                    break
        texts = (lines[0], lines[1] if len(lines) > 1 else "", ", ".join(lines[2:]))
        found |= dict(zip((first, second, third), texts, strict=True))
        for number, text in found.items():
            if text:
                terms.values[number] = text
                terms.paths.setdefault(number, terms.paths.get(first, ""))
