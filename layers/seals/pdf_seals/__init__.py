"""Seals of PDF documents (PAdES): making them, and reading those of any PDF. Needs pyHanko."""
