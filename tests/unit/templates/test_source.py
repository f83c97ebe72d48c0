from typing import Any

import pytest

from craftkit.templates.models import read_manifest
from craftkit.templates.source import write_source


def _field(key: str, data_type: str = "text", **more: Any) -> dict[str, Any]:
    return {"key": key, "label": key.title(), "dataType": data_type, **more}


def _written(*variables: dict[str, Any], loops: tuple[dict[str, Any], ...] = ()) -> str:
    return write_source(read_manifest({"variables": list(variables), "loops": list(loops)}), "Slip")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (_field("a"), '("A", data.a),'),
        (_field("a", "number"), '("A", number(data.a)),'),
        (_field("a", "currency", format="CHF"), '("A", money(data.a, currency: "CHF")),'),
        (_field("a", "date", format="long"), '("A", day(data.a, style: "long")),'),
        (_field("a", "datetime"), '("A", day(data.a, time: "short")),'),
        (_field("a", "boolean"), '("A", yes-no(data.a)),'),
        (_field("a", "email"), '("A", mail(data.a)),'),
        (_field("a", "image"), '#picture(data.a, alt: "A", height: 2cm)'),
        (_field("a", "qr", format="qr"), "#qr(data.a)"),
        (_field("a", "barcode", format="ean13"), '#barcode(data.a, format: "ean13")'),
    ],
)
def test_write_source__shows_each_type_with_its_function_of_the_prelude(
    variable: dict[str, Any], expected: str
) -> None:
    assert expected in _written(variable)


def test_write_source__groups_become_sections_and_loops_tables() -> None:
    items = {
        "key": "items",
        "label": "Items",
        "itemFields": [_field("name"), _field("price", "currency")],
    }
    written = _written(_field("billTo.name"), _field("total", "currency"), loops=(items,))
    assert "== Bill to\n" in written
    assert "  align: (start, end),\n" in written
    assert '  table.header("Name", "Price"),\n' in written
    assert "  ..for item in data.items {\n" in written
    assert '#sums(\n  ("Total", money(data.total)),\n)' in written


def test_write_source__items_with_loops_become_sections_of_their_own() -> None:
    lines = {"key": "lines", "label": "Lines", "itemFields": [_field("qty", "number")]}
    orders = {
        "key": "orders",
        "label": "Orders",
        "itemFields": [_field("number", required=True), lines],
    }
    written = _written(loops=(orders,))
    assert "#for order in data.orders [\n  === #order.number\n" in written
    assert "    ..for line-item in order.lines {\n" in written


def test_write_source__contains_only_used_functions() -> None:
    plain = _written(_field("a"))
    assert "#let facts" in plain
    assert "#let sums" not in plain
    assert "#let mail" not in plain
    assert "#let mail" in _written(_field("a", "email"))


def test_write_source__labels_are_escaped_for_typst() -> None:
    written = _written(
        _field("for"), {"key": "a", "label": 'say "#panic()" \\', "dataType": "text"}
    )
    assert 'data.at("for")' in written
    assert r'"say \"#panic()\" \\"' in written
    assert '= #"#title"' in write_source(read_manifest({}), "#title")


def test_write_source__an_absent_long_text_has_no_heading() -> None:
    assert "#if data.notes != none [\n  == Notes\n  #data.notes\n]" in _written(
        _field("notes", "longtext")
    )
