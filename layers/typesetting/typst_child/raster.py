"""Converts pages to the requested image format and adds the mark of test renders."""

from io import BytesIO
from typing import TYPE_CHECKING

import typst

from typst_child import watermark

if TYPE_CHECKING:
    from PIL import Image

JPEG_QUALITY = 88
WEBP_QUALITY = 85


def finish(
    png: bytes, image_format: str, pixels_per_inch: float, fonts: typst.Fonts, *, mark: bool
) -> bytes:
    """Convert a page that Typst drew as PNG to `png`, `jpeg` or `webp`."""
    if image_format == "png" and not mark:
        return png
    from PIL import Image

    with Image.open(BytesIO(png), formats=["PNG"]) as drawn:
        page = _on_white(drawn) if mark or image_format == "jpeg" else drawn
        if mark:
            width, height = (side * 72 / pixels_per_inch for side in page.size)
            for x, y, letters in watermark.raster_marks(width, height, pixels_per_inch, fonts):
                page.paste(watermark.COLOR, (x, y), letters)
        output = BytesIO()
        dpi = (pixels_per_inch, pixels_per_inch)
        if image_format == "png":
            page.save(output, "PNG", compress_level=1, dpi=dpi)
        elif image_format == "jpeg":
            page.save(output, "JPEG", quality=JPEG_QUALITY, dpi=dpi)
        else:
            page.save(output, "WEBP", quality=WEBP_QUALITY, method=2)
        return output.getvalue()


def _on_white(page: "Image.Image") -> "Image.Image":
    """The page on a white background: JPEG and marked pages have no transparency."""
    from PIL import Image

    if page.mode != "RGBA" or page.getchannel("A").getextrema() == (255, 255):
        return page.convert("RGB")
    white = Image.new("RGB", page.size, "white")
    white.paste(page, mask=page.getchannel("A"))
    return white
