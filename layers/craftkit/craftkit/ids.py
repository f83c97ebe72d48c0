"""Identifiers: UUIDv7 (RFC 9562), which sort as text in the order of creation."""

import hashlib
import re
from datetime import datetime
from uuid import UUID

from uuid6 import uuid7

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_UUID = re.compile(UUID_PATTERN)


def new_id() -> str:
    return str(uuid7())


def is_id(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def derived_id(moment: datetime, *parts: str) -> str:
    """A UUIDv7 derived from a moment and parts: the same input gives the same id."""
    drawn = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:10])
    version_and_variant = (0x7 << 76) | (0b10 << 62)
    drawn = drawn & ~((0xF << 76) | (0b11 << 62)) | version_and_variant
    return str(UUID(int=_milliseconds(moment) << 80 | drawn))


def first_id_at(moment: datetime) -> str:
    """Text that sorts before each id created at or after the moment, and after earlier ones."""
    # No id is made before 1970, where the milliseconds would be negative.
    time = f"{max(0, _milliseconds(moment)):012x}"
    return f"{time[:8]}-{time[8:]}"


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
