"""Parses origins and URLs into a canonical form, so that they can be compared."""

import re
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
_HOST = re.compile(
    r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*|\[::1\]"
)


def read_origin(value: str) -> str:
    """An origin in the form that browsers send: `https://app.example.com`, without a default port.

    `http` is allowed for loopback only.
    """
    text = value.strip().lower().removesuffix("/")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise refusal("Must be an origin, such as https://app.example.com") from error
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    is_bare = text == f"{parts.scheme}://{parts.netloc}" and _HOST.fullmatch(host)
    if parts.scheme not in ("https", "http") or not is_bare:
        raise refusal("Must be an origin, such as https://app.example.com")
    if parts.scheme == "http" and not is_loopback(text):
        raise refusal("Must be https; http is allowed for localhost only")
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def is_loopback(origin: str) -> bool:
    """Whether the origin's host is loopback."""
    netloc = urlsplit(origin).netloc
    return netloc in _LOOPBACK or netloc.rpartition(":")[0] in _LOOPBACK


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return read_origin(f"{parts.scheme}://{parts.netloc}")


def read_web_address(value: str) -> str:
    """An https URL (http on loopback) without credentials."""
    origin_of(value)
    if not value.isascii() or not value.isprintable() or " " in value:
        raise refusal("Must be an https URL")
    return value


def refusal(message: str) -> PydanticCustomError:
    return PydanticCustomError("embed", "{message}", {"message": message})
