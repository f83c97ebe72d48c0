"""The finished PDF: conformance, structure, watermark, bytes."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from pikepdf import Name, Pdf
from PIL import Image, ImageChops

from craftkit.typesetter import (
    PREVIEW_LIMIT_BYTES,
    Document,
    Job,
    PdfStandard,
    Preview,
    RenderTooLargeError,
    SourceError,
    StandardError,
)
from testkit.pdf import text_of
from typesetting import preview, typeset

Make = Callable[..., Job]

TWO_PAGES = "= Heading\n#table(columns: 2, table.header[A][B], [1], [2])\n#pagebreak()\nMore"


def opened(document: Document) -> Pdf:
    return Pdf.open(BytesIO(document.pdf))


def claims(document: Document) -> dict[str, str]:
    """The conformance that the PDF states in its metadata."""
    with opened(document) as pdf:
        metadata = pdf.Root.Metadata.read_bytes().decode()
    return dict(re.findall(r"<(pdf[au]\w+:(?:part|conformance))>([^<]+)<", metadata))


def roles(element: Any) -> list[str]:
    """The structure types of the tag tree, in reading order."""
    if not isinstance(element, pikepdf.Dictionary) or "/S" not in element:
        return []
    children = element.get("/K", [])
    inner = children if isinstance(children, pikepdf.Array) else [children]
    return [str(element.S), *(role for child in inner for role in roles(child))]


@pytest.mark.parametrize("watermark", [False, True])
class TestStructure:
    def test_document__conforms_to_both_standards(self, job: Make, watermark: bool) -> None:
        document = typeset(job(TWO_PAGES, watermark=watermark))
        assert claims(document) == {
            "pdfaid:part": "2",
            "pdfaid:conformance": "A",
            "pdfuaid:part": "1",
        }

    def test_document__has_tags_title_and_language(self, job: Make, watermark: bool) -> None:
        document = typeset(job(TWO_PAGES, locale="ar", title="فاتورة", watermark=watermark))
        with opened(document) as pdf:
            assert pdf.Root.MarkInfo.Marked
            assert str(pdf.Root.Lang) == "ar-EG"
            assert pdf.Root.ViewerPreferences.DisplayDocTitle
            assert str(pdf.docinfo.Title) == "فاتورة"
            tags = roles(pdf.Root.StructTreeRoot.K[0])
        assert {"/Document", "/H1", "/Table", "/THead", "/TH", "/TD", "/P"} <= set(tags)

    def test_document__counts_its_pages(self, job: Make, watermark: bool) -> None:
        document = typeset(job(TWO_PAGES, watermark=watermark))
        with opened(document) as pdf:
            assert document.page_count == len(pdf.pages) == 2

    def test_document__equal_jobs_make_equal_bytes(self, job: Make, watermark: bool) -> None:
        made = [typeset(job(TWO_PAGES, watermark=watermark)).pdf for _ in range(2)]
        typeset(job("Another"))
        made.append(typeset(job(TWO_PAGES, watermark=watermark)).pdf)
        assert len(set(made)) == 1

    def test_document__qpdf_finds_no_error(self, job: Make, watermark: bool) -> None:
        with opened(typeset(job(TWO_PAGES, watermark=watermark))) as pdf:
            assert pdf.check_pdf_syntax() == []


class TestWatermark:
    def test_watermark__is_an_artifact_on_every_page(self, job: Make) -> None:
        with opened(typeset(job(TWO_PAGES, watermark=True))) as pdf:
            for page in pdf.pages:
                drawn = pikepdf.parse_content_stream(page)
                operators = [str(operator) for _, operator in drawn]
                start = len(operators) - 1 - operators[::-1].index("BDC")
                tag, properties = drawn[start].operands
                assert (tag, properties.Subtype) == (Name.Artifact, Name.Watermark)
                assert operators[start + 1 :] == ["q", "cm", "Do", "Q", "EMC"]

    def test_watermark__leaves_the_tag_tree_as_it_is(self, job: Make) -> None:
        trees = []
        for watermark in (False, True):
            with opened(typeset(job(TWO_PAGES, watermark=watermark))) as pdf:
                trees.append(roles(pdf.Root.StructTreeRoot.K[0]))
        assert trees[0] == trees[1]

    def test_watermark__cannot_be_removed_by_the_template(self, job: Make) -> None:
        source = (
            "#set page(width: 5cm, height: 3cm, foreground: none, background: none, fill: white)\n"
            "#place(rect(width: 100%, height: 100%, fill: white))\nCovered"
        )
        with opened(typeset(job(source, watermark=True))) as pdf:
            mark = pdf.pages[0].Resources.XObject["/CraftkitTest"]
            assert [float(edge) for edge in mark.BBox] == pytest.approx([0, 0, 141.73, 85.04], 0.01)
            assert bytes(pdf.pages[0].Contents[-1].read_bytes()).endswith(b"/CraftkitTest Do Q EMC")

    @pytest.mark.parametrize(("side", "marks"), [(1190, 1), (3000, 9), (14_400, 144)])
    def test_watermark__covers_a_huge_page(self, job: Make, side: int, marks: int) -> None:
        source = f"#set page(width: {side}pt, height: {side}pt)\nA letter in its corner"
        with opened(typeset(job(source, pdf_standard="1.7", watermark=True))) as pdf:
            drawn = pikepdf.parse_content_stream(pdf.pages[0])
        assert [str(operator) for _, operator in drawn].count("Do") == marks

    def test_watermark__live_documents_have_none(self, job: Make) -> None:
        assert b"Watermark" not in typeset(job(TWO_PAGES)).pdf


class TestStandards:
    @pytest.mark.parametrize(
        ("standard", "claimed"),
        [
            ("a-2a", {"pdfaid:part": "2", "pdfaid:conformance": "A"}),
            ("a-2b", {"pdfaid:part": "2", "pdfaid:conformance": "B"}),
            ("ua-1", {"pdfuaid:part": "1"}),
            ("1.7", {}),
        ],
    )
    def test_standard__the_pdf_declares_a_lower_standard(
        self, job: Make, standard: PdfStandard, claimed: dict[str, str]
    ) -> None:
        assert claims(typeset(job("Text", pdf_standard=standard))) == claimed

    def test_standard__a_violation_has_its_line_and_column(self, job: Make) -> None:
        source = "Fine.\n#image(bytes(\"<svg xmlns='http://www.w3.org/2000/svg'/>\"))"
        with pytest.raises(StandardError) as broken:
            typeset(job(source))
        assert str(broken.value) == (
            "PDF/A-2a, PDF/UA-1 error: missing alt text "
            "(make sure your images and equations have alt text)"
        )
        assert (broken.value.line, broken.value.column) == (3, 2)
        typeset(job(source, pdf_standard="a-2b"))


class TestPreview:
    def test_preview__has_one_image_for_each_page(self, job: Make) -> None:
        pages = preview(job(TWO_PAGES), 48).pages
        assert len(pages) == 2
        assert all(page.startswith(b"\x89PNG") for page in pages)
        assert preview(job("One page"), 48).page_count == 1

    def test_preview__of_a_long_document_shows_the_first_pages(self) -> None:
        shown = Preview.of([b"x" * 1_000_000] * 9)
        assert (len(shown.pages), shown.page_count) == (PREVIEW_LIMIT_BYTES // 1_000_000, 9)
        with pytest.raises(RenderTooLargeError):
            Preview.of([b"x" * (PREVIEW_LIMIT_BYTES + 1)])


def test_document__today_is_the_day_of_the_render(job: Make) -> None:
    with pytest.raises(SourceError, match=r"^2026-11-24$"):
        typeset(job("#panic(datetime.today().display())"))


def test_document__a_name_with_a_hyphen_breaks_at_the_hyphen(job: Make) -> None:
    name = "Hohenlohe-Schillingsfürst-Waldenburg"
    source = '#import "/craftkit.typ": *\n#set page(width: 4cm, margin: 1mm)\n#data.name'
    document = typeset(job(source, data={"name": name}, types={"name": "text"}))
    lines = text_of(document.pdf).split("\x02")  # how a hyphen at the end of a line is read back
    assert lines == ["Hohenlohe", "Schillingsfürst", "Waldenburg"]


class TestMarkedImages:
    def test_preview__of_a_test_render_has_the_watermark_everywhere(self, job: Make) -> None:
        source = "#set page(width: 2400pt, height: 1200pt, margin: 0pt)\n"
        plain, marked = (
            Image.open(BytesIO(preview(job(source, watermark=mark), 36).pages[0])).convert("RGB")
            for mark in (False, True)
        )
        difference = ImageChops.difference(plain, marked)
        for left in (0, 600):
            assert difference.crop((left, 0, left + 600, 600)).getbbox() is not None

    def test_preview__the_template_cannot_paint_over_the_watermark(self, job: Make) -> None:
        source = "#set page(foreground: rect(width: 100%, height: 100%, fill: white))\nx"
        marked = Image.open(BytesIO(preview(job(source, watermark=True), 36).pages[0]))
        assert len(marked.convert("RGB").getcolors(10_000) or []) > 1


def test_preview__warns_of_pdf_standard_violations(job: Make) -> None:
    source = "#image(bytes(\"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>\"))"
    shown = preview(job(source), 36)
    assert shown.warnings == (
        "line 2: As a PDF this would be refused: PDF/A-2a, PDF/UA-1 error: missing alt text "
        "(make sure your images and equations have alt text)",
    )
    assert preview(job(source, pdf_standard="1.7"), 36).warnings == ()
