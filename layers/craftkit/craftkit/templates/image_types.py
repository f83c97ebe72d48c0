"""Detects the image types that a document may show, by their first bytes."""

import re

IMAGE_LIMIT_BYTES = 5 * 1024 * 1024
HEAD_BYTES = 64
"""How many of the first bytes `image_type` needs."""

_SIGNATURES = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("SVG", re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE svg|svg)", re.IGNORECASE)),
)
_MEDIA_TYPES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/svg+xml": "SVG",
}


def image_type(head: bytes) -> str | None:
    """PNG, JPEG, GIF, WEBP or SVG, or None for anything else."""
    return next((name for name, signature in _SIGNATURES if signature.match(head)), None)


def type_of_data_uri(uri: str) -> str | None:
    """The type that a `data:` URI declares; None if documents cannot show it."""
    return _MEDIA_TYPES.get(re.split("[;,]", uri.removeprefix("data:"), maxsplit=1)[0])
