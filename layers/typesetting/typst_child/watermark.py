"""The mark of a test render, stamped on finished pages, where no template can reach.

It is drawn as an artifact (ISO 32000-1, 14.8.2.2), outside of the document's tag tree, so that
a tagged page stays one and the PDF goes on conforming to what it claims.
"""

from functools import lru_cache
from io import BytesIO
from itertools import product
from math import atan2, ceil, degrees, hypot
from typing import cast

import pikepdf
import typst
from pikepdf import Name, Pdf

TEXT = "TEST"

_CELL_POINTS = 1200.0
"""A page longer than A3 gets a mark for each part of it: else a corner of it could be cut out."""

_CELLS_A_SIDE = 20

_ARTIFACT = "/Artifact <</Type /Pagination /Subtype /Watermark>>"

# A page with nothing but the mark, of the size of the page that it will lie on. The letters are
# set to fill about half of the diagonal. Transparent, so that what is below stays readable.
_MARK = """\
#set page(width: {width}pt, height: {height}pt, margin: 0pt)
#set text(font: "Inter", weight: "semibold", size: {size}pt, hyphenate: false)
#set text(fill: rgb("#64748b1c"))
#place(center + horizon, rotate(-{angle}deg, box[{text}]))
"""


def stamp(pdf: bytes, fonts: typst.Fonts) -> bytes:
    """The same document with the mark all over every page. The same bytes give the same bytes."""
    with Pdf.open(BytesIO(pdf)) as document:
        marks: dict[tuple[float, float], pikepdf.Object] = {}
        for page in document.pages:
            left, bottom, right, top = (float(edge) for edge in page.mediabox)
            columns, rows = _cells(right - left), _cells(top - bottom)
            size = ((right - left) / columns, (top - bottom) / rows)
            if size not in marks:
                with Pdf.open(BytesIO(_mark(*size, fonts))) as mark:
                    marks[size] = document.copy_foreign(mark.pages[0].as_form_xobject())
            name = page.add_resource(marks[size], Name.XObject, Name.CraftkitTest)
            places = product(range(columns), range(rows))
            draw = " ".join(
                f"q 1 0 0 1 {left + x * size[0]:.4f} {bottom + y * size[1]:.4f} cm {name} Do Q"
                for x, y in places
            )
            page.contents_add(b"q", prepend=True)
            page.contents_add(f"Q {_ARTIFACT} BDC {draw} EMC".encode())
        output = BytesIO()
        document.save(output, deterministic_id=True, linearize=False)
        return output.getvalue()


def _cells(points: float) -> int:
    return min(ceil(points / _CELL_POINTS), _CELLS_A_SIDE)


@lru_cache(maxsize=32)
def _mark(width: float, height: float, fonts: typst.Fonts) -> bytes:
    source = _MARK.format(
        width=width,
        height=height,
        size=round(hypot(width, height) * 0.18, 2),
        angle=round(degrees(atan2(height, width)), 3),
        text=TEXT,
    )
    compiler = typst.Compiler(source.encode(), font_paths=fonts, ignore_system_fonts=True)
    pdf = compiler.compile(format="pdf", pdf_standards=["a-2b"], pdf_tags=False, timestamp=0)
    return cast(bytes, pdf)
