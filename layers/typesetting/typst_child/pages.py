"""Checks the number and the size of a finished document's pages."""

import re
from collections.abc import Iterable, Sequence

PAGE_LIMIT = 500
IMAGE_PAGE_LIMIT = 100
SIDE_LIMIT_POINTS = 14_400
"""200 inches: the maximum that PDF readers show (ISO 32000-1, annex C)."""

PIXEL_LIMIT = 64_000_000
OUTPUT_LIMIT_BYTES = 100 * 1024 * 1024

# The first object that Typst writes is the root of the page tree. The anchored pattern cannot match
# text of the document that looks like one.
_PAGE_TREE = re.compile(rb"%PDF-[^/]{1,40}1 0 obj\s*<<\s*/Type\s*/Pages\s*/Count (\d+)")
_MEDIA_BOX = re.compile(rb"/MediaBox ?\[0 0 ([\d.]{1,20}) ([\d.]{1,20})\]")


class PagesError(Exception):
    """The document has too many or too large pages. The message is for the author."""


class NoSuchPageError(Exception):
    """None of the selected pages exists. The message is for the caller."""


def selected_pages(ranges: Sequence[tuple[int, int]] | None, count: int) -> list[int]:
    """The numbers of the selected pages in ascending order, without pages that do not exist.

    Raises:
        NoSuchPageError: none of them exists.
    """
    every = range(1, count + 1)
    if ranges is None:
        return list(every)
    found = [page for page in every if any(first <= page <= last for first, last in ranges)]
    if not found:
        raise NoSuchPageError(f"options.pages selects none of the document's {count} pages")
    return found


def page_count(pdf: bytes) -> int:
    """The number of pages of a PDF that Typst wrote. Its page tree comes first, uncompressed."""
    found = _PAGE_TREE.match(pdf)
    if found is None:
        raise ValueError("the PDF does not start with its page tree")
    return int(found[1])


def check_pdf(pdf: bytes) -> int:
    """Check a PDF that Typst wrote and return its number of pages.

    Raises:
        PagesError: a limit is exceeded.
    """
    count = page_count(pdf)
    if count > PAGE_LIMIT:
        raise PagesError(f"The document has {count} pages; the maximum is {PAGE_LIMIT}.")
    for width, height in _sizes(pdf):
        if max(width, height) > SIDE_LIMIT_POINTS:
            raise PagesError(
                f"A page is {width:.0f} × {height:.0f} pt; the maximum is {SIDE_LIMIT_POINTS} pt "
                "(200 inches) a side."
            )
    return count


def check_raster(pdf: bytes, pixels_per_inch: float) -> None:
    """Check that the pages can be drawn as images: their number and size in pixels.

    Raises:
        PagesError: a limit is exceeded.
    """
    count = page_count(pdf)
    if count > IMAGE_PAGE_LIMIT:
        raise PagesError(
            f"The document has {count} pages; as images the maximum is {IMAGE_PAGE_LIMIT}."
        )
    scale = (pixels_per_inch / 72) ** 2
    if any(width * height * scale > PIXEL_LIMIT for width, height in _sizes(pdf)):
        raise PagesError(f"A page as an image has more than {PIXEL_LIMIT // 1_000_000} megapixels.")


def check_output(files: Iterable[bytes]) -> None:
    """Check the total size of the output.

    Raises:
        PagesError: the limit is exceeded.
    """
    if sum(map(len, files)) > OUTPUT_LIMIT_BYTES:
        raise PagesError(f"The document is larger than {OUTPUT_LIMIT_BYTES // 1024 // 1024} MiB.")


def _sizes(pdf: bytes) -> set[tuple[float, float]]:
    return {(float(width), float(height)) for width, height in _MEDIA_BOX.findall(pdf)}
