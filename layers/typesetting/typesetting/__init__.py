"""Typst in a sandbox: source and data in, a conformant PDF or images out."""

from typesetting.service import check_file, check_font, draw_images, preview, typeset, warm

__all__ = ["check_file", "check_font", "draw_images", "preview", "typeset", "warm"]
