"""Typst, made safe and ours: source and data in, a conformant PDF out."""

from typesetting.service import check_font, preview, typeset, warm

__all__ = ["check_font", "preview", "typeset", "warm"]
