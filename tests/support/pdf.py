"""PDFs read back, as a reader sees them."""

import re

import pypdfium2

# Where a line ends is the page's affair: white space, hyphens, and what a reader makes of them.
_BREAKS = re.compile("[\\s\u00ad\u200b\ufffe\x02-]+")


def text_of(pdf: bytes) -> str:
    """The text of all pages, in the order in which it was set."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()


def unbroken(text: str) -> str:
    """Text without what line breaking may have changed, and without its case."""
    return _BREAKS.sub("", text).casefold()
