"""The form of an API key: `ck_live_` or `ck_test_`, 32 random characters, 6 of checksum.

The checksum is a CRC-32 over the rest and the name of the stage that minted the key. It finds
mistyped keys and keys of another stage without a database read. It is not a secret: anyone can
make a key of the right form, but only a key whose SHA-256 is in the keys table is valid.
"""

import hashlib
import re
import secrets
import zlib

from craftkit.stages import STAGES

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
SHOWN_RANDOM_LENGTH = 5

PATTERN = rf"ck_(live|test)_[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}"
"""What a key looks like, for scanners of leaked secrets too."""

_FORM = re.compile(PATTERN, re.ASCII)
_ANYWHERE = re.compile(rf"(?<![0-9A-Za-z]){PATTERN}(?![0-9A-Za-z])", re.ASCII)


def mint(mode: str, stage: str) -> str:
    """A new key in cleartext: 190 bits from the operating system's generator."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    body = f"ck_{mode}_{random}"
    return body + _checksum(body, stage)


def hash_of(key: str) -> str:
    """SHA-256 in hex: the only form in which a key is stored."""
    return hashlib.sha256(key.encode()).hexdigest()


def prefix_of(key: str) -> str:
    """The part of a key that may be shown later: its mode and its first 5 random characters."""
    return key[: len("ck_live_") + SHOWN_RANDOM_LENGTH]


def find_in(text: str) -> str | None:
    """The first key in a text; no letter or digit may precede or follow it."""
    match = _ANYWHERE.search(text)
    return match[0] if match else None


def without_keys(text: str) -> str:
    """The text with each key replaced by its prefix and `…`, for logs and the audit."""
    return re.sub(PATTERN, r"ck_\1_…", text, flags=re.ASCII)


def stage_of(key: str) -> str | None:
    """The stage that minted the key, or None for text that is not a key."""
    if _FORM.fullmatch(key) is None:
        return None
    body, checksum = key[:-CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
    return next((stage for stage in STAGES if _checksum(body, stage) == checksum), None)


def _checksum(body: str, stage: str) -> str:
    number = zlib.crc32(f"{stage}:{body}".encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
