"""The pages of a PDF as a reader sees them: text, and where it lies."""

import re
from dataclasses import dataclass

import pypdfium2

# Where a line ends is the page's affair: white space, hyphens, and what a reader makes of them.
_BREAKS = re.compile("[\\s\u00ad\u200b\ufffe\x02-]+")


@dataclass(frozen=True)
class ReadPages:
    """The text of each page, and pieces of text that overlap or are outside of the page."""

    texts: list[str]
    collisions: list[str]


def read_pages(pdf: bytes, *, find_collisions: bool = True) -> ReadPages:
    """Text and layout of a PDF.

    Boxes may overlap by 1 pt horizontally and 1.5 pt vertically.
    """
    texts, found = [], []
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            text = page.get_textpage()
            texts.append(text.get_text_bounded())
            if find_collisions:
                found += _collisions(text, *page.get_size())
    finally:
        document.close()
    return ReadPages(texts, found)


def text_of(pdf: bytes) -> str:
    """The text of all pages, in the order in which it was set."""
    return "\n".join(pages_of(pdf))


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page."""
    return read_pages(pdf, find_collisions=False).texts


def collisions(pdf: bytes) -> list[str]:
    """A message for each piece of text that overlaps another or is outside of the page."""
    return read_pages(pdf).collisions


def unbroken(text: str) -> str:
    """Text without what line breaking may have changed, and without its case."""
    return _BREAKS.sub("", text).casefold()


def _collisions(text: pypdfium2.PdfTextPage, width: float, height: float) -> list[str]:
    boxes = [text.get_rect(index) for index in range(text.count_rects())]
    found = [
        f"{text.get_text_bounded(*box)!r} is off the page"
        for box in boxes
        if box[0] < -1 or box[1] < -1 or box[2] > width + 1 or box[3] > height + 1
    ]
    # From top to bottom: a box meets those alone that begin above its own lower edge.
    boxes.sort(key=lambda box: -box[3])
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            if other[3] <= one[1] + 1.5:
                break
            if min(one[2], other[2]) - max(one[0], other[0]) > 1 and (
                min(one[3], other[3]) - max(one[1], other[1]) > 1.5
            ):
                first, second = text.get_text_bounded(*one), text.get_text_bounded(*other)
                found.append(f"{first!r} lies on {second!r}")
    return found
