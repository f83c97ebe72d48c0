"""Typst, made safe and ours: source and data in, a conformant PDF out."""
