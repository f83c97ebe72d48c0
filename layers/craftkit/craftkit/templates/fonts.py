"""The fonts of a project: add, list, remove, and find the fonts that a source names.

A file is stored in the bucket under a hash of its content. It stays there when the font is removed,
because published versions still use it.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from craftkit import process_cache, storage
from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.dynamodb import Item
from craftkit.errors import ConflictError, InvalidRequestError, Issues, NotFoundError
from craftkit.project_items import FONT
from craftkit.templates.models import Font
from craftkit.typesetter import FONT_LIMIT_BYTES, FontError, FontFace

FONT_LIMIT = 40

CheckFont = Callable[[bytes], FontFace]
"""`typesetting.check_font`, or `check_font_remotely` where there is no typesetter."""


def add_font(project_id: str, content: bytes, *, by: str, check: CheckFont) -> Font:
    """Add a TrueType or OpenType file. It replaces a font of the same family, weight and style.

    Raises:
        InvalidRequestError: the file is not such a font, or is larger than 4 MiB.
        ConflictError: the project has the maximum number of fonts.
    """
    if len(content) > FONT_LIMIT_BYTES:
        raise _refusal("The font is larger than 4 MiB")
    try:
        face = check(content)
    except FontError as error:
        raise _refusal(str(error)) from error
    digest = sha256(content).hexdigest()
    font = Font(
        name=_name(face),
        family=face.family,
        weight=face.weight,
        style=face.style,
        size_bytes=len(content),
        key=f"fonts/{project_id}/{digest}",
        added_at=utc_now(),
        by=by,
    )
    others = {known.name for known in list_fonts(project_id)} - {font.name}
    if len(others) >= FONT_LIMIT:
        raise ConflictError(
            f"The project has {FONT_LIMIT} fonts, which is the maximum. Remove one first."
        )
    storage.put(font.key, content, content_type="application/octet-stream")
    FONT.table().put_item(Item=_item(project_id, font))
    return font


def list_fonts(project_id: str) -> list[Font]:
    """The project's fonts, sorted by name (family, weight, style)."""
    return [_font(item) for item in FONT.list(project_id)]


def remove_font(project_id: str, name: str) -> None:
    """Remove a font. Versions that were published with it keep using it.

    Raises:
        NotFoundError: the project has no font of this name.
    """
    removed = FONT.table().delete_item(Key=FONT.key(project_id, name), ReturnValues="ALL_OLD")
    if "Attributes" not in removed:
        raise NotFoundError("The project has no font of this name.")


def fonts_of(project_id: str, source: str) -> dict[str, str]:
    """The S3 keys of the fonts that a source names, by name."""
    lowered = source.lower()
    return {
        font.name: font.key for font in list_fonts(project_id) if font.family.lower() in lowered
    }


@lru_cache(maxsize=16)
def load_font(key: str) -> bytes:
    """The file of a key. It never changes, so it is cached."""
    return storage.get(key)


process_cache.register(load_font.cache_clear)


def _name(face: FontFace) -> str:
    words = re.findall(r"[a-z0-9]+", face.family.lower())
    return "-".join([*words, f"{face.weight:03}", face.style])[:120]


def _refusal(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, issues=Issues(field_errors={"font": [message]}))


def _item(project_id: str, font: Font) -> Item:
    return {
        **FONT.key(project_id, font.name),
        "name": font.name,
        "family": font.family,
        "weight": font.weight,
        "style": font.style,
        "size_bytes": font.size_bytes,
        "key": font.key,
        "added_at": to_rfc3339(font.added_at),
        "by": font.by,
    }


def _font(item: Item) -> Font:
    return Font(
        name=item["name"],
        family=item["family"],
        weight=int(item["weight"]),
        style=item["style"],
        size_bytes=int(item["size_bytes"]),
        key=item["key"],
        added_at=from_rfc3339(item["added_at"]),
        by=item["by"],
    )
