"""Parsing of request bodies, and the errors of invalid ones."""

import base64
import gzip
import json

import pytest

from craftkit.errors import (
    CraftkitError,
    InvalidJsonError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from craftkit.http import BODY_LIMIT_BYTES, Request
from testkit.events import event

DATA = {"data": {"name": "Jürgen"}}
TEXT = json.dumps(DATA, ensure_ascii=False)


def request(body: bytes, **headers: str | None) -> Request:
    """A request as the gateway sends one: its body in base64."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    made = event("create_render", body=base64.b64encode(body).decode(), headers=named)
    return Request(made | {"isBase64Encoded": True})


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/vnd.api+json",
    ],
)
def test_json__utf8_is_read(content_type: str) -> None:
    assert request(TEXT.encode(), content_type=content_type).json() == DATA


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=iso-8859-1", "text/plain", "", None]
)
def test_json__another_charset_or_media_type_is_415(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        request(TEXT.encode("latin-1"), content_type=content_type).json()


def test_json__bytes_that_are_not_utf8_are_invalid_json_with_their_offset() -> None:
    with pytest.raises(InvalidJsonError, match="The byte at offset 20 is not UTF-8"):
        request(TEXT.encode("latin-1")).json()


def test_read__gzip_is_decompressed_whether_here_or_at_the_gateway() -> None:
    assert request(gzip.compress(TEXT.encode()), content_encoding="gzip").json() == DATA
    assert request(TEXT.encode(), content_encoding="gzip").json() == DATA


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, br", "utf-8"])
def test_read__another_content_encoding_is_415(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        request(TEXT.encode(), content_encoding=encoding).json()


def test_read__broken_gzip_is_415_and_a_bomb_is_413() -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        request(b"\x1f\x8bnot gzip at all", content_encoding="gzip").json()
    bomb = gzip.compress(b"x" * (50 * BODY_LIMIT_BYTES))
    with pytest.raises(PayloadTooLargeError):
        request(bomb, content_encoding="gzip").json()


def test_idempotency_key__a_too_long_key_is_refused_with_its_length() -> None:
    with pytest.raises(CraftkitError, match="is 231 characters long; the maximum is 200"):
        _ = request(b"", idempotency_key="k" * 231).idempotency_key


def test_error__links_to_its_section_of_the_documentation() -> None:
    error = InvalidJsonError().as_json("r")["error"]
    assert isinstance(error, dict)
    assert error["docUrl"].endswith("/errors.html#invalid_json")


@pytest.mark.parametrize(
    ("domain", "path", "origin"),
    [
        (
            "a1.execute-api.us-east-1.amazonaws.com",
            "/prod/embed",
            "https://a1.execute-api.us-east-1.amazonaws.com",
        ),
        ("embed.example.com", "/embed", "https://embed.example.com"),
    ],
)
def test_embed_origin__without_a_configured_address_is_the_called_host(
    domain: str, path: str, origin: str
) -> None:
    made = event("embed_page")
    made["requestContext"] |= {"domainName": domain, "path": path}
    assert Request(made).embed_origin == origin
