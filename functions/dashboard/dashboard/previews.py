"""A document's pages in a page of the dashboard."""

from base64 import b64encode
from typing import Any

from craftkit.typesetter import Preview

_SHOWN = 5


def first_pages(preview: Preview) -> dict[str, Any]:
    """What the templates show of it: `pages` in base 64, and how many `more` there are."""
    pages = [b64encode(page).decode() for page in preview.pages[:_SHOWN]]
    return {"pages": pages, "more": preview.page_count - len(pages)}
