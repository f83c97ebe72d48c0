"""PDFs read back, as a reader sees them."""

from craftkit_cli.authoring.pages import collisions, pages_of, text_of, unbroken

__all__ = ["collisions", "pages_of", "text_of", "unbroken"]
