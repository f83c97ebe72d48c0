"""PDFs read back, as a reader sees them."""

import re
from itertools import combinations

import pypdfium2

# Where a line ends is the page's affair: white space, hyphens, and what a reader makes of them.
_BREAKS = re.compile("[\\s\u00ad\u200b\ufffe\x02-]+")


def text_of(pdf: bytes) -> str:
    """The text of all pages, in the order in which it was set."""
    return "\n".join(pages_of(pdf))


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()


def unbroken(text: str) -> str:
    """Text without what line breaking may have changed, and without its case."""
    return _BREAKS.sub("", text).casefold()


def collisions(pdf: bytes) -> list[str]:
    """Pieces of text that lie on one another or off the page, in words.

    Boxes may meet by a hair: a point beside one another, and one and a half above.
    """
    found = []
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            width, height = page.get_size()
            text = page.get_textpage()
            boxes = [text.get_rect(index) for index in range(text.count_rects())]
            found += [
                f"{text.get_text_bounded(*box)!r} is off the page"
                for box in boxes
                if box[0] < -1 or box[1] < -1 or box[2] > width + 1 or box[3] > height + 1
            ]
            found += [
                f"{text.get_text_bounded(*one)!r} lies on {text.get_text_bounded(*other)!r}"
                for one, other in combinations(boxes, 2)
                if min(one[2], other[2]) - max(one[0], other[0]) > 1
                and min(one[3], other[3]) - max(one[1], other[1]) > 1.5
            ]
    finally:
        document.close()
    return found
