"""Finds the characters of a finished PDF that no font has a glyph for."""

import re
from collections.abc import Iterator
from typing import Any

# The name of the fallback font in a PDF. See tools/last_resort.py.
_LAST_RESORT = b"CraftkitMissingGlyph"
_NO_CHARACTERS = ("\ufffd", "\ufffe", "\uffff")
_SHOWN_LIMIT = 1000
_MAPPED = re.compile(rb"^<[0-9a-fA-F]+> <([0-9a-fA-F]+)>", re.MULTILINE)


def missing(pdf: bytes) -> list[str]:
    """The texts that the document shows as a box.

    A PDF without the fallback font is not parsed.
    """
    return sorted(set(_missing(pdf)))[:_SHOWN_LIMIT] if _LAST_RESORT in pdf else []


def _missing(pdf: bytes) -> Iterator[str]:
    from io import BytesIO

    from pikepdf import Dictionary, Pdf

    with Pdf.open(BytesIO(pdf)) as document:
        for entry in document.objects:
            font: Any = entry
            if isinstance(font, Dictionary) and "/ToUnicode" in font:
                if _LAST_RESORT.decode() not in str(font.get("/BaseFont", "")):
                    continue
                for code in _MAPPED.findall(font.ToUnicode.read_bytes()):
                    text = bytes.fromhex(
                        code.decode().rjust(len(code) + len(code) % 2, "0")
                    ).decode("utf-16-be", errors="replace")
                    if text not in _NO_CHARACTERS:
                        yield text
