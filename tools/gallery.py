"""Writes the gallery's derived files: each template's `data.json`, and its image in the docs.

python -m tools.gallery
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from craftkit.templates import data, gallery
from craftkit.typesetter import Job
from typesetting import preview
from typesetting.files import with_files

IMAGES = Path(__file__).parents[1] / "docs/gallery"

_PIXELS_PER_INCH = 96
_DAY = datetime(2026, 11, 24, tzinfo=UTC)


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    for entry in gallery.entries():
        sample = data.preview_data(entry.manifest)
        text = json.dumps(sample, indent=2, ensure_ascii=False)
        (gallery.FOLDER / entry.slug / "data.json").write_text(text + "\n", encoding="utf-8")
        (IMAGES / f"{entry.slug}.png").write_bytes(_first_page(entry))


def _first_page(entry: gallery.Entry) -> bytes:
    job = Job(
        source=entry.source,
        data=data.validate_data(entry.manifest, data.preview_data(entry.manifest)),
        types=data.types(entry.manifest),
        locale=entry.locale,
        title=entry.name,
        created_at=_DAY,
        pdf_standard=entry.pdf_standard,
    )
    return preview(with_files(job), _PIXELS_PER_INCH).pages[0]


if __name__ == "__main__":
    main()
