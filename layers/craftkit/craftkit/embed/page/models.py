"""What the embedded page's script sends, and what it is shown. Requests are camelCase."""

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
    """`submissionId` is the page's own, so that one press of a button is one document."""

    data: dict[str, Any]
    submission_id: Annotated[
        str, Matches(r"[A-Za-z0-9-]{8,64}", "Must be 8 to 64 letters, digits and hyphens")
    ]


class DocumentRequest(ApiModel):
    render_id: Annotated[str, StringConstraints(max_length=36)]


class TemplateContent(ApiModel):
    """A template as the editor holds it. An empty source asks for one made from the manifest."""

    name: Name = _STARTING_NAME
    manifest: dict[str, Any] = Field({})
    source: Source = ""
    locale: Annotated[
        str, Matches(LOCALE_PATTERN.strip("^$"), "Must be a language tag such as en or de-CH")
    ] = "en"


class TemplatePreviewRequest(TemplateContent):
    scale: Scale = 1.0


class DraftRequest(TemplateContent):
    """`revision` is that of the draft which the editor began with, 0 where there was none."""

    revision: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class PreviewProblem:
    """Why there is no picture. `line` and `column` count from 1, in the source, where known."""

    message: str
    line: int | None = None
    column: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {"message": self.message, "line": self.line, "column": self.column}


@dataclass(frozen=True)
class PreviewSource:
    """What a document is made from, without its data.

    Args:
        fonts: the project's own, by name.
        watermark: mark the pages, because the session was opened with a test key.
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
    """The pages of a form's document. `replaced` says, by path, which values did not fit and were
    replaced by the sample, and why."""

    pages: Preview | PreviewProblem
    replaced: dict[str, list[str]]


@dataclass(frozen=True)
class TemplatePreview:
    """A template's pages, and the source that they were set from: its own, or one made for it."""

    pages: Preview | PreviewProblem
    source: str
