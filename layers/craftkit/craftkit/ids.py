"""Identifiers: UUIDv7 (RFC 9562), whose order as text is the order of their making."""

import re

from uuid6 import uuid7

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_UUID = re.compile(UUID_PATTERN)


def new_id() -> str:
    return str(uuid7())


def is_id(text: str) -> bool:
    return _UUID.fullmatch(text) is not None
