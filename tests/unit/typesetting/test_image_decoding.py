"""Images are decoded in the child, or refused with a reason."""

import zlib
from base64 import b64encode
from io import BytesIO
from struct import pack

import pytest
from PIL import Image

from craftkit.templates.image_types import image_type
from typst_child import images
from typst_child.images import ImageError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4">{}</svg>'


def _picture(kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


def _chunk(name: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content))


def _png(width: int, height: int, pixels: bytes) -> bytes:
    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(pixels)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def check(content: bytes) -> None:
    """As the worker and its child do it: the type by the first bytes, then the whole image."""
    kind = image_type(content)
    if kind is None:
        raise ImageError("no image type")
    images.check(content, kind)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_check__decodable_images_are_accepted(kind: str) -> None:
    check(_picture(kind))


def test_check__a_self_contained_svg_is_accepted() -> None:
    check(SVG.format('<use href="#a"/><rect id="a" fill="url(#b)"/>').encode())
    check(b'<?xml version="1.0"?>\n<!-- drawn by hand -->\n' + SVG.format("").encode())
    inner = b64encode(_picture()).decode()
    check(SVG.format(f'<image href="data:image/png;base64,{inner}"/>').encode())


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"hello", b"%PDF-1.7", b"<html></html>", b"BM" + b"\0" * 60, b"\x00\x00\x01\x00"),
        *(_picture()[:40], _picture("JPEG")[:200], b"\x89PNG\r\n\x1a\n" + b"\0" * 100, b"GIF89a"),
        _png(8, 8, b"too few pixels"),
    ],
)
def test_check__undecodable_images_are_refused(content: bytes) -> None:
    with pytest.raises(ImageError):
        check(content)


def test_check__bomb_is_refused_by_its_size_before_it_is_decoded() -> None:
    with pytest.raises(ImageError, match="megapixels"):
        check(_png(60_000, 60_000, b"\0"))
    with pytest.raises(ImageError, match="megapixels"):
        check(_png(10_000, 4_001, b"\0"))


def test_check__a_jpeg_with_too_many_scans_is_refused() -> None:
    file = BytesIO()
    Image.new("L", (64, 64), 128).save(file, "JPEG", progressive=True)
    image = file.getvalue().removesuffix(b"\xff\xd9")
    check(image + b"\xff\xd9")
    again = image[image.rindex(b"\xff\xda") :]
    with pytest.raises(ImageError, match="scans"):
        check(image + again * 1000 + b"\xff\xd9")


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="http://169.254.169.254/"/>',
        '<image xmlns:x="http://www.w3.org/1999/xlink" x:href="https://a.dev/x.png"/>',
        '<image href="file:///etc/passwd"/>',
        '<image href="../secret.png"/>',
        '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>',
        '<use href="other.svg#a"/>',
        '<rect fill="url(https://a.dev/#b)"/>',
        "<rect style=\"fill: url( 'https://a.dev' )\"/>",
        "<style>@import 'https://a.dev/x.css';</style>",
        "<style>rect { fill: url(//a.dev) }</style>",
        "<g>" * 300 + "</g>" * 300,
    ],
)
def test_check__an_svg_with_external_references_or_deep_nesting_is_refused(inside: str) -> None:
    with pytest.raises(ImageError):
        check(SVG.format(inside).encode())


@pytest.mark.parametrize("inside", ["{}#a", "{}'{}#a'", "{}data:image/png;base64,AA"])
def test_check__a_megabyte_of_spaces_in_an_svg_is_read_quickly(inside: str) -> None:
    blank = " " * 1_000_000
    check(SVG.format(f'<rect style="fill: url({inside.replace("{}", blank)})"/>').encode())
    check(SVG.format(f"<style>a {{ fill: url({inside.replace('{}', blank)}) }}</style>").encode())


@pytest.mark.parametrize(
    "svg",
    [
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + SVG.format("&b;"),
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG.format("&x;"),
        '<?xml version="1.0"?><?xml-stylesheet href="https://a.dev/x.css"?>' + SVG.format(""),
        "<svg",
        "<svg></svg><svg></svg>",
        "<!-- --><html></html>",
    ],
)
def test_check__svg_with_entities_or_faults_is_refused(svg: str) -> None:
    with pytest.raises(ImageError):
        check(svg.encode())
