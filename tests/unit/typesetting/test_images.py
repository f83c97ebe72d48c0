import zlib
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from struct import pack

import pytest
from PIL import Image

from craftkit.typesetter import Job
from tests.support.internet import Internet, answering
from typesetting.images import ImageError, check, gather, with_images

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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_check__what_decodes_is_an_image(kind: str) -> None:
    check(_picture(kind))


def test_check__svg_that_stands_on_its_own_is_an_image() -> None:
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
def test_check__what_does_not_decode_is_none(content: bytes) -> None:
    with pytest.raises(ImageError):
        check(content)


def test_check__bomb_is_refused_by_its_size_before_it_is_decoded() -> None:
    with pytest.raises(ImageError, match="megapixels"):
        check(_png(60_000, 60_000, b"\0"))
    with pytest.raises(ImageError, match="megapixels"):
        check(_png(10_000, 4_001, b"\0"))


def test_check__jpeg_that_is_decoded_over_and_over_is_refused() -> None:
    file = BytesIO()
    Image.new("L", (64, 64), 128).save(file, "JPEG", progressive=True)
    picture = file.getvalue().removesuffix(b"\xff\xd9")
    check(picture + b"\xff\xd9")
    again = picture[picture.rindex(b"\xff\xda") :]
    with pytest.raises(ImageError, match="scans"):
        check(picture + again * 1000 + b"\xff\xd9")


def test_check__over_five_mebibytes_is_refused() -> None:
    with pytest.raises(ImageError, match="5 MiB"):
        check(b"\x89PNG\r\n\x1a\n" + b"\0" * 5 * 1024 * 1024)


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
def test_check__svg_that_points_outside_or_nests_too_deep_is_refused(inside: str) -> None:
    with pytest.raises(ImageError):
        check(SVG.format(inside).encode())


@pytest.mark.parametrize("inside", ["{}#a", "{}'{}#a'", "{}data:image/png;base64,AA"])
def test_check__a_megabyte_of_spaces_in_an_svg_is_read_as_fast_as_any_other(inside: str) -> None:
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


def test_gather__asks_for_each_url_once_and_says_what_failed_where() -> None:
    internet = Internet()
    internet.host("a.dev", answering(_picture()))
    internet.host("gone.dev", answering(status="404 Not Found"), ("93.184.216.35",))
    internet.host("text.dev", answering(b"hello"), ("93.184.216.36",))
    internet.host("inside.dev", addresses=("10.0.0.1",))
    data_uri = "data:image/png;base64," + b64encode(_picture()).decode()
    found = gather(
        {
            "logo": "https://a.dev/x.png".replace("https", "http"),
            "items.0.photo": "http://a.dev/x.png",
            "items.1.photo": data_uri,
            "items.2.photo": "http://gone.dev/",
            "items.3.photo": "http://text.dev/",
            "items.4.photo": "http://inside.dev/",
            "items.5.photo": "data:image/png;base64,AAA",
        },
        network=internet.network,
    )
    assert found.images == {"http://a.dev/x.png": _picture(), data_uri: _picture()}
    assert found.faults == {
        "items.2.photo": "the host answered 404",
        "items.3.photo": "the image is no PNG, JPEG, GIF, WebP or SVG",
        "items.4.photo": "the host is not on the public internet",
        "items.5.photo": "the data: URI is not proper base 64",
    }
    assert sorted(internet.calls) == [
        ("93.184.216.34", 80),
        ("93.184.216.35", 80),
        ("93.184.216.36", 80),
    ]


def test_gather__follows_a_redirect_and_never_to_a_private_address() -> None:
    internet = Internet()
    internet.host("a.dev", answering(status="302 Found", headers=["Location: http://b.dev/"]))
    internet.host("b.dev", answering(_picture()), ("93.184.216.35",))
    trap = answering(status="302 Found", headers=["Location: http://169.254.169.254/"])
    internet.host("trap.dev", trap, ("93.184.216.36",))
    internet.host("169.254.169.254", addresses=("169.254.169.254",))
    found = gather({"a": "http://a.dev/", "b": "http://trap.dev/"}, network=internet.network)
    assert found.images == {"http://a.dev/": _picture()}
    assert found.faults == {"b": "the host is not on the public internet"}


def test_gather__one_gigabyte_ends_at_five_mebibytes() -> None:
    internet = Internet()

    def serve(connection, _head) -> None:  # type: ignore[no-untyped-def]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while True:
            connection.sendall(b"\0" * 65536)

    internet.host("huge.dev", serve)
    found = gather({"a": "http://huge.dev/"}, network=internet.network)
    assert "larger than" in found.faults["a"]


def test_gather__pictures_that_take_too_long_together_are_done_without() -> None:
    internet = Internet()
    uris = [
        "data:image/png;base64," + b64encode(_picture(size=(8, rows))).decode() for rows in (1, 2)
    ]
    moments = iter([0.0, 0.0, 0.0, 9.0, 11.0])  # the last two: before each is decoded
    network = replace(internet.network, monotonic=lambda: next(moments))
    found = gather({"a": uris[0], "b": uris[1]}, network=network)
    assert set(found.images) == {uris[0]}
    assert found.faults == {"b": "the images of the document took longer than 10 seconds"}


def test_with_images__adds_what_the_datas_images_are() -> None:
    uri = "data:image/png;base64," + b64encode(_picture()).decode()
    job = Job(
        source="",
        data={"items": [{"photo": uri}, {"photo": None}]},
        types={"items": "loop", "items.photo": "image"},
        locale="en",
        title="x",
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    assert with_images(job).images == {uri: _picture()}
