"""The error of a body that is not JSON: line, column and mistake."""

from time import process_time

import pytest

from craftkit.errors import InvalidJsonError, InvalidRequestError
from craftkit.strict_json import parse_object


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "It is empty."),
        ("  \n ", "It is empty."),
        ('{"a": 1,}', "Line 1, column 8: a trailing comma before }."),
        ('{\n  "a": [1, 2,\n ]\n}', "Line 2, column 13: a trailing comma before ]."),
        ("{'a': 1}", "Line 1, column 2: a single quote; JSON strings are in double quotes."),
        (
            "{“a”: 1}",
            "Line 1, column 2: a typographic quote; JSON strings are in straight double quotes.",
        ),
        ('{"a": NaN}', "Line 1, column 7: NaN is not JSON; send null or leave the field out."),
        (
            '{"a": -Infinity}',
            "Line 1, column 8: Infinity is not JSON; send null or leave the field out.",
        ),
        ('{"a": True}', "Line 1, column 7: True is not JSON; write true."),
        ('{"a": None}', "Line 1, column 7: None is not JSON; write null."),
        ("{a: 1}", "Line 1, column 2: a key without double quotes."),
        ('{\n// x\n"a": 1}', "Line 2, column 1: JSON has no comments."),
        ('{"a": 1, "b": 2, "a": 3}', 'Line 1, column 18: the key "a" is used twice in one object.'),
        (
            '{"a": 1,\n "\\u0061": 2}',
            'Line 2, column 2: the key "\\u0061" is used twice in one object.',
        ),
        ('{"a": {"b": 1}, "c": {"b": 1, "b": 2}}',
         'Line 1, column 31: the key "b" is used twice in one object.'),
        ('{"a": 1e999}', "Line 1, column 7: a number too large to represent."),
        ('{"a": ' + "9" * 5000 + "}", "Line 1, column 7: a number too large to represent."),
        ('{"a": 1', "Line 1, column 8: the body ends before its JSON does."),
        ('{"a" 1}', "Line 1, column 6: expecting ':' delimiter."),
        ('{"a": "\n"}', "Line 1, column 8: invalid control character at."),
        ('{"a": "\\ud800"}', "It contains half of a surrogate pair (\\ud800 to \\udfff)."),
        ('{"a": 1} {', "Line 1, column 10: extra data."),
        ('{"list": [' + "[" * 100_000, "It nests deeper than 20 levels."),
    ],
)  # fmt: skip
def test_invalid_json__is_reported_with_line_column_and_mistake(body: str, reason: str) -> None:
    with pytest.raises(InvalidJsonError) as refusal:
        parse_object(body.encode())
    assert refusal.value.reason == reason
    assert str(refusal.value) == f"The request body is not valid JSON. {reason}"


def test_bytes_that_are_not_utf8__are_refused_with_their_offset() -> None:
    with pytest.raises(InvalidJsonError) as refusal:
        parse_object('{"name": "Jürgen"}'.encode("latin-1"))
    assert refusal.value.reason == "The byte at offset 11 is not UTF-8. Encode the body as UTF-8."


def test_the_first_mistake_is_reported() -> None:
    with pytest.raises(InvalidJsonError) as refusal:
        parse_object(b'{"a": 1, "a": 2, "b": [1,]}')
    assert "column 10: the key" in str(refusal.value)


def test_valid_json__apparent_mistakes_inside_strings_are_accepted() -> None:
    text = """{"a": "it's // NaN, }", "b": [1, 2.5e3], "c": {"a": null}}"""
    assert parse_object(b"\xef\xbb\xbf" + text.encode())["a"] == "it's // NaN, }"


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b'{"a":' * 21 + b"1" + b"}" * 21])
def test_json_that_is_no_object_or_too_deep__is_an_invalid_request(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_object(body)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (b"1,]}", "Line 1, column 1000008: illegal trailing comma"),
        (b"NaN]}", "It has NaN, a number too large to represent, or a key twice in one object."),
        (b'"\\ud800"]}', "It contains half of a surrogate pair (\\ud800 to \\udfff)."),
    ],
)
def test_parse_object__a_mistake_far_behind_is_reported_in_little_time(
    end: bytes, reason: str
) -> None:
    body = b'{"a":[' + b"1," * 500_000 + end
    begun = process_time()
    with pytest.raises(InvalidJsonError) as caught:
        parse_object(body)
    assert process_time() - begun < 1.5
    assert str(caught.value.reason).startswith(reason)
