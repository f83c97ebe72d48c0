"""Page images of templates: live previews of an editor, and stored thumbnails."""

import hashlib
from collections.abc import Mapping
from typing import Any

from craftkit import storage
from craftkit.clock import utc_now
from craftkit.templates import data
from craftkit.templates.fonts import fonts_of
from craftkit.templates.gallery import Entry
from craftkit.templates.models import (
    Manifest,
    TemplateVersion,
    read_manifest,
    require_fitting_size,
    require_publishable,
)
from craftkit.templates.source import write_source
from craftkit.typesetter import DEFAULT_PDF_STANDARD, Draw, Job, PdfStandard, Preview

SCREEN_PIXELS_PER_INCH = 110.0
SMALL_PIXELS_PER_INCH = 48.0


def preview(
    manifest: Manifest | dict[str, Any],
    source: str | None,
    values: dict[str, Any],
    *,
    name: str,
    locale: str,
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD,
    draw: Draw,
    project_id: str | None = None,
) -> Preview:
    """The pages of a template in an editor.

    Args:
        project_id: the project whose fonts the source may name.

    Raises:
        InvalidRequestError: the manifest or a setting is not valid.
        InvalidInputDataError: the data is not valid by the manifest.
        TypesettingError: the source does not compile; with its line, if it is known.
    """
    require_publishable("preview", name, pdf_standard, locale)
    known = read_manifest(manifest)
    text = write_source(known, name) if source is None else source
    require_fitting_size(known.canonical, text)
    fonts = fonts_of(project_id, text) if project_id else {}
    job = _job(known, text, data.validate_data(known, values), name, locale, fonts, pdf_standard)
    return draw(job, SCREEN_PIXELS_PER_INCH)


def first_page(version: TemplateVersion, project_id: str, *, draw: Draw, small: bool) -> bytes:
    """The first page of a version with its preview data. The image is stored in the bucket."""
    size = "small" if small else "screen"
    key = f"thumbnails/{project_id}/{version.slug}/{version.number}-{size}.png"
    return _thumbnail(key, version, version.fonts, draw, small)


def version_pages(version: TemplateVersion, *, draw: Draw) -> Preview:
    """The first pages of a version with its preview data."""
    return draw(_sample_job(version, version.fonts), SCREEN_PIXELS_PER_INCH)


def gallery_page(entry: Entry, *, draw: Draw) -> bytes:
    """The first page of a template of the gallery, as a small image."""
    content = f"{entry.manifest.canonical}\n{entry.source}".encode()
    key = f"thumbnails/gallery/{entry.slug}-{hashlib.sha256(content).hexdigest()[:16]}.png"
    return _thumbnail(key, entry, {}, draw, small=True)


def _thumbnail(
    key: str, shown: TemplateVersion | Entry, fonts: Mapping[str, str], draw: Draw, small: bool
) -> bytes:
    found = storage.find(key)
    if found is not None:
        return found
    job = _sample_job(shown, fonts)
    image = draw(job, SMALL_PIXELS_PER_INCH if small else SCREEN_PIXELS_PER_INCH).pages[0]
    storage.put(key, image, content_type="image/png")
    return image


def _sample_job(shown: TemplateVersion | Entry, fonts: Mapping[str, str]) -> Job:
    """The job of a template with its preview data."""
    sample = data.validate_data(shown.manifest, data.preview_data(shown.manifest))
    return _job(
        shown.manifest, shown.source, sample, shown.name, shown.locale, fonts, shown.pdf_standard
    )


def _job(
    manifest: Manifest,
    source: str,
    validated: dict[str, Any],
    name: str,
    locale: str,
    fonts: Mapping[str, str],
    pdf_standard: PdfStandard,
) -> Job:
    return Job(
        source=source,
        data=validated,
        types=data.types(manifest),
        locale=locale,
        title=name,
        created_at=utc_now(),
        font_files=fonts,
        pdf_standard=pdf_standard,
    )
