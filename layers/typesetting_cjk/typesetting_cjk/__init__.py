"""Fonts for Chinese, Japanese and Korean. `typesetting` takes them in where this layer is there."""
