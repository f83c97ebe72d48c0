"""Attacks by templates, data, images and fonts: each ends as the template's own error, never as a
fault of the worker, and the next render is unharmed."""

import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from PIL import Image

from craftkit.typesetter import (
    FontError,
    Job,
    RenderTooLargeError,
    SourceError,
    TypesettingError,
)
from typesetting import check_font, preview, service, typeset
from typesetting.request import request
from typesetting.sandbox import _hide_from_children
from typst_child import confinement
from typst_child.pages import PagesError, check_output

Make = Callable[..., Job]

LAYER = Path(confinement.__file__).parents[1]
CODE = "// qr\n"


@pytest.mark.parametrize(
    "value",
    ["(1, 2)", '"no-colon"', "17", "none", "[content]", "(a: 1)", "true", '":"', '"qr:"'],
)
def test_hostile__a_forged_code_label_fails_the_template(job: Make, value: str) -> None:
    try:
        assert typeset(job(f"{CODE}#metadata({value})<craftkit-code>")).page_count == 1
    except TypesettingError as error:
        assert error.code == "template_error"


@pytest.mark.parametrize("label", ["#[x]<craftkit-code>", "#figure[x]<craftkit-code>"])
def test_hostile__the_label_on_anything_else_is_ignored(job: Make, label: str) -> None:
    assert typeset(job(CODE + label, pdf_standard="1.7")).page_count == 1


def test_hostile__codes_that_request_more_codes_without_end_are_stopped(job: Make) -> None:
    count = 'json("/craftkit/codes.json").len()'
    with pytest.raises(SourceError, match="still requests new codes"):
        typeset(job(f'{CODE}#metadata("qr:" + str({count}))<craftkit-code>'))


def test_hostile__a_code_of_a_megabyte_is_refused(job: Make) -> None:
    with pytest.raises(SourceError, match="does not fit"):
        typeset(job('#qr("x" * 1000000)'))
    with pytest.raises(SourceError, match="unknown format"):
        typeset(job('#barcode("x", format: "z" * 100000)'))


@pytest.fixture
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job makes the child raise where nobody expected it."""

    def broken(*asked: Any) -> tuple[dict[str, Any], list[bytes]]:
        header, blobs = request(*asked)
        return {**header, "codes": [["a secret"]]}, blobs

    monkeypatch.setattr(service, "request", broken)


@pytest.mark.usefixtures("unforeseen")
def test_hostile__a_job_that_ends_the_child_is_a_template_error_without_data_in_the_log(
    job: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    service._sandbox().close()  # the next child's messages come here
    with pytest.raises(SourceError, match="made the typesetter stop") as stopped:
        typeset(job("#data.a", {"a": "a secret"}))
    assert stopped.value.code == "template_error"
    said = capfd.readouterr()
    assert "TypeError" in said.err
    assert "secret" not in said.out + said.err


@pytest.mark.parametrize(
    "source",
    [
        "#let f(x) = f(x + 1)\n#f(0)",
        "#let f(x) = { f(x); f(x) }\n#f(0)",
        "#show heading: it => heading(it.body)\n= Endless",
        '#show "a": it => "a" + it\na',
        '#include "/template.typ"',
        '#import "/template.typ": x',
        "#context { let s = state(\"s\", 0); s.update(x => x + 1); s.final() }",
        '#eval("#eval(\\"1\\" * 3)")',
        '#eval("(" * 100000)',
        "#regex(\"(a*)*b\").text\n#(\"a\" * 100).contains(regex(\"((a{1,100}){1,100}){1,100}\"))",
        "#range(0, 10000000).len()",
        '#bytes(range(256)).slice(0, 300)',
        '#json(bytes("[" * 100000))',
        '#yaml(bytes("a: &a [x]\\nb: &b [*a,*a]\\nc: [*b,*b]"))',
        '#xml(bytes("<!DOCTYPE x [<!ENTITY a \\"b\\">]><x>&a;</x>"))',
        '#toml(bytes("a = [" + "[" * 50000))',
        '#cbor(bytes((0x9b, 255, 255, 255, 255, 255, 255, 255, 255)))',
        '#csv(bytes("a,b\\nc"))',
        '#plugin(bytes(range(200)))',
        '#read("/proc/self/environ")',
        '#read("../../etc/passwd")',
        '#json("/craftkit/../../1/craftkit/job.json")',
        '#image("/images/../../../../etc/hostname")',
        '#import "@preview/cetz:0.3.0"',
        '#import "@local/x:1.0.0"',
        '#bibliography(bytes("@article{" * 1000))',
        "#calc.pow(10, 100000)",
        "#(9223372036854775807 + 1)",
        '#datetime.today(offset: 100000000)',
        "#set page(width: 1e300pt)\nx",
        "#set page(width: -5pt)\nx",
        "#set text(size: 0pt)\nx",
        "#set text(size: 1e30pt)\nx",
        "#rotate(1e308deg)[x] #scale(1e308%)[y]",
        "#place(dx: 1e308pt)[x]",
        "#h(1e308pt) #v(1e308pt) x",
        "#table(columns: 5000)[x]",
        "#set document(title: \"t\" * 100000)\nx",
        "#set document(author: (\"a\",) * 100000)\nx",
        "#set document(date: datetime(year: -5, month: 1, day: 1))\nx",
        "#pdf.attach(\"/x\", bytes(\"MZ\"))",
        "#counter(page).update(9223372036854775807)\n#counter(page).step()\nx",
        "#link(\"javascript:alert(1)\")[x]",
        "#text(lang: \"zz\", region: \"QQ\", script: \"Zzzz\")[x]",
        "#tiling(size: (0.000001pt, 0.000001pt))[x]",
        "#rect(fill: tiling(size: (0.0001pt, 0.0001pt))[x])",
        "#rect(fill: gradient.linear(..((red, blue) * 1000)))",
        "#math.mat(..((1,) * 20000))",
        "#curve(curve.move((1e308pt, 1e308pt)), curve.line((-1e308pt, 0pt)))",
        "\u202e\u0000\ufeff#text",
        "#panic(\"\\u{0}\\u{1b}[31m\" + \"x\" * 100000)",
    ],
)  # fmt: skip
def test_hostile__source_ends_with_a_document_or_as_template_error(job: Make, source: str) -> None:
    try:
        typeset(job(source, pdf_standard="1.7"))
    except TypesettingError as error:
        assert error.code in {
            "template_error", "render_too_large", "render_timeout", "pdf_standard_violated",
        }  # fmt: skip
        assert len(str(error)) < 1200
        assert "/tmp/" not in str(error)
        assert str(LAYER) not in str(error)
    assert typeset(job("After")).page_count == 1


@pytest.mark.parametrize("size", ["14401pt", "100000pt", "1e9pt"])
def test_hostile__a_page_of_more_than_200_inches_is_refused(job: Make, size: str) -> None:
    source = f"#set page(width: {size}, height: 100pt)\nx"
    for typeset_or_preview in (typeset, preview):
        with pytest.raises(RenderTooLargeError, match="14400 pt"):
            typeset_or_preview(job(source, watermark=True))


def test_hostile__an_image_of_a_huge_page_is_refused_before_it_is_drawn(job: Make) -> None:
    with pytest.raises(RenderTooLargeError, match="megapixels"):
        preview(job("#set page(width: 14000pt, height: 14000pt)\nx"), 192)


def test_hostile__one_much_larger_page_is_refused(job: Make) -> None:
    source = "Small #page(width: 20000pt)[x] #pagebreak() Small"
    with pytest.raises(RenderTooLargeError):
        typeset(job(source))


def _svg(inside: str, size: str = 'width="9" height="9"') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{inside}</svg>'.encode()


def _png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return pack(">I", len(content)) + name + content + pack(">I", check)

    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def _animated_gif() -> bytes:
    file = BytesIO()
    frames = [Image.new("P", (2000, 2000), shade) for shade in range(40)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


USES = "".join(
    f'<g id="u{n}"><use href="#u{n - 1}"/><use href="#u{n - 1}"/></g>' for n in range(1, 40)
)
IMAGES: Mapping[str, bytes] = {
    "a billion uses": _svg('<g id="u0"><rect width="1" height="1"/></g>' + USES),
    "a use of itself": _svg('<g id="a"><use href="#a"/></g>'),
    "a pattern of itself": _svg('<pattern id="p" width="1" height="1"><rect fill="url(#p)"/>'
                                '</pattern><rect width="9" height="9" fill="url(#p)"/>'),
    "a huge blur": _svg('<filter id="f"><feGaussianBlur stdDeviation="99999"/></filter>'
                        '<rect width="9" height="9" filter="url(#f)"/>'),
    "a huge canvas": _svg("<rect/>", 'width="1e30" height="1e30"'),
    "no size": _svg("<rect/>", 'width="0" height="-1"'),
    "not a number": _svg('<rect width="nan" height="inf"/>', 'viewBox="nan inf 1 1"'),
    "a million attributes": _svg("<rect " + " ".join(f'a{n}=""' for n in range(50_000)) + "/>"),
    "an unknown encoding": b'<?xml version="1.0" encoding="nonsense"?><svg/>',
    "utf-7": b'<?xml version="1.0" encoding="utf-7"?><svg/>',
    "a bomb by size": _png(60_000, 60_000, b"\0"),
    "a bomb by content": _png(6000, 6000, b"\0" * 6001 * 6000),
    "an animation": _animated_gif(),
    "no pixel": _png(0, 0, b""),
    "cut off": _png(60, 60, b"\0" * 61),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_hostile__any_image_is_shown_refused_or_a_template_error(job: Make, name: str) -> None:
    data = {"photo": "http://a.dev/x"}
    asked = job(
        '#picture(data.photo, alt: "x", missing: "placeholder")',
        data,
        types={"photo": "image"},
        images={"http://a.dev/x": IMAGES[name]},
        pdf_standard="1.7",
    )
    try:
        assert typeset(asked).page_count == 1
    except TypesettingError as error:
        assert error.code in {"template_error", "render_too_large", "render_timeout"}
        assert "/tmp/" not in str(error)
    assert typeset(job("After")).page_count == 1


def test_hostile__an_image_that_does_not_decode_fails_with_its_path(job: Make) -> None:
    asked = job(
        "#picture(data.photo)",
        {"photo": "http://a.dev/x"},
        types={"photo": "image"},
        images={"http://a.dev/x": b"\x89PNG\r\n\x1a\n" + b"\0" * 99},
    )
    with pytest.raises(SourceError, match="the image at photo could not be loaded"):
        typeset(asked)


@pytest.mark.parametrize(
    "font",
    [
        b"",
        b"OTTO" + b"\xff" * 4000,
        b"\0\1\0\0" + b"\0" * 4000,
        b"ttcf" + b"\xff" * 4000,  # a collection of four billion faces
        b"true" + b"\xff" * 4000,
        b"wOF2" + b"\xff" * 4000,
    ],
)
def test_hostile__a_broken_font_is_refused(job: Make, font: bytes) -> None:
    with pytest.raises(FontError):
        check_font(font)
    assert typeset(job("After")).page_count == 1


def test_hostile__a_font_cannot_replace_the_last_resort_font(job: Make) -> None:
    source = '#set document(title: "CraftkitMissingGlyph")\nText'
    assert typeset(job(source)).page_count == 1


def _nested(depth: int) -> Any:
    value: Any = "end"
    for _ in range(depth):
        value = [value]
    return value


def test_hostile__data_of_the_maximum_depth_is_typeset(job: Make) -> None:
    assert typeset(job("#repr(data)", {"a": _nested(20)})).page_count == 1


def test_hostile__a_template_cannot_change_inputs_and_time(job: Make) -> None:
    with pytest.raises(SourceError, match=r"^\(:\)"):
        typeset(job("#panic(sys.inputs)"))
    with pytest.raises(SourceError, match=r"^2026-11-24$"):
        typeset(job('#panic(datetime.today().display("[year]-[month]-[day]"))'))


def test_hostile__a_template_cannot_remove_the_test_mode(job: Make) -> None:
    """The mark is the child's, whatever the source does to the files that it can read."""
    source = '#let _job = (watermark: false)\n#json("/craftkit/job.json").keys().join(" ")'
    assert b"CraftkitTest" in typeset(job(source, watermark=True)).pdf


def test_hostile__a_document_over_the_output_limit_is_refused() -> None:
    with pytest.raises(PagesError, match="larger than 100 MiB"):
        check_output([bytes(40 * 1024 * 1024)] * 3)


ATTEMPT = """
import sys
sys.path.insert(0, sys.argv[1])
from typst_child.confinement import confine
confine()
import os, socket, subprocess
def attempt(name, act):
    try:
        act()
    except OSError as error:
        print(name, type(error).__name__)
    else:
        print(name, "works")
attempt("environ", lambda: open(f"/proc/{os.getppid()}/environ", "rb").read())
attempt("memory", lambda: open(f"/proc/{os.getppid()}/mem", "rb"))
attempt("socket", lambda: socket.socket())
attempt("program", lambda: subprocess.run(["/bin/true"], check=True))
attempt("own file", lambda: open("/proc/self/status").read())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's means are Linux's")
def test_child__cannot_read_its_parent_use_a_network_or_start_a_program() -> None:
    _hide_from_children()
    done = subprocess.run(
        [sys.executable, "-ISc", ATTEMPT, str(LAYER)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "environ PermissionError",
        "memory PermissionError",
        "socket PermissionError",
        "program PermissionError",
        "own file works",
    ]
