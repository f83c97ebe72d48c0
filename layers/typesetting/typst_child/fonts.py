"""Checks a font file by setting text with it."""

import json
import os

import typst

from typst_child.wire import Header

# TrueType and OpenType. Collections (`ttcf`) are refused: they can declare four billion faces.
_SIGNATURES = (b"\0\1\0\0", b"OTTO", b"true")
_NO_FONT = "This is not a TrueType or OpenType font of one face."


def face(folder: str, content: bytes) -> Header:
    """Family, weight and style of a font, after setting a document with it.

    Raises:
        TypstError: Typst cannot set text with it.
    """
    if not content.startswith(_SIGNATURES):
        return {"error": "font", "message": _NO_FONT}
    place = f"{folder}/font"
    os.makedirs(place)  # noqa: PTH103 pathlib is slow to import
    try:
        with open(f"{place}/0.otf", "wb") as file:  # noqa: PTH123
            file.write(content)
        fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[place]
        )
        found = fonts.fonts()
        if len(found) != 1:
            return {"error": "font", "message": _NO_FONT}
        source = f"#set text(font: {json.dumps(found[0].family)})\nAa 12".encode()
        typst.Compiler(source, font_paths=fonts, ignore_system_fonts=True).compile(format="pdf")
    finally:
        import shutil  # imports every compression module

        shutil.rmtree(place, ignore_errors=True)
    return {"family": found[0].family, "weight": found[0].weight, "style": found[0].style}
