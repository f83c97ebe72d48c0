"""Reads PDFs back: text, pages, metadata."""

from craftkit_cli.authoring.pages import collisions, pages_of, text_of, unbroken

__all__ = ["collisions", "pages_of", "text_of", "unbroken"]
