"""QR codes and barcodes as SVG, through zxing-cpp. A code's key is `format:value`.

Typst cannot call Python. The prelude writes a label for each code that has no SVG yet; the child
draws these codes and compiles the document again. To avoid the second compilation, the child reads
plain calls from the template's source, and remembers which paths of the data became codes.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

_FORMATS = {
    "qr": "QRCode",
    "aztec": "Aztec",
    "datamatrix": "DataMatrix",
    "pdf417": "PDF417",
    "code128": "Code128",
    "code39": "Code39",
    "itf": "ITF",
    "ean13": "EAN13",
    "ean8": "EAN8",
    "upca": "UPCA",
}
# More characters than any symbology can encode.
_VALUE_LIMIT = 8000
_CACHED_LENGTH = 100

_Path = tuple[str, ...]

# `qr(data.payment.url, …)`, `barcode(data.ean, format: "ean13")`
_PLAIN = re.compile(rb"\b(qr|barcode)\(\s*data\.([\w.-]+)([^()]*)")
_FORMAT = re.compile(rb'format:\s*"(\w+)"')


def is_key(value: object) -> bool:
    """Whether a label's value has the prelude's form. A template can write any label itself."""
    return isinstance(value, str) and ":" in value


def draw(key: str) -> str:
    """An SVG, or an error message, which the prelude raises."""
    return _draw_cached(key) if len(key) <= _CACHED_LENGTH else _draw(key)


def _draw(key: str) -> str:
    import zxingcpp  # most documents have no code

    form, value = key.split(":", 1)
    if form not in _FORMATS:
        return f"barcode: unknown format {form[:40]!r}; the formats are {', '.join(_FORMATS)}"
    if len(value) > _VALUE_LIMIT:
        return f"barcode: the value does not fit the format {form}"
    # A rectangular Data Matrix would be stretched into the square that the prelude gives it.
    options = {"force_square": True} if form == "datamatrix" else {}
    kind = getattr(zxingcpp.BarcodeFormat, _FORMATS[form])
    try:
        code = zxingcpp.create_barcode(value, kind, **options)
    except (ValueError, RuntimeError):
        return f"barcode: the value does not fit the format {form}"
    svg = str(code.to_svg())
    return svg[svg.index("<svg") :]


# Only SVGs of short values are cached: those of long values could fill the child's memory.
_draw_cached = lru_cache(maxsize=4096)(_draw)


@lru_cache(maxsize=256)
def typical_use_of(source: bytes) -> "TypicalUse":
    """The codes that a template draws, by its source."""
    return TypicalUse(_plain_calls(source))


def _plain_calls(source: bytes) -> Iterator[tuple[str, _Path]]:
    for name, path, arguments in _PLAIN.findall(source):
        named = _FORMAT.search(arguments)
        form = "qr" if name == b"qr" else named[1].decode() if named else "code128"
        yield form, tuple(path.decode(errors="replace").split("."))


class TypicalUse:
    """The data paths, without loop indices, whose values a template draws as codes."""

    def __init__(self, paths: Iterable[tuple[str, _Path]]) -> None:
        self._paths = set(paths)

    def expected(self, job: bytes) -> set[str]:
        """The keys of the codes that the template probably draws for the job's data."""
        if not self._paths:
            return set()
        formats: dict[_Path, list[str]] = {}
        for form, path in self._paths:
            formats.setdefault(path, []).append(form)
        return {
            f"{form}:{text}"
            for path, text in _texts(json.loads(job)["data"], ())
            for form in formats.get(path, ())
        }

    def learn(self, keys: Iterable[str], job: bytes) -> None:
        """Remember the paths of the data whose values these keys contain."""
        paths: dict[str, list[_Path]] = {}
        for path, text in _texts(json.loads(job)["data"], ()):
            paths.setdefault(text, []).append(path)
        for key in keys:
            form, value = key.split(":", 1)
            if form in _FORMATS:
                self._paths |= {(form, path) for path in paths.get(value, ())}


def _texts(value: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)
