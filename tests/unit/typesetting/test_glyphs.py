"""Scripts and fonts: covered characters, and warnings for others."""

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from pikepdf import Pdf

from craftkit.typesetter import FontError, FontFace, Job
from typesetting import check_font, typeset

Make = Callable[..., Job]


def fonts_of(pdf: bytes) -> set[str]:
    with Pdf.open(BytesIO(pdf)) as document:
        names = [
            str(entry.BaseFont)
            for entry in document.objects
            if getattr(entry, "_type_name", "") == "dictionary" and "/BaseFont" in entry
        ]
    return {name.partition("+")[2].removesuffix("-Identity-H") for name in names}


@pytest.mark.parametrize(
    ("text", "font"),
    [
        ("Straße", "Inter-Regular"),
        ("Ωμέγα", "Inter-Regular"),
        ("Жжук", "Inter-Regular"),
        ("שלום", "NotoSansHebrew-Regular"),
        ("مرحبا", "NotoSansArabic-Regular"),
        ("नमस्ते", "NotoSansDevanagari-Regular"),
        ("漢字かな", "NotoSansCJKjp-Regular"),
        ("한국어", "NotoSansCJKjp-Regular"),
        ("简体", "NotoSansCJKjp-Regular"),
    ],
)
def test_script__every_script_has_a_bundled_font(job: Make, text: str, font: str) -> None:
    document = typeset(job("#data.text", {"text": text}))
    assert document.warnings == ()
    assert fonts_of(document.pdf) == {font}


def test_script__bold_text_uses_a_bold_font(job: Make) -> None:
    document = typeset(job("*#data.text*", {"text": "a שלום مرحبا नमस्ते 漢"}))
    assert all(name.endswith("-Bold") for name in fonts_of(document.pdf))


def test_glyph__a_missing_glyph_of_the_data_is_a_warning_with_its_path(job: Make) -> None:
    data = {"customer": {"name": "Ada"}, "items": [{"name": "ok"}, {"name": "a กก"}]}
    document = typeset(job("#data.items.at(1).name", data))
    assert document.warnings == (
        "No font has “ก” (U+0E01) at items.1.name: the document shows a box instead.",
    )
    assert "CraftkitMissingGlyph" in fonts_of(document.pdf)


def test_glyph__a_missing_glyph_of_the_source_has_no_path(job: Make) -> None:
    assert typeset(job("😀")).warnings == (
        "No font has “😀” (U+1F600): the document shows a box instead.",
    )


def test_glyph__a_fallback_font_is_used_before_the_last_resort_font(job: Make) -> None:
    document = typeset(job('#set text(font: "Libertinus Serif")\nשלום 漢 ✓ नमस्ते'))
    assert document.warnings == ()


@pytest.mark.parametrize("invisible", ["\u200d", "\u200f", "\ufe0f", "\u00ad", "\u2028", "\u00a0"])
def test_glyph__invisible_characters_are_not_missing(job: Make, invisible: str) -> None:
    assert typeset(job("#data.text", {"text": f"a{invisible}b"})).warnings == ()


def test_glyph__private_use_characters_are_replaced_with_a_warning(job: Make) -> None:
    document = typeset(job("#data.text", {"text": "a \ue000 b"}))
    assert document.warnings == (
        "Unassigned or private-use characters were replaced by U+FFFD at text.",
    )


def own_font(family: str) -> bytes:
    """A font of one letter."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, 700))
    pen.lineTo((500, 0))
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "a"])
    builder.setupCharacterMap({ord("a"): "a"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "a": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "a": (500, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular", "psName": family})
    builder.setupOS2()
    builder.setupPost()
    file = BytesIO()
    builder.save(file)
    return file.getvalue()


def test_font__a_projects_font_is_found_by_its_family(job: Make) -> None:
    source = '#set text(font: "Ownfont")\naaa'
    document = typeset(job(source, fonts={"own": own_font("Ownfont")}))
    assert fonts_of(document.pdf) == {"Ownfont"}
    assert document.warnings == ()
    assert typeset(job(source)).warnings == ("line 2: unknown font family: ownfont",)


def test_font__every_bundled_font_has_its_licence_file() -> None:
    for folder in Path("layers").glob("*/*/fonts"):
        assert (folder / "OFL.txt").read_text().count("Permission is hereby granted")


class TestCheckFont:
    def test_check_font__returns_the_face(self) -> None:
        assert check_font(own_font("Ownfont")) == FontFace("Ownfont", 400, "normal")

    def test_check_font__accepts_a_bundled_font(self) -> None:
        file = Path("layers/typesetting/typesetting/fonts/Inter-BoldItalic.otf")
        assert check_font(file.read_bytes()) == FontFace("Inter", 700, "italic")

    @pytest.mark.parametrize(
        "content",
        [b"", b"no font", b"\0\1\0\0" + bytes(500), b"OTTO" + bytes(80), b"ttcf" + bytes(80)],
    )
    def test_check_font__an_invalid_font_is_refused(self, content: bytes) -> None:
        with pytest.raises(FontError):
            check_font(content)

    def test_check_font__a_damaged_font_does_not_stop_the_child(self) -> None:
        whole = own_font("Ownfont")
        for cut in range(0, len(whole), 97):
            broken = whole[:cut] + bytes(40) + whole[cut + 40 :]
            with suppress(FontError):
                check_font(broken)
        assert check_font(whole).family == "Ownfont"

    def test_check_font__over_the_limit_is_refused_without_parsing(self) -> None:
        with pytest.raises(FontError, match="4 MiB"):
            check_font(bytes(4 * 1024 * 1024 + 1))


@pytest.mark.parametrize(
    "text", ["✨", "\u1f5a", "\U0003347f", "\U0001fffe", "\u1680", "\U00013430"]
)
def test_characters_without_a_glyph_in_their_font_do_not_fail_the_document(
    job: Callable[..., Job], text: str
) -> None:
    assert typeset(job("#data.text", {"text": text})).page_count == 1


def test_warning__damaged_text_is_named_with_its_path(job: Make) -> None:
    data = {"customer": {"name": "J\ufffdrgen"}, "note": "fine"}
    types = {"customer.name": "text", "note": "text"}
    assert typeset(job("#data.customer.name", data, types=types)).warnings == (
        "The data has U+FFFD (\ufffd) at customer.name: the text was damaged before it was sent, "
        "mostly by reading another encoding as UTF-8.",
    )
