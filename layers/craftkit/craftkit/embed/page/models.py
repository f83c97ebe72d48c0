"""Requests and results of the embedded page's routes. JSON is camelCase."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from craftkit.schema import ApiModel, Matches
from craftkit.templates.locales import LOCALE_PATTERN
from craftkit.templates.models import (
    NAME_LIMIT,
    SOURCE_LIMIT_BYTES,
    Manifest,
)
from craftkit.typesetter import DEFAULT_PDF_STANDARD, PdfStandard, Preview

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT, strip_whitespace=True)]
Source = Annotated[str, StringConstraints(max_length=SOURCE_LIMIT_BYTES)]
Scale = Annotated[float, Field(ge=0.5, le=2)]

_STARTING_NAME = "Untitled"


class FormPreviewRequest(ApiModel):
    data: dict[str, Any] = Field({})
    scale: Scale = 1.0


class FormSubmission(ApiModel):
    """`submissionId` is made by the page. A retry with the same id returns the same document."""

    data: dict[str, Any]
    submission_id: Annotated[
        str, Matches(r"[A-Za-z0-9-]{8,64}", "Must be 8 to 64 letters, digits and hyphens")
    ]


class DocumentRequest(ApiModel):
    render_id: Annotated[str, StringConstraints(max_length=36)]


class TemplateContent(ApiModel):
    """A template in the editor. If the source is empty, it is generated from the manifest."""

    name: Name = _STARTING_NAME
    manifest: dict[str, Any] = Field({})
    source: Source = ""
    locale: Annotated[
        str, Matches(LOCALE_PATTERN.strip("^$"), "Must be a language tag such as en or de-CH")
    ] = "en"


class TemplatePreviewRequest(TemplateContent):
    scale: Scale = 1.0


class DraftRequest(TemplateContent):
    """`revision`: the revision of the draft that the editor has loaded, 0 if there was none."""

    revision: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class PreviewProblem:
    """Why there is no preview. `line` and `column` of the source, from 1, if known."""

    message: str
    line: int | None = None
    column: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {"message": self.message, "line": self.line, "column": self.column}


@dataclass(frozen=True)
class PreviewSource:
    """A template to preview, without its data.

    Args:
        fonts: S3 keys of the project's fonts, by name.
        watermark: whether the pages get the mark of test renders.
    """

    manifest: Manifest
    source: str
    locale: str
    title: str
    fonts: Mapping[str, str]
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD
    watermark: bool = False


@dataclass(frozen=True)
class FormPreview:
    """The pages of a form's document.

    `replaced`: the messages of each invalid value, by path; the pages show its sample instead.
    """

    pages: Preview | PreviewProblem
    replaced: dict[str, list[str]]


@dataclass(frozen=True)
class TemplatePreview:
    """A template's pages, and their source: the template's own or the generated one."""

    pages: Preview | PreviewProblem
    source: str
