"""Compares the pages of a folder's data sets with the expected images in the folder."""

from collections.abc import Iterator
from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops

from craftkit_cli.authoring.folder import Template

SCALE = 96 / 72
"""Pixels per point: 96 pixels per inch."""
_VISIBLE = 48
"""By how much one of 255 shades must differ to count; below is how edges are smoothed."""


def compare_pages(
    template: Template, name: str, pdf: bytes, *, update: bool, out: Path | None
) -> Iterator[str]:
    """How the pages differ from those in pages/NAME; nothing where that folder does not exist.

    Args:
        update: write the pages there instead.
        out: where to write pages that differ: `NAME-1.png`, and `NAME-1-diff.png`.
    """
    folder = template.folder / "pages" / name
    if update:
        _write(folder, pages_as_images(pdf))
        return
    expected = sorted(folder.glob("*.png"), key=lambda file: (len(file.stem), file.stem))
    if not expected:
        return
    pages = pages_as_images(pdf)
    if len(pages) != len(expected):
        yield f"The document has {len(pages)} pages; {folder} has {len(expected)}."
    for number, (page, file) in enumerate(zip(pages, expected, strict=False), start=1):
        with Image.open(file) as opened:
            kept = opened.convert("RGB")
        share, difference = share_that_differs(kept, page)
        if share > template.settings.test.tolerance:
            if out:
                out.mkdir(parents=True, exist_ok=True)
                page.save(out / f"{name}-{number}.png")
                if difference:
                    difference.save(out / f"{name}-{number}-diff.png")
            yield (
                f"Page {number} differs from {file}: {share:.2%} of the pixels. If it should, run "
                "`craftkit templates test --update`."
            )


def share_that_differs(one: Image.Image, other: Image.Image) -> tuple[float, Image.Image | None]:
    """The share of pixels that visibly differ, and an image of them; 1.0 for another size."""
    if one.size != other.size:
        return 1.0, None
    difference = ImageChops.difference(one, other).convert("L")
    mask = difference.point(lambda shade: 255 if shade > _VISIBLE else 0)
    histogram = mask.histogram()
    return histogram[255] / sum(histogram), mask


def pages_as_images(pdf: bytes, scale: float = SCALE) -> list[Image.Image]:
    """Each page as an RGB image."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=scale).to_pil().convert("RGB") for page in document]
    finally:
        document.close()


def _write(folder: Path, pages: list[Image.Image]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for number, page in enumerate(pages, start=1):
        page.save(folder / f"{number}.png")
