"""Generates the last-resort font: a box for every character that no other font has.

    python -m tools.last_resort

PDF/A forbids the `.notdef` glyph, so one letter without a font would fail the render. With this
font it causes a warning: the box is a real glyph with the original text. Its name is long and
distinct, so that Typst falls back to it last.
"""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

NAME = "Zz Craftkit Missing Glyph"
FILE = Path(__file__).parents[1] / "layers/typesetting/typesetting/fonts/CraftkitMissingGlyph.ttf"

# Neighbouring characters share a glyph. The PDF keeps one of them, which the warning names.
_NEIGHBOURS = 64
_LAST = 0x3347F
_BOX_WIDTH = 620


def main() -> None:
    glyph_of = {code: f"box{code // _NEIGHBOURS:04x}" for code in _characters()}
    glyphs = list(dict.fromkeys(glyph_of.values()))
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "box", *glyphs])
    pen = TTGlyphPen(None)
    _box(pen)
    outlines = {".notdef": TTGlyphPen(None).glyph(), "box": pen.glyph()}
    for glyph in glyphs:
        pen = TTGlyphPen({"box": None})
        pen.addComponent("box", (1, 0, 0, 1, 0, 0))
        outlines[glyph] = pen.glyph()
    builder.setupGlyf(outlines)
    builder.setupHorizontalMetrics(dict.fromkeys(outlines, (_BOX_WIDTH + 80, 40)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(
        {
            "familyName": NAME,
            "styleName": "Regular",
            "uniqueFontIdentifier": NAME,
            "fullName": NAME,
            "psName": "CraftkitMissingGlyph",
            "licenseDescription": "Apache-2.0, as the project that it belongs to",
        }
    )
    builder.setupCharacterMap({code: glyph for code, glyph in glyph_of.items() if code < 0x80})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost(keepGlyphNames=False)
    table = CmapSubtable.newSubtable(13)
    table.platformID, table.platEncID, table.language = 3, 10, 0
    table.cmap = glyph_of
    builder.font["cmap"].tables = [table]
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.recalcTimestamp = False
    builder.save(FILE)


def _characters() -> Iterator[int]:
    """All printable characters: no control, format, space, private use or noncharacter."""
    for code in range(0x21, _LAST):
        selects = 0xFE00 <= code <= 0xFE0F
        nothing = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE or 0xFFF0 <= code <= 0xFFFB
        kind = unicodedata.category(chr(code))
        if not selects and not nothing and kind not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"):
            yield code


def _box(pen: TTGlyphPen) -> None:
    """An upright box with a smaller one cut out of it."""
    left, right, top, line = 40, 40 + _BOX_WIDTH, 700, 50
    for edges in (
        ((left, 0), (left, top), (right, top), (right, 0)),
        (
            (left + line, line),
            (right - line, line),
            (right - line, top - line),
            (left + line, top - line),
        ),
    ):
        pen.moveTo(edges[0])
        for point in edges[1:]:
            pen.lineTo(point)
        pen.closePath()


if __name__ == "__main__":
    main()
