"""The JSON Schema that callers get and the validation accept the same data."""

import re
from datetime import date, datetime
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, FormatChecker
from jsonschema.validators import extend

from craftkit.errors import InvalidInputDataError
from craftkit.templates import data
from craftkit.templates.manifest_checks import BARCODE_FORMATS
from craftkit.templates.models import DataType, Manifest, read_manifest
from craftkit.templates.values import check_digit
from tests.unit.templates.manifests import invoice, nested

_TYPES: tuple[DataType, ...] = DataType.__args__  # type: ignore[attr-defined]

_formats = FormatChecker(formats=())


@_formats.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@_formats.checks("date-time", raises=ValueError)
def _is_datetime(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


def _has_check_digit(length: int, value: object) -> bool:
    if not isinstance(value, str) or len(value) != length:
        return True
    return value.isascii() and value.isdigit() and value[-1] == check_digit(value[:-1])


for name, length in {"ean13": 13, "ean8": 8, "upca": 12}.items():
    _formats.checks(name)(lambda value, length=length: _has_check_digit(length, value))


def _pattern(
    _validator: object, pattern: str, value: object, _schema: object
) -> Any:  # ECMA's `$` is the very end, Python's may stand before a last newline
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield jsonschema.ValidationError("does not match")


_Validator = extend(Draft7Validator, {"pattern": _pattern})


def _accepts(manifest: Manifest, value: object) -> bool:
    try:
        data.validate_data(manifest, value)
    except InvalidInputDataError:
        return False
    return True


def _conforms(manifest: Manifest, value: object) -> bool:
    schema = data.json_schema(manifest)
    return bool(_Validator(schema, format_checker=_formats).is_valid(value))


def _formats_of(data_type: DataType) -> tuple[str | None, ...]:
    if data_type == "barcode":
        return BARCODE_FORMATS
    return ("qr",) if data_type == "qr" else (None,)


VARIABLES = [
    {"label": "A", "dataType": data_type} | ({"format": format_} if format_ else {})
    for data_type in _TYPES
    for format_ in _formats_of(data_type)
]

LIKELY = st.sampled_from(
    [
        *("1", "-1.50", "1e3", "true", "FALSE", "True", "tRUE", "2026-11-24", "2026-02-30"),
        *("2026-11-24T10:30:00Z", "2026-11-24T10:30:00+14:00", "2026-11-24T24:00:01Z"),
        *("2026-11-24t10:30:00z", "0000-01-01", "a@b.de", "a@b", "https://a.de/x", "http://"),
        *("data:image/png;base64,AAAA", "data:image/bmp;base64,AAAA", "ABC", "abc", "12"),
        *("4006381333931", "4006381333930", "400638133393", "96385074", "036000291452", "1\n"),
        *(10**15, 10**15 - 1, -(10**15), 1e15, 0.1, -0.0, 10**400, 1e-300),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.from_regex(r"[0-9]{7,13}", fullmatch=True)
    | LIKELY
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(VARIABLES), st.booleans(), st.booleans(), ANYTHING)
def test_schema__agrees_with_validation_on_every_value(
    variable: dict[str, Any], required: bool, deep: bool, value: object
) -> None:
    key = "a.b" if deep else "a"
    manifest = read_manifest({"variables": [variable | {"key": key, "required": required}]})
    sent = {"a": {"b": value}} if deep else {"a": value}
    assert _accepts(manifest, sent) == _conforms(manifest, sent)


_ITEM = st.fixed_dictionaries(
    {}, optional={"name": st.just("Pen") | ANYTHING, "qty": SCALARS, "price": SCALARS}
)
_INVOICE = st.fixed_dictionaries(
    {},
    optional={
        "number": SCALARS,
        "customer": st.fixed_dictionaries({}, optional={"name": st.text() | SCALARS}) | ANYTHING,
        "items": st.lists(_ITEM | ANYTHING, max_size=3) | ANYTHING,
        "total": SCALARS,
    },
)
_ORDER = st.fixed_dictionaries(
    {"number": st.text()},
    optional={
        "lines": st.lists(
            st.fixed_dictionaries(
                {"qty": st.integers() | SCALARS},
                optional={
                    "article": st.fixed_dictionaries({}, optional={"photo": SCALARS}) | ANYTHING
                },
            ),
            max_size=3,
        )
        | ANYTHING
    },
)


@given(_INVOICE | ANYTHING)
def test_schema__agrees_with_validation_on_documents(value: object) -> None:
    assert _accepts(invoice(), value) == _conforms(invoice(), value)


@given(st.fixed_dictionaries({"orders": st.lists(_ORDER | ANYTHING, max_size=3)}))
def test_schema__agrees_with_validation_on_loops_in_loops(value: object) -> None:
    assert _accepts(nested(), value) == _conforms(nested(), value)


@given(_INVOICE)
def test_validate_data__accepts_its_own_output(value: object) -> None:
    try:
        validated = data.validate_data(invoice(), value)
    except InvalidInputDataError:
        return
    assert data.validate_data(invoice(), validated) == validated


def test_schema__is_draft_07_with_labels() -> None:
    schema = data.json_schema(invoice())
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["required"] == ["customer", "total", "items"]
    assert schema["properties"]["customer"]["properties"]["name"]["title"] == "Customer"


def test_preview__of_examples_alone_is_accepted() -> None:
    loop = {"key": "rows", "label": "Rows"}
    fields = [
        variable | {"key": f"v{index}", "required": True}
        for index, variable in enumerate(VARIABLES)
    ]
    manifest = read_manifest({"variables": fields, "loops": [loop | {"itemFields": fields}]})
    assert _accepts(manifest, data.preview_data(manifest))
    assert _conforms(manifest, data.preview_data(manifest))
