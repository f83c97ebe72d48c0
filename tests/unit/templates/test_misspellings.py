"""Names that are similar to the manifest's are reported, others are ignored."""

from typing import Any

import pytest

from craftkit.templates.misspellings import warnings_of_names
from craftkit.templates.models import read_manifest

MANIFEST = read_manifest(
    {
        "variables": [
            {"key": "number", "label": "Number", "dataType": "text"},
            {"key": "customer.name", "label": "Name", "dataType": "text"},
            {"key": "customer.vatNumber", "label": "VAT", "dataType": "text"},
        ],
        "loops": [
            {
                "key": "items",
                "label": "Items",
                "itemFields": [
                    {"key": "qty", "label": "Quantity", "dataType": "number"},
                    {"key": "discount", "label": "Discount", "dataType": "number"},
                ],
            }
        ],
    }
)


def test_misspelling__is_reported_with_the_nearest_name() -> None:
    assert warnings_of_names(MANIFEST, {"customer": {"nmae": "Ada"}}) == (
        "The manifest has no customer.nmae, so it was ignored. Did you mean customer.name?",
    )


def test_misspelling__of_every_item_is_reported_once() -> None:
    items = [{"qty": 1, "discuont": 2}] * 500
    assert warnings_of_names(MANIFEST, {"items": items}) == (
        "The manifest has no items.0.discuont, so it was ignored. Did you mean items.0.discount?",
    )


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"customer": {"name": "Ada", "nmae": "Bob"}},  # the right one is there
        {"event": "paid", "livemode": True, "customer": {"id": 7}},
        {"customer": "Ada", "items": {"qty": 1}},
        {"x" * 100_000: 1},
    ],
)
def test_misspelling__dissimilar_names_are_not_reported(data: dict[str, Any]) -> None:
    assert warnings_of_names(MANIFEST, data) == ()


def test_misspelling__many_names_are_compared_quickly() -> None:
    flood = {f"numbe{n}": n for n in range(50_000)}
    assert len(warnings_of_names(MANIFEST, flood)) <= 20
