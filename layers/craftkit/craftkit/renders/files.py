"""The files that renders end as: media types, endings, and pages as a ZIP file."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from craftkit.typesetter import OutputFormat

MEDIA_TYPES: dict[OutputFormat, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}
ZIP_TYPE = "application/zip"

ENDINGS: dict[str, tuple[str, ...]] = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
    "image/svg+xml": (".svg",),
    ZIP_TYPE: (".zip",),
}

# The earliest that ZIP can tell, so that the same pages give the same file.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def endings_of(output_format: OutputFormat) -> tuple[str, ...]:
    """The endings that a file name of this format may have."""
    own = ENDINGS[MEDIA_TYPES[output_format]]
    return own if output_format == "pdf" else (*own, *ENDINGS[ZIP_TYPE])


def filename_of(filename: str, media_type: str) -> str:
    """The file name with an ending of the media type."""
    endings = ENDINGS[media_type]
    if filename.lower().endswith(endings):
        return filename
    return str(PurePosixPath(filename).with_suffix(endings[0]))


def zip_of(pages: Sequence[bytes], numbers: Sequence[int], filename: str, media_type: str) -> bytes:
    """Pages as one ZIP file: `invoice-1.png`, `invoice-2.png` … The same pages, the same bytes."""
    output = BytesIO()
    stem, width = PurePosixPath(filename).stem, len(str(max(numbers)))
    # The other formats are compressed already.
    method = ZIP_DEFLATED if media_type == MEDIA_TYPES["svg"] else ZIP_STORED
    with ZipFile(output, "w", method) as archive:
        for number, page in zip(numbers, pages, strict=True):
            entry = ZipInfo(f"{stem}-{number:0{width}}{ENDINGS[media_type][0]}", _ZIP_DATE)
            entry.compress_type = method
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, page)
    return output.getvalue()
