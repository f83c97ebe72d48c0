"""A manifest as rows, and back."""

from typing import Any

import pytest

from craftkit.templates import gallery
from craftkit.templates.data import preview_data
from craftkit.templates.models import read_manifest
from dashboard.manifest_table import Row, manifest_of, rows_in, rows_of

NESTED: dict[str, Any] = {
    "variables": [
        {"key": "customer.name", "label": "Name", "dataType": "text", "required": True},
        {"key": "code", "label": "Code", "dataType": "barcode", "format": "ean13"},
    ],
    "loops": [
        {
            "key": "items",
            "label": "Items",
            "required": True,
            "itemFields": [
                {"key": "price", "label": "Price", "dataType": "currency", "format": "EUR"},
                {
                    "key": "serials",
                    "label": "Serials",
                    "required": False,
                    "itemFields": [{"key": "no.full", "label": "No", "dataType": "text"}],
                },
            ],
        }
    ],
}


def test_rows_of_a_loop_have_its_path() -> None:
    assert [(row.path, row.type) for row in rows_of(NESTED)] == [
        ("customer.name", "text"),
        ("code", "barcode"),
        ("items[]", "loop"),
        ("items[].price", "currency"),
        ("items[].serials[]", "loop"),
        ("items[].serials[].no.full", "text"),
    ]


def test_a_manifest_is_unchanged_after_conversion_to_rows_and_back() -> None:
    assert manifest_of(rows_of(NESTED), {}) == NESTED


@pytest.mark.parametrize("entry", gallery.entries(), ids=lambda entry: entry.slug)
def test_a_gallery_manifest_and_its_preview_data_are_unchanged(entry: gallery.Entry) -> None:
    data = preview_data(entry.manifest)
    manifest = read_manifest(manifest_of(rows_of(entry.manifest.as_json()), data))
    assert preview_data(manifest) == data
    assert rows_of(manifest.as_json()) == rows_of(entry.manifest.as_json())


def test_a_loop_without_a_row_is_created_for_its_fields() -> None:
    manifest = manifest_of([Row("lines[].unitPrice", "Price", "currency")], {})
    assert manifest["loops"] == [
        {
            "key": "lines",
            "label": "Lines",
            "itemFields": [{"key": "unitPrice", "label": "Price", "dataType": "currency"}],
        }
    ]


def test_a_form_is_read_in_the_order_of_its_rows() -> None:
    fields = [
        ("row.7.path", "b"), ("row.7.label", "B"), ("row.7.required", "yes"), ("row.2.path", " a "),
        ("row.NEW.path", "template"), ("row.3.path", ""), ("other", "x"), ("row.2.evil", "x"),
    ]  # fmt: skip
    assert rows_in(fields) == [Row("b", "B", required=True), Row("a", "A")]


@pytest.mark.parametrize(
    ("path", "label"),
    [("customer.firstName", "First name"), ("items[].unit_price", "Unit price"), ("x", "X")],
)
def test_a_row_without_a_label_gets_one(path: str, label: str) -> None:
    assert rows_in([("row.0.path", path)])[0].label == label


@pytest.mark.parametrize(
    "manifest", [{}, {"variables": [None, 3, {}]}, {"variables": [{"key": None}], "loops": ["x"]}]
)
def test_an_incomplete_manifest_has_rows(manifest: dict[str, Any]) -> None:
    rows_of(manifest)


@pytest.mark.parametrize("path", ["[]", "[].x", "a[][]", "a[]b", "a[].b[].c[].d[].e", ".", "a..b"])
def test_an_invalid_path_is_refused_by_the_manifest(path: str) -> None:
    manifest_of([Row(path)], {"a": 1})
