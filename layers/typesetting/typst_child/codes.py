"""QR codes and barcodes as SVG, through zxing-cpp. A code's key is `format:value`."""

from collections.abc import Iterable

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


def draw(keys: Iterable[str]) -> dict[str, str]:
    """An SVG for each key, or the sentence that the prelude stops with."""
    return {key: _drawn(*key.split(":", 1)) for key in keys}


def _drawn(form: str, value: str) -> str:
    import zxingcpp  # most documents have no code

    if form not in _FORMATS:
        return f"barcode: no format {form!r}; there are {', '.join(_FORMATS)}"
    # A rectangular Data Matrix would be stretched into the square that the prelude gives it.
    options = {"force_square": True} if form == "datamatrix" else {}
    kind = getattr(zxingcpp.BarcodeFormat, _FORMATS[form])
    try:
        code = zxingcpp.create_barcode(value, kind, **options)
    except (ValueError, RuntimeError):
        return f"barcode: the value does not fit the format {form}"
    svg = str(code.to_svg())
    return svg[svg.index("<svg") :]
