"""Generated sources compile with the real typesetter, for any manifest."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from craftkit.templates import data
from craftkit.templates.manifest_checks import BARCODE_FORMATS
from craftkit.templates.models import DataType, read_manifest
from craftkit.templates.source import write_source
from craftkit.typesetter import Job
from testkit.pdf import text_of, unbroken
from typesetting import typeset
from typesetting.files import with_files

_TYPES: tuple[DataType, ...] = DataType.__args__  # type: ignore[attr-defined]
_WORDS = ("items", "lines", "text", "for", "data", "_", "x-1", "boxes", "table", "keys", "If", "a")
_LABEL = st.text("aZ ä#*_$\\\"[]{}<>@=-/`~'9", min_size=1, max_size=12).filter(str.strip)


def _variable(key: str) -> st.SearchStrategy[dict[str, Any]]:
    def fields(data_type: str) -> st.SearchStrategy[dict[str, Any]]:
        formats = {"qr": st.just("qr"), "barcode": st.sampled_from(BARCODE_FORMATS)}
        return st.fixed_dictionaries(
            {
                "key": st.just(key),
                "label": _LABEL,
                "dataType": st.just(data_type),
                "required": st.booleans(),
            }
            | ({"format": formats[data_type]} if data_type in formats else {})
        )

    return st.sampled_from(_TYPES).flatmap(fields)


def _fields(depth: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    def some(keys: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
        kinds = [
            st.one_of(
                _variable(key), _variable(f"{key}.for"), *([_loop(key, depth - 1)] * (depth > 0))
            )
            for key in keys
        ]
        return st.tuples(*kinds).map(list)

    keys = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=5, unique=True)
    return keys.flatmap(some)


def _loop(key: str, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"key": st.just(key), "label": _LABEL, "itemFields": _fields(depth)}
    )


_MANIFESTS = _fields(3).map(
    lambda fields: {
        "variables": [field for field in fields if "itemFields" not in field],
        "loops": [field for field in fields if "itemFields" in field],
    }
)


@settings(deadline=None, max_examples=40)
@given(_MANIFESTS, _LABEL, st.booleans())
def test_generated_source__conforms_to_the_standard_for_any_manifest(
    raw: dict[str, Any], title: str, sparse: bool
) -> None:
    manifest = read_manifest(raw)
    sent: dict[str, Any] = data.preview_data(manifest)
    if sparse:
        sent = {key: value for key, value in sent.items() if not _is_optional(raw, key)}
    job = Job(
        source=write_source(manifest, title),
        data=data.validate_data(manifest, sent),
        types=data.types(manifest),
        locale="en",
        title=title,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    assert unbroken(title) in unbroken(text_of(typeset(with_files(job)).pdf))


def _is_optional(raw: dict[str, Any], key: str) -> bool:
    return not any(field["key"] == key for field in raw["loops"]) and not any(
        field["required"] for field in raw["variables"] if field["key"].split(".")[0] == key
    )
