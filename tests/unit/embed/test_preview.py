"""The data of a preview for a partly filled form."""

from hypothesis import given
from hypothesis import strategies as st

from craftkit.embed.page.preview import complete
from craftkit.templates.data import preview_data, validate_data
from craftkit.templates.gallery import load
from craftkit.templates.models import read_manifest

INVOICE = load("invoice").manifest
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(["number", "customer", "items", "total", "name", "qty", "price", "issuer"])
DATA = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES) | st.lists(VALUES, max_size=3))


@given(DATA)
def test_any_data_is_converted_to_valid_data(data: object) -> None:
    completed = complete(INVOICE, data).data
    assert validate_data(INVOICE, completed) == completed


@given(VALUES)
def test_a_value_that_is_no_object_is_replaced_by_the_sample(data: object) -> None:
    validate_data(INVOICE, complete(INVOICE, data).data)


def test_valid_values_are_kept_and_missing_ones_are_samples() -> None:
    sample = preview_data(INVOICE)
    data = complete(INVOICE, {"customer": {"name": "Ada"}, "items": []}).data
    assert data["customer"]["name"] == "Ada"
    assert data["items"] == []
    assert data["total"] == sample["total"]
    assert data["number"] is None


def test_the_users_input_is_unchanged() -> None:
    data = {"items": [{"name": 1}]}
    complete(INVOICE, data)
    assert data == {"items": [{"name": 1}]}


def test_additional_rows_use_the_samples_of_the_first_rows() -> None:
    manifest = read_manifest(
        {
            "loops": [
                {
                    "key": "items",
                    "label": "Items",
                    "itemFields": [
                        {"key": "n", "label": "N", "dataType": "number", "required": True}
                    ],
                    "previewData": [{"n": 1}, {"n": 2}],
                }
            ]
        }
    )
    data = complete(manifest, {"items": [{}, {}, {}]}).data
    assert [row["n"] for row in data["items"]] == ["1", "2", "1"]
