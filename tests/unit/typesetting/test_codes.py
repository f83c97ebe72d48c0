"""Barcodes and images: drawing and alternative texts."""

import json
from collections.abc import Callable
from io import BytesIO

import pytest
import zxingcpp
from pikepdf import Pdf
from PIL import Image

from craftkit.typesetter import Job, SourceError
from typesetting import preview, typeset
from typst_child.codes import typical_use_of

Make = Callable[..., Job]

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'/>"


def read(job: Job) -> list[tuple[str, str]]:
    """Format and text of every code on the job's first page."""
    page = Image.open(BytesIO(preview(job, 300).pages[0])).convert("L")
    return [(str(code.format), code.text) for code in zxingcpp.read_barcodes(page)]


def alternatives(pdf: bytes) -> list[str]:
    """The alternative texts of a document's tag tree."""
    with Pdf.open(BytesIO(pdf)) as document:
        return [
            str(entry.Alt)
            for entry in document.objects
            if getattr(entry, "_type_name", "") == "dictionary" and "/Alt" in entry
        ]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ('qr("https://example.com/?a=1&b=ü")', ("QR Code", "https://example.com/?a=1&b=ü")),
        ('barcode("ABC-1234")', ("Code 128", "ABC-1234")),
        ('barcode("4006381333931", format: "ean13")', ("EAN-13", "4006381333931")),
        ('barcode("96385074", format: "ean8")', ("EAN-8", "96385074")),
        ('barcode("AB 12", format: "code39")', ("Code 39", "AB 12")),
        ('barcode("1234567890", format: "itf")', ("ITF", "1234567890")),
        ('barcode("hello", format: "datamatrix")', ("Data Matrix", "hello")),
        ('barcode("hello", format: "aztec")', ("Aztec", "hello")),
        ('barcode("hello there", format: "pdf417", height: 2cm)', ("PDF417", "hello there")),
    ],
)
def test_code__can_be_scanned(job: Make, call: str, found: tuple[str, str]) -> None:
    assert read(job("#" + call)) == [found]


def test_code__values_of_data_and_template_can_be_combined(job: Make) -> None:
    source = '#barcode(data.ean, format: "ean13")\n#v(2cm)\n#qr("made of " + data.ean)'
    data, types = {"ean": "4006381333931"}, {"ean": "barcode:ean13"}
    assert sorted(read(job(source, data, types=types))) == [
        ("EAN-13", "4006381333931"),
        ("QR Code", "made of 4006381333931"),
    ]


def test_code__conforms_and_has_an_alternative_text(job: Make) -> None:
    document = typeset(job('#qr("abc") #barcode("123", alt: "Parcel 123")'))
    assert sorted(alternatives(document.pdf)) == ["Parcel 123", "QR code: abc"]


def test_code__an_unknown_format_is_refused_with_the_list(job: Make) -> None:
    with pytest.raises(SourceError, match="unknown format 'maxicode'; the formats are qr, aztec"):
        typeset(job('#barcode("1", format: "maxicode")'))


class TestImages:
    def test_picture__has_its_alternative_text(self, job: Make) -> None:
        logo = {"logo": "https://example.com/logo.svg"}
        source = '#picture(data.logo, alt: "Our logo", height: 1cm)'
        changes = {"types": {"logo": "image"}, "images": {logo["logo"]: SVG}}
        assert alternatives(typeset(job(source, logo, **changes)).pdf) == ["Our logo"]

    def test_picture__without_an_alternative_text_is_decorative(self, job: Make) -> None:
        url = "https://example.com/logo.svg"
        document = typeset(job("#picture(data.logo)", {"logo": url}, images={url: SVG}))
        assert alternatives(document.pdf) == []

    def test_picture__an_unavailable_image_fails_with_its_path(self, job: Make) -> None:
        data = {"items": [{"photo": None}, {"photo": "https://example.com/a.png"}]}
        source = "#for item in data.items { picture(item.photo) }"
        with pytest.raises(SourceError) as stopped:
            typeset(job(source, data, types={"items.photo": "image"}))
        assert str(stopped.value) == "the image at items.1.photo could not be loaded"
        assert (stopped.value.line, stopped.value.column) == (2, 27)

    def test_picture__can_show_a_placeholder(self, job: Make) -> None:
        data, types = {"logo": "https://example.com/a.png"}, {"logo": "image"}
        source = '#picture(data.logo, alt: "Logo", missing: "placeholder")'
        assert typeset(job(source, data, types=types)).page_count == 1

    def test_picture__an_invalid_image_is_an_error_of_the_data(self, job: Make) -> None:
        data, types = {"logo": "https://example.com/a.png"}, {"logo": "image"}
        broken = {data["logo"]: b"\x89PNG\r\n\x1a\n no image"}
        with pytest.raises(SourceError, match="the image at logo could not be loaded"):
            typeset(job("#picture(data.logo)", data, types=types, images=broken))

    def test_picture__an_image_that_typst_cannot_decode_is_an_error_of_the_data(
        self, job: Make
    ) -> None:
        data, types = {"logo": "https://example.com/a.png"}, {"logo": "image"}
        svg = {data["logo"]: b"<svg xmlns='http://www.w3.org/2000/svg' width='0' height='0'/>"}
        with pytest.raises(SourceError, match="an image of the data cannot be shown"):
            typeset(job("#picture(data.logo)", data, types=types, images=svg))


class TestTypicalUse:
    JOB = json.dumps({"data": {"a": {"b": "1"}, "ean": "2", "items": [{"sku": "3"}, {"sku": "4"}]}})

    def test_typical_use__plain_calls_are_predicted_before_the_first_document(self) -> None:
        source = b'#qr(data.a.b, size: 1cm) #barcode(data.ean, width: 3cm, format: "ean13")'
        assert typical_use_of(source).expected(self.JOB.encode()) == {"qr:1", "ean13:2"}

    def test_typical_use__codes_of_loops_are_learned_from_documents(self) -> None:
        use = typical_use_of(b"#for item in data.items { barcode(item.sku) }")
        assert use.expected(self.JOB.encode()) == set()
        use.learn({"code128:3"}, self.JOB.encode())
        assert use.expected(self.JOB.encode()) == {"code128:3", "code128:4"}
