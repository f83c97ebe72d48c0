"""JSON as RFC 8259 has it, stricter than the standard library: no NaN, no duplicate key.

What is wrong is said in a caller's terms: `Line 3, column 12: a comma before }.`
"""

import json
import math
import re
from typing import Any

from craftkit.errors import InvalidJsonError, InvalidRequestError, Issues

DEPTH_LIMIT = 20
"""How deep a JSON body may nest."""

Json = dict[str, Any]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>[^\W\d]\w*)
    | (?P<comment>//|/\*|\#)
    | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_LITERALS = {"true", "false", "null"}
_LITERALS_OF_OTHERS = {"True": "true", "False": "false", "None": "null", "undefined": "null"}
_SEARCHED_LIMIT = 100_000
"""Characters up to which the usual mistakes are searched: a megabyte takes seconds."""

_DIGIT_LIMIT = 4300
"""The longest integer that Python reads (sys.int_info.default_max_str_digits)."""
_NOT_NUMBERS = {"NaN", "Infinity"}


def parse_object(raw: bytes) -> Json:
    """A JSON object from bytes.

    Raises:
        InvalidJsonError: not JSON in UTF-8; says where and why.
        InvalidRequestError: JSON, but not an object, or nested deeper than `DEPTH_LIMIT`.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"The byte at offset {error.start} is not UTF-8. Encode the body as UTF-8."
        raise InvalidJsonError(reason) from error
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
        if _SURROGATE.search(text):  # an unpaired one cannot be encoded
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidJsonError(_reason(text, error)) from error
    if not isinstance(value, dict):
        raise InvalidRequestError(issues=Issues(form_errors=["The body must be a JSON object."]))
    if _depth(value) > DEPTH_LIMIT:
        message = f"The body nests deeper than {DEPTH_LIMIT} levels."
        raise InvalidRequestError(message, issues=Issues(form_errors=[message]))
    return value


def _reason(text: str, error: Exception) -> str:
    """Where the text stops being JSON, and what is wrong there."""
    if isinstance(error, RecursionError):
        return f"It nests deeper than {DEPTH_LIMIT} levels."
    if not text.strip():
        return "It is empty."
    failed_at = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
    found = _known_mistake(text, failed_at)
    if found is None:
        if isinstance(error, UnicodeEncodeError):
            return "It contains half of a surrogate pair (\\ud800 to \\udfff)."
        if not isinstance(error, json.JSONDecodeError):  # in a text too long to search
            return "It has NaN, a number too large to represent, or a key twice in one object."
        found = failed_at, _words_of(error)
    at, what = found
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return f"Line {line}, column {column}: {what}."


def _words_of(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc.rstrip()):
        return "the body ends before its JSON does"
    return error.msg[0].lower() + error.msg[1:].split(" (")[0]


def _known_mistake(text: str, failed_at: int) -> tuple[int, str] | None:
    """The first usual mistake up to where the parser gave up: its position and what it is."""
    keys: list[set[str] | None] = []  # of each open object; None for a list
    comma_at: int | None = None
    expects_key = False
    for match in _TOKEN.finditer(text):
        at, lexeme, kind = match.start(), match[0], match.lastgroup
        if kind == "space":
            continue
        if at > _SEARCHED_LIMIT or (at > failed_at and comma_at is None):
            return None
        if kind == "sign" and lexeme in "}]" and comma_at is not None:
            return comma_at, f"a trailing comma before {lexeme}"
        mistake = _mistake_of_lexeme(kind, lexeme)
        if mistake:
            return at, mistake
        if expects_key and keys and keys[-1] is not None:
            if kind == "string":
                key = json.loads(lexeme, strict=False)
                if key in keys[-1]:
                    return at, f"the key {lexeme[:80]} is used twice in one object"
                keys[-1].add(key)
            elif kind in ("word", "number"):
                return at, "a key without double quotes"
        comma_at = at if lexeme == "," else None
        expects_key = lexeme in ("{", ",")
        if lexeme in ("{", "["):
            keys.append(set() if lexeme == "{" else None)
        elif lexeme in ("}", "]") and keys:
            keys.pop()
    return None


def _mistake_of_lexeme(kind: str | None, lexeme: str) -> str | None:
    if kind == "word" and lexeme in _NOT_NUMBERS:
        return f"{lexeme} is not JSON; send null or leave the field out"
    if kind == "word" and lexeme in _LITERALS_OF_OTHERS:
        return f"{lexeme} is not JSON; write {_LITERALS_OF_OTHERS[lexeme]}"
    if kind == "comment":
        return "JSON has no comments"
    if kind == "sign" and lexeme == "'":
        return "a single quote; JSON strings are in double quotes"
    if kind == "sign" and lexeme in "“”‘’":
        return "a typographic quote; JSON strings are in straight double quotes"
    if kind == "number" and (len(lexeme) > _DIGIT_LIMIT or _is_infinite(lexeme)):
        return "a number too large to represent"
    return None


def _is_infinite(number: str) -> bool:
    return not number.lstrip("-").isdigit() and math.isinf(float(number))


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
