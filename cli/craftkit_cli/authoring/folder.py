"""A template as a folder of files.

template.json   slug, name, locale, pdfStandard, and `test` for `craftkit templates test`
manifest.json   the data that the template takes
source.typ      the Typst source
data.json       the first data set; further ones are data/NAME.json
images/         files that a data set may name as an image: "images/logo.png"
fonts/          TrueType and OpenType files, as the project's own fonts
pages/NAME/     the expected pages of a data set: 1.png, 2.png …
"""

import json
import mimetypes
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from craftkit.errors import InvalidRequestError, Issues
from craftkit.issues import issues_of
from craftkit.schema import ApiModel
from craftkit.templates import data
from craftkit.templates.models import Manifest, Slug, read_manifest, require_publishable
from craftkit.typesetter import DEFAULT_PDF_STANDARD, Job, PdfStandard
from craftkit_cli.files import read_file, read_json_file, read_text_file

Json = dict[str, Any]

SETTINGS, MANIFEST, SOURCE, DATA = "template.json", "manifest.json", "source.typ", "data.json"
FIRST_DATA_SET = "data"
DOCUMENT_DATE = datetime(2026, 1, 15, tzinfo=UTC)
"""The date of local documents, so that the same files make the same pages on every day."""


class CheckSettings(ApiModel):
    """The settings of `craftkit templates test` for a template.

    Fields and loops are named by path (`items.qty`); `*` in a path matches anything.

    Args:
        silent: fields that the template does not print as text.
        printed_with: fields that are printed only where another field or loop has a value.
        longest: the greatest length of a text, in characters.
        most_items: the greatest number of items of a loop.
        layout: false where text lies on other text by design.
        tolerance: the share of a page's pixels that may differ from the expected page. A
            digit of the running text is about 0.00003 of an A4 page.
    """

    silent: tuple[str, ...] = ()
    printed_with: dict[str, str] = Field(default={})
    longest: dict[str, Annotated[int, Field(ge=1)]] = Field(default={})
    most_items: dict[str, Annotated[int, Field(ge=1)]] = Field(default={})
    layout: bool = True
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.00002


class Settings(ApiModel):
    """template.json."""

    slug: Slug
    name: str
    locale: str = "en"
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD
    test: CheckSettings = CheckSettings()


@dataclass(frozen=True)
class Template:
    """The files of a folder, validated. Data sets are unchanged."""

    folder: Path
    settings: Settings
    manifest: Manifest
    source: str
    data_sets: Mapping[str, Json]
    fonts: Mapping[str, bytes] = field(default_factory=dict)

    def job(self, sent: Json, *, pdf_standard: PdfStandard | None = None) -> Job:
        """The job for a data set.

        Raises:
            InvalidInputDataError: the data does not fit the manifest.
            InvalidRequestError: an image of the folder cannot be read.
        """
        return Job(
            source=self.source,
            data=data.validate_data(self.manifest, self.with_images(sent)),
            types=data.types(self.manifest),
            locale=self.settings.locale,
            title=self.settings.name,
            created_at=DOCUMENT_DATE,
            pdf_standard=pdf_standard or self.settings.pdf_standard,
            fonts=self.fonts,
        )

    def with_images(self, sent: Json) -> Json:
        """The data with the folder's images as `data:` URIs, as the API takes them."""
        paths = [
            path.split(".") for path, kind in data.types(self.manifest).items() if kind == "image"
        ]
        changed: Json = json.loads(json.dumps(sent))
        for path in paths:
            self._replace_images(changed, path)
        return changed

    def _replace_images(self, value: Any, steps: list[str]) -> None:
        if isinstance(value, list):
            for item in value:
                self._replace_images(item, steps)
        elif isinstance(value, dict) and steps:
            inner = value.get(steps[0])
            if len(steps) == 1 and isinstance(inner, str) and inner.startswith("images/"):
                value[steps[0]] = self._data_uri(inner)
            else:
                self._replace_images(inner, steps[1:])

    def _data_uri(self, name: str) -> str:
        file = (self.folder / name).resolve()
        if not file.is_relative_to((self.folder / "images").resolve()):
            raise InvalidRequestError(f"The image {name} is outside of the folder images/.")
        kind = mimetypes.guess_type(file.name)[0] or "image/png"
        return f"data:{kind};base64,{b64encode(read_file(str(file))).decode()}"


def read_template(folder: Path) -> Template:
    """The template in a folder.

    Raises:
        InvalidRequestError: a file is missing or not valid; the message names the file.
    """
    settings = _read_settings(folder)
    try:
        manifest = read_manifest(read_json_file(str(folder / MANIFEST)))
    except InvalidRequestError as error:
        if not error.issues:
            raise
        named = {f"{MANIFEST}: {path}": found for path, found in error.issues.field_errors.items()}
        raise InvalidRequestError(
            f"{folder / MANIFEST} is not a valid manifest.",
            issues=Issues(form_errors=error.issues.form_errors, field_errors=named),
        ) from error
    return Template(
        folder=folder,
        settings=settings,
        manifest=manifest,
        source=read_text_file(str(folder / SOURCE)),
        data_sets=dict(_data_sets(folder)) or {FIRST_DATA_SET: data.preview_data(manifest)},
        fonts={file.name: file.read_bytes() for file in _fonts(folder)},
    )


def read_slug(folder: Path) -> str:
    """The slug of a folder, which may not exist yet: from template.json, or the folder's name."""
    file = folder / SETTINGS
    if not file.exists():
        return folder.resolve().name
    return str(read_json_file(str(file)).get("slug", folder.resolve().name))


def _read_settings(folder: Path) -> Settings:
    file = folder / SETTINGS
    if not folder.is_dir():
        raise InvalidRequestError(
            f"There is no folder {folder}. `craftkit templates new {folder}` writes one."
        )
    if not file.exists():
        name = folder.resolve().name
        values: Json = {"slug": name, "name": name.replace("-", " ").capitalize()}
    else:
        values = read_json_file(str(file))
    try:
        settings = Settings.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidRequestError(f"{file} is not valid.", issues=issues_of(error)) from error
    require_publishable(settings.slug, settings.name, settings.pdf_standard, settings.locale)
    return settings


def _data_sets(folder: Path) -> Iterator[tuple[str, Json]]:
    first = folder / DATA
    if first.exists():
        yield FIRST_DATA_SET, read_json_file(str(first))
    for file in sorted((folder / "data").glob("*.json")):
        yield file.stem, read_json_file(str(file))


def _fonts(folder: Path) -> list[Path]:
    found = (folder / "fonts").glob("*")
    return sorted(file for file in found if file.suffix.lower() in (".ttf", ".otf"))


def is_of_template(file: Path) -> bool:
    """Whether a change of this file changes the document; expected pages do not."""
    return not {"pages", ".git"} & set(file.parts) and not file.name.startswith(".")
