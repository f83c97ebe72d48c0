"""JSON as RFC 8259 has it, stricter than the standard library: no NaN, no duplicate key."""

import json
import math
import re
from typing import Any

from craftkit.errors import InvalidJsonError, InvalidRequestError, Issues

DEPTH_LIMIT = 20
"""How deep a JSON body may nest."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Json = dict[str, Any]


def parse_object(raw: bytes) -> Json:
    """A JSON object from bytes.

    Raises:
        InvalidJsonError: not JSON: no NaN, no duplicate key, no unpaired surrogate.
        InvalidRequestError: JSON, but not an object, or nested deeper than `DEPTH_LIMIT`.
    """
    try:
        text = raw.decode("utf-8-sig")
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
        if _SURROGATE.search(text):  # an unpaired one cannot be encoded
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidJsonError from error
    if not isinstance(value, dict):
        raise InvalidRequestError(issues=Issues(form_errors=["The body must be a JSON object."]))
    if _depth(value) > DEPTH_LIMIT:
        message = f"The body nests deeper than {DEPTH_LIMIT} levels."
        raise InvalidRequestError(message, issues=Issues(form_errors=[message]))
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """Refuses a number such as `1e400`: it would be read as infinity, which JSON cannot hold."""
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    """Refuses an object with a duplicate key: parsers disagree on which value counts."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object holds a key twice")
    return value


def _depth(value: object) -> int:
    """How deep objects and lists are nested, found without recursion."""
    deepest, level = 0, [value]
    while level:
        containers = [part for part in level if isinstance(part, dict | list)]
        if not containers:
            return deepest
        deepest += 1
        level = [
            child
            for part in containers
            for child in (part.values() if isinstance(part, dict) else part)
        ]
    return deepest
