"""Characters that no font had a glyph for, found in the finished PDF."""

import re
from collections.abc import Iterator
from typing import Any

# The name that the font of last resort bears in a PDF. See tools/last_resort.py.
_LAST_RESORT = b"CraftkitMissingGlyph"
_NO_CHARACTERS = ("\ufffd", "\ufffe", "\uffff")
_MAPPED = re.compile(rb"^<[0-9a-fA-F]+> <([0-9a-fA-F]+)>", re.MULTILINE)


def missing(pdf: bytes) -> list[str]:
    """Those that a box stands for, or one that speaks for its neighbours. Mostly none: cheap."""
    return sorted(set(_missing(pdf))) if _LAST_RESORT in pdf else []


def _missing(pdf: bytes) -> Iterator[str]:
    from io import BytesIO

    from pikepdf import Dictionary, Pdf

    with Pdf.open(BytesIO(pdf)) as document:
        for entry in document.objects:
            font: Any = entry
            if isinstance(font, Dictionary) and "/ToUnicode" in font:
                if _LAST_RESORT.decode() not in str(font.BaseFont):
                    continue
                for code in _MAPPED.findall(font.ToUnicode.read_bytes()):
                    text = bytes.fromhex(code.decode()).decode("utf-16-be")
                    if text not in _NO_CHARACTERS:
                        yield text
