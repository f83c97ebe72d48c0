"""The pages of a finished document: how many, how large, and whether that is allowed."""

import re
from collections.abc import Iterable, Sequence

PAGE_LIMIT = 500
IMAGE_PAGE_LIMIT = 100
SIDE_LIMIT_POINTS = 14_400
"""200 inches: what PDF readers show at most (ISO 32000-1, annex C)."""

PIXEL_LIMIT = 64_000_000
OUTPUT_LIMIT_BYTES = 100 * 1024 * 1024

# Typst's first object is the page tree's root; anything else that looks like one is further on.
_PAGE_TREE = re.compile(rb"%PDF-[^/]{1,40}1 0 obj\s*<<\s*/Type\s*/Pages\s*/Count (\d+)")
_MEDIA_BOX = re.compile(rb"/MediaBox ?\[0 0 ([\d.]{1,20}) ([\d.]{1,20})\]")


class PagesError(Exception):
    """The document has more, or larger, pages than it may. The message is for the author."""


class NoSuchPageError(Exception):
    """None of the selected pages exists. The message is for the caller."""


def selected_pages(ranges: Sequence[tuple[int, int]] | None, count: int) -> list[int]:
    """The numbers of the selected pages in the document's order; those that do not exist are left
    out.

    Raises:
        NoSuchPageError: none is left.
    """
    every = range(1, count + 1)
    if ranges is None:
        return list(every)
    found = [page for page in every if any(first <= page <= last for first, last in ranges)]
    if not found:
        raise NoSuchPageError(f"options.pages selects none of the document's {count} pages")
    return found


def page_count(pdf: bytes) -> int:
    """Pages of a PDF that Typst wrote: its page tree stands first, and is not compressed."""
    found = _PAGE_TREE.match(pdf)
    if found is None:
        raise ValueError("the PDF does not begin with its page tree")
    return int(found[1])


def check_pdf(pdf: bytes) -> int:
    """The number of pages of a PDF that Typst wrote.

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
    """Refuse to draw pages as images that would be too many or too large.

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
    """Refuse output that the worker could not hold.

    Raises:
        PagesError: the limit is exceeded.
    """
    if sum(map(len, files)) > OUTPUT_LIMIT_BYTES:
        raise PagesError(f"The document is larger than {OUTPUT_LIMIT_BYTES // 1024 // 1024} MiB.")


def _sizes(pdf: bytes) -> set[tuple[float, float]]:
    return {(float(width), float(height)) for width, height in _MEDIA_BOX.findall(pdf)}
