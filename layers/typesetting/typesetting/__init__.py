"""Typst, made safe and ours: source and data in, a conformant PDF out."""

from typesetting.service import preview, typeset, warm

__all__ = ["preview", "typeset", "warm"]
