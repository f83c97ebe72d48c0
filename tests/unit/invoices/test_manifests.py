"""The invoice mapping of a manifest: what is refused when it is published."""

import json
from typing import Any

import pytest

from craftkit.errors import InvalidRequestError
from craftkit.templates.models import read_manifest

VARIABLES = [
    {"key": "number", "label": "Number", "dataType": "text"},
    {"key": "date", "label": "Date", "dataType": "date"},
    {"key": "logo", "label": "Logo", "dataType": "image"},
]
LOOPS = [
    {
        "key": "items",
        "label": "Items",
        "itemFields": [{"key": "price", "label": "Price", "dataType": "currency"}],
    }
]


def manifest(**invoice: Any) -> dict[str, Any]:
    return {"variables": VARIABLES, "loops": LOOPS, "invoice": invoice}


def test_a_mapping_is_stored_with_the_manifest() -> None:
    mapped = {"BT-1": "number", "BG-25": "items", "BT-146": "items.price"}
    read = read_manifest(manifest(map=mapped))
    assert read.invoice is not None
    assert (read.invoice.profile, read.invoice.map) == ("en16931", mapped)
    assert read_manifest(json.loads(read.canonical)) == read


@pytest.mark.parametrize(
    ("mapped", "path", "words"),
    [
        ({"BT-999": "number"}, "BT-999", "business term"),
        ({"BT-1": "nummer"}, "BT-1", "no field nummer"),
        ({"BT-2": "number"}, "BT-2", "type date, datetime"),
        ({"BT-27": "logo"}, "BT-27", "of type image"),
        ({"BG-25": "number"}, "BG-25", "must be a loop"),
        ({"BT-146": "number"}, "BT-146", "currency, number"),
        ({"BT-114": "items.price"}, "BT-114", "inside the loop items"),
    ],
)
def test_a_wrong_mapping_is_refused_by_its_own_path(
    mapped: dict[str, str], path: str, words: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_manifest(manifest(map={"BG-25": "items", **mapped}))
    assert caught.value.issues is not None
    [message] = caught.value.issues.field_errors[f"invoice.map.{path}"]
    assert words in message


def test_a_profile_with_lines_needs_a_loop_of_lines() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_manifest(manifest(map={"BT-1": "number"}))
    assert caught.value.issues is not None
    assert list(caught.value.issues.field_errors) == ["invoice.map"]
    assert read_manifest(manifest(profile="minimum", map={"BT-1": "number"})).invoice
