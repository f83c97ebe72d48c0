"""Manifests that the tests of the templates room share."""

from typing import Any

from craftkit.templates.models import Manifest, read_manifest

INVOICE: dict[str, Any] = {
    "variables": [
        {"key": "number", "label": "Number", "dataType": "text"},
        {"key": "customer.name", "label": "Customer", "dataType": "text", "required": True},
        {"key": "total", "label": "Total", "dataType": "currency", "required": True},
    ],
    "loops": [
        {
            "key": "items",
            "label": "Items",
            "itemFields": [
                {"key": "name", "label": "Item", "dataType": "text", "required": True},
                {"key": "qty", "label": "Quantity", "dataType": "number", "required": True},
                {"key": "price", "label": "Price", "dataType": "currency", "required": True},
            ],
        }
    ],
}

NESTED: dict[str, Any] = {
    "loops": [
        {
            "key": "orders",
            "label": "Orders",
            "itemFields": [
                {"key": "number", "label": "Number", "dataType": "text", "required": True},
                {
                    "key": "lines",
                    "label": "Lines",
                    "itemFields": [
                        {"key": "qty", "label": "Quantity", "dataType": "number", "required": True},
                        {"key": "article.photo", "label": "Photo", "dataType": "image"},
                    ],
                },
            ],
        }
    ],
}


def invoice() -> Manifest:
    return read_manifest(INVOICE)


def nested() -> Manifest:
    return read_manifest(NESTED)


def one(data_type: str, required: bool = True, **more: Any) -> Manifest:
    """A manifest of one variable, `value`."""
    variable = {"key": "value", "label": "Value", "dataType": data_type, "required": required}
    return read_manifest({"variables": [variable | more]})
