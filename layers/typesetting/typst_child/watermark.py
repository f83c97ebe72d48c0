"""Draws the mark of test renders on finished pages, so that no template can remove it.

On a PDF the mark is an artifact (ISO 32000-1, 14.8.2.2), outside of the document's tag tree: the
PDF stays tagged and keeps conforming to its standard.
"""

from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from itertools import product
from math import atan2, ceil, degrees, hypot
from typing import TYPE_CHECKING, cast

import typst

TEXT = "TEST"
COLOR = "#64748b"

if TYPE_CHECKING:
    import pikepdf
    from PIL import Image

_CELL_POINTS = 1200.0
"""A page larger than A3 has a mark in each cell of this size, so that every part shows one."""

_ARTIFACT = "/Artifact <</Type /Pagination /Subtype /Watermark>>"

# A page of the cell's size with only the mark. The text fills about half of the diagonal, and is
# transparent so that the page stays readable.
_MARK = """\
#set page(width: {width}pt, height: {height}pt, margin: 0pt, fill: none)
#set text(font: "Inter", weight: "semibold", size: {size}pt, hyphenate: false)
#set text(fill: rgb("#64748b1c"))
#place(center + horizon, rotate(-{angle}deg, box[{text}]))
"""


def stamp(pdf: bytes, fonts: typst.Fonts) -> bytes:
    """The document with the mark on every page. The same input gives the same bytes."""
    from pikepdf import Name, Pdf  # only test renders need it

    with Pdf.open(BytesIO(pdf)) as document:
        marks: dict[tuple[float, float], pikepdf.Object] = {}
        for page in document.pages:
            if _is_marked(page):  # a page of an appended test render
                continue
            left, bottom, right, top = (float(edge) for edge in page.mediabox)
            size, places = _cells(right - left, top - bottom)
            if size not in marks:
                with Pdf.open(BytesIO(_pdf_mark(*size, fonts))) as mark:
                    marks[size] = document.copy_foreign(mark.pages[0].as_form_xobject())
            name = page.add_resource(marks[size], Name.XObject, Name.CraftkitTest)
            draw = " ".join(
                f"q 1 0 0 1 {left + x:.4f} {bottom + y:.4f} cm {name} Do Q" for x, y in places
            )
            page.contents_add(b"q", prepend=True)
            page.contents_add(f"Q {_ARTIFACT} BDC {draw} EMC".encode())
        output = BytesIO()
        document.save(output, deterministic_id=True, fix_metadata_version=False)
        return output.getvalue()


def _is_marked(page: "pikepdf.Page") -> bool:
    resources = page.get("/Resources")
    drawn = resources.get("/XObject") if resources is not None else None
    return drawn is not None and "/CraftkitTest" in drawn


def stamp_svg(svg: bytes, width: float, height: float, fonts: typst.Fonts) -> bytes:
    """A page as SVG with the mark; `width` and `height` are in points."""
    size, places = _cells(width, height)
    mark = _svg_mark(*size, fonts)
    drawn = b"".join(
        b'<g transform="translate(%.4f %.4f)">%s</g>' % (x, y, mark) for x, y in places
    )
    end = svg.rindex(b"</svg>")
    return svg[:end] + drawn + svg[end:]


def raster_marks(
    width: float, height: float, pixels_per_inch: float, fonts: typst.Fonts
) -> Iterator[tuple[int, int, "Image.Image"]]:
    """The marks of a page as masks, each with its position in pixels from the top left."""
    size, places = _cells(width, height)
    mask = _mask(*size, pixels_per_inch, fonts)
    for x, y in places:
        yield round(x * pixels_per_inch / 72), round(y * pixels_per_inch / 72), mask


def _cells(width: float, height: float) -> tuple[tuple[float, float], list[tuple[float, float]]]:
    """The size of a page's cells in points, and the corner of each cell."""
    columns, rows = ceil(width / _CELL_POINTS), ceil(height / _CELL_POINTS)
    size = (width / columns, height / rows)
    return size, [(x * size[0], y * size[1]) for x, y in product(range(columns), range(rows))]


@lru_cache(maxsize=32)
def _pdf_mark(width: float, height: float, fonts: typst.Fonts) -> bytes:
    compiler = _mark(width, height, fonts)
    pdf = compiler.compile(format="pdf", pdf_standards=["a-2b"], pdf_tags=False, timestamp=0)
    return cast(bytes, pdf)


@lru_cache(maxsize=2)  # at most 41 megabytes each
def _mask(width: float, height: float, pixels_per_inch: float, fonts: typst.Fonts) -> "Image.Image":
    """The opacity of the mark for each pixel."""
    from PIL import Image

    png = cast(bytes, _mark(width, height, fonts).compile(format="png", ppi=pixels_per_inch))
    with Image.open(BytesIO(png), formats=["PNG"]) as mark:
        return mark.getchannel("A")


@lru_cache(maxsize=8)
def _svg_mark(width: float, height: float, fonts: typst.Fonts) -> bytes:
    """The content of the mark's `svg` element."""
    svg = cast(bytes, _mark(width, height, fonts).compile(format="svg"))
    return svg[svg.index(b">") + 1 : svg.rindex(b"</svg>")]


def _mark(width: float, height: float, fonts: typst.Fonts) -> typst.Compiler:
    source = _MARK.format(
        width=width,
        height=height,
        size=round(hypot(width, height) * 0.18, 2),
        angle=round(degrees(atan2(height, width)), 3),
        text=TEXT,
    )
    return typst.Compiler(source.encode(), font_paths=fonts, ignore_system_fonts=True)
