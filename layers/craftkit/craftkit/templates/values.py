"""The data types: for each its conversion, its JSON Schema and an example.

Conversion and schema must agree: data that is valid by the schema is never refused. Patterns are
valid in ECMA-262 and in Python, and match the whole value.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from pydantic_core import PydanticCustomError

from craftkit.templates.models import DataType, Variable

RICHTEXT_LIMIT = 100_000
"""Maximum characters of one rich text: about forty pages."""

# A quantity times an amount, ten thousand times over, fits the 28 digits that Typst counts with.
_PLACES = 12

# No white space, control characters, or what no URL holds unescaped.
_URL_CHARACTER = r'[^\x00-\x20\x7f-\xa0<>"\\^`{|}]'
_HOST_CHARACTER = r'[^\x00-\x20\x7f-\xa0<>"\\^`{|}/?#@]'
_URL = rf"[Hh][Tt][Tt][Pp][Ss]?://{_HOST_CHARACTER}+([/?#]{_URL_CHARACTER}*)?"
_IMAGE_URI = (
    r"data:image/(png|jpeg|jpg|gif|webp|svg\+xml)(;charset=[A-Za-z0-9-]+)?"
    r";base64,[A-Za-z0-9+/]+={0,2}"
)
_MAIL_CHARACTER = r'[^\x00-\x20\x7f-\xa0@<>()",:;\\\[\]]'
_MAIL_LABEL = r'[^\x00-\x20\x7f-\xa0@<>()",:;\\\[\].]+'

# The smallest that the symbology always holds: ASCII, or any text at four bytes a character.
_QR = r"[\x00-\x7f]{1,2300}|[\s\S]{1,570}"
_DATA_MATRIX = r"[\x00-\x7f]{1,1500}|[\s\S]{1,380}"
_CODES: dict[str, str] = {
    "qr": _QR,
    "aztec": _DATA_MATRIX,
    "datamatrix": _DATA_MATRIX,
    "pdf417": r"[\x00-\x7f]{1,1000}|[\s\S]{1,250}",
    "code128": r"[\x20-\x7e]{1,80}",
    "code39": r"[0-9A-Z. $/+%-]{1,40}",
    "itf": r"([0-9]{2}){1,40}",
    "ean13": r"[0-9]{12,13}",
    "ean8": r"[0-9]{7,8}",
    "upca": r"[0-9]{11,12}",
}
_CHECKED_LENGTH = {"ean13": 13, "ean8": 8, "upca": 12}

_EXAMPLE_IMAGE = (
    "data:image/svg+xml;base64,"
    + b64encode(b"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 120" width="160" height="120">\
<rect width="160" height="120" rx="6" fill="#e2e8f0"/><circle cx="48" cy="42" r="12" fill="#fff"/>\
<path d="M16 104 62 58l24 24 18-18 40 40z" fill="#94a3b8"/></svg>""").decode()
)


@dataclass(frozen=True)
class ValueType:
    """The type of one variable.

    Args:
        read: converts a value for the typesetter; raises `PydanticCustomError`.
        schema: JSON Schema draft-07, without `null`.
        example: the default of the preview data, for the item of that index.
    """

    read: Callable[[Any], Any]
    schema: dict[str, Any]
    example: Callable[[int], Any]


def value_type(variable: Variable) -> ValueType:
    if variable.data_type in ("qr", "barcode"):
        return _code(str(variable.format))
    if variable.data_type in ("text", "longtext", "richtext"):
        return _text(variable)
    return _TYPES[variable.data_type]


def _text(variable: Variable) -> ValueType:
    """Text without control characters.

    Whole numbers are accepted, such as an invoice's number. Numbers with a fraction are not: a
    binary float loses their notation (`1.10`). Blank text counts as absent: a required value is
    missing then, and an optional value becomes None.
    """

    limit = RICHTEXT_LIMIT if variable.data_type == "richtext" else None

    def read(value: Any) -> str | None:
        text = _readable(value)
        if limit and len(text) > limit:
            raise _refusal(value, f"Must have {limit:,} or fewer characters")
        if text.strip():
            return text
        if variable.required:
            raise _refusal(None, "Required")
        return None

    schema: dict[str, Any] = {"type": ["string", "integer"]}
    if variable.required:
        schema["pattern"] = r"[^\s\x00-\x1f\x7f-\x9f]"
    if limit:
        schema["maxLength"] = limit
    example = variable.label
    if variable.data_type == "longtext":
        example = _LOREM
    elif variable.data_type == "richtext":
        example = _RICH_HTML if variable.format == "html" else _RICH_MARKDOWN
    return ValueType(read, schema, lambda _: example)


def _readable(value: Any) -> str:
    if _is_whole(value):
        return str(int(value))
    if not isinstance(value, str):
        raise _refusal(value, "Must be text")
    if value.isprintable():
        return value
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _refusal(value, "Must be valid Unicode text")
    return _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))


def _is_whole(value: Any) -> bool:
    """Whether it is an integer by JSON Schema: `42` and `42.0`."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


_WRITTEN_NUMBER = re.compile(r"-?([0-9]+)(?:\.[0-9]+)?").fullmatch


def _decimal(whole_digits: int, example: Callable[[int], Any]) -> ValueType:
    """A number, or a numeric string, as an exact decimal string.

    A string keeps its digits (`10.00`). A JSON number is parsed as a binary float, and becomes the
    shortest decimal of that float with at most twelve decimal places.
    """
    limit = 10**whole_digits
    pattern = rf"-?[0-9]{{1,{whole_digits}}}(\.[0-9]{{1,{_PLACES}}})?"
    matches = re.compile(pattern).fullmatch

    def read(value: Any) -> str:
        if isinstance(value, str) and matches(value):
            number = Decimal(value)
        elif isinstance(value, str) and (written := _WRITTEN_NUMBER(value)):
            is_too_large = len(written[1]) > whole_digits
            most = f"{whole_digits} whole digits" if is_too_large else f"{_PLACES} decimal places"
            raise _refusal(value, f"Must be a number of at most {most}")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise _refusal(value, "Must be a number")
        elif not abs(value) < limit:  # also refuses NaN, which compares as false
            raise _refusal(value, f"Must be a number of at most {whole_digits} whole digits")
        elif isinstance(value, float) and not value.is_integer():
            number = Decimal(repr(value))
        else:
            number = Decimal(int(value))
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -_PLACES:
            number = number.quantize(Decimal(1).scaleb(-_PLACES), ROUND_HALF_EVEN).normalize()
        return format(number if number else abs(number), "f")

    schema = {
        "type": ["number", "string"],
        "pattern": f"^{pattern}$",
        "exclusiveMinimum": -limit,
        "exclusiveMaximum": limit,
    }
    return ValueType(read, schema, example)


def read_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLEANS:
        return value.lower() == "true"
    raise _refusal(value, "Must be true or false")


def read_date(value: Any) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise _refusal(value, "Must be a date, as YYYY-MM-DD")


def read_datetime(value: Any) -> str:
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise _refusal(value, "Must be a time as in RFC 3339, such as 2026-11-24T10:30:00Z")


def check_digit(digits: str) -> str:
    """The check digit of a GTIN (EAN-13, EAN-8, UPC-A) for the digits before it."""
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-weighted % 10)


def _matching(pattern: str, message: str, limit: int | None = None) -> Callable[[Any], str]:
    compiled = re.compile(pattern)

    def read(value: Any) -> str:
        if not isinstance(value, str) or (limit and len(value) > limit):
            raise _refusal(value, message)
        if not compiled.fullmatch(value) or not _is_unicode(value):
            raise _refusal(value, message)
        return value

    return read


def _code(symbology: str) -> ValueType:
    pattern = _CODES[symbology]
    schema: dict[str, Any] = {"type": "string", "pattern": f"^({pattern})$"}
    name = symbology.upper()
    plain = _matching(pattern, f"Does not fit the barcode format {symbology}")
    length = _CHECKED_LENGTH.get(symbology)
    if not length:
        return ValueType(plain, schema, lambda index: str(400638133394 + index))

    def read(value: Any) -> str:
        digits = plain(value)
        complete = digits[: length - 1] + check_digit(digits[: length - 1])
        if len(digits) == length and digits != complete:
            raise _refusal(value, f"The check digit of this {name} is wrong")
        return complete

    def example(index: int) -> str:
        digits = str(400638133393 + index)[: length - 1]
        return digits + check_digit(digits)

    # A pattern cannot compute a check digit; `format` names the symbology for validators that can.
    return ValueType(read, schema | {"format": symbology}, example)


def _is_unicode(value: str) -> bool:
    return value.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _refusal(value: Any, message: str) -> PydanticCustomError:
    """The error of an invalid value. Null counts as absent for every type."""
    return PydanticCustomError(
        "value", "{message}", {"message": "Required" if value is None else message}
    )


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)

_EMAIL_PATTERN = rf"{_MAIL_CHARACTER}{{1,64}}@{_MAIL_LABEL}(\.{_MAIL_LABEL})+"
_LOREM = (
    "This is where your text goes. It may run over several lines, and the page makes room for it."
)

_RICH_MARKDOWN = """\
This is where your **text** goes. It may have

- lists and *emphasis*,
- [links](https://example.com/), tables and headings.
"""
_RICH_HTML = (
    "<p>This is where your <strong>text</strong> goes. It may have</p>"
    "<ul><li>lists and <em>emphasis</em>,</li>"
    '<li><a href="https://example.com/">links</a>, tables and headings.</li></ul>'
)

_TYPES: dict[DataType, ValueType] = {
    "number": _decimal(12, lambda index: index + 1),
    "currency": _decimal(15, lambda index: f"{1250 - 325 * (index % 3)}.00"),
    "date": ValueType(
        read_date,
        {"type": "string", "format": "date", "pattern": f"^{_DATE.pattern}$"},
        lambda index: f"2026-11-{24 - index % 20:02}",
    ),
    "datetime": ValueType(
        read_datetime,
        {"type": "string", "format": "date-time", "pattern": f"^{_DATETIME.pattern}$"},
        lambda index: f"2026-11-{24 - index % 20:02}T10:30:00Z",
    ),
    "boolean": ValueType(
        read_boolean,
        {"type": ["boolean", "string"], "pattern": f"^({'|'.join(_BOOLEANS)})$"},
        lambda index: index % 2 == 0,
    ),
    "image": ValueType(
        _matching(f"{_URL}|{_IMAGE_URI}", "Must be an http(s) URL or a data: URI of an image"),
        {"type": "string", "pattern": f"^({_URL}|{_IMAGE_URI})$"},
        lambda _: _EXAMPLE_IMAGE,
    ),
    "url": ValueType(
        _matching(_URL, "Must be an http(s) URL", limit=2048),
        {"type": "string", "pattern": f"^{_URL}$", "maxLength": 2048},
        lambda _: "https://example.com/",
    ),
    "email": ValueType(
        _matching(_EMAIL_PATTERN, "Must be an email address", limit=254),
        {"type": "string", "pattern": f"^{_EMAIL_PATTERN}$", "maxLength": 254},
        lambda _: "someone@example.com",
    ),
}
