"""Templates in the API's requests and responses."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, StrictBool, StringConstraints

from craftkit.clock import to_rfc3339
from craftkit.schema import ApiModel
from craftkit.templates.data import json_schema, preview_data
from craftkit.templates.models import NAME_LIMIT, Template, TemplateVersion, VersionSummary
from craftkit.templates.service import TemplatePage
from craftkit.typesetter import DEFAULT_PDF_STANDARD, PdfStandard

Timestamp = Annotated[datetime, PlainSerializer(to_rfc3339, return_type=str)]


class TemplateList(ApiModel):
    """The query of `GET /v1/templates`."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None


class TemplateView(ApiModel):
    """A template in a list. `latestVersion` is null until it is published once."""

    slug: str
    name: str
    latest_version: int | None
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, template: Template) -> "TemplateView":
        return cls.model_validate(template, from_attributes=True)


class TemplatesView(ApiModel):
    """The response of `GET /v1/templates`, sorted by slug."""

    templates: list[TemplateView]
    next_cursor: str | None

    @classmethod
    def of(cls, page: TemplatePage) -> "TemplatesView":
        templates = [TemplateView.of(template) for template in page.templates]
        return cls(templates=templates, next_cursor=page.next_cursor)


class VersionView(ApiModel):
    """One published version. `number` is what a render pins with `options.versionNumber`."""

    number: int
    pdf_standard: PdfStandard
    locale: str
    published_at: Timestamp

    @classmethod
    def of(cls, version: VersionSummary) -> "VersionView":
        return cls.model_validate(version, from_attributes=True)


class TemplateDetailView(TemplateView):
    """The response of `GET /v1/templates/{slug}`: the latest version, its data, and older versions.

    `jsonSchema` is draft-07 and accepts the `data` that a render of the latest version accepts.
    `previewData` is a valid body of `POST /v1/templates/{slug}/render` with example data. All three
    are null until the template is published once. `versions` has the newest hundred.
    """

    manifest: dict[str, Any] | None
    json_schema: dict[str, Any] | None
    preview_data: dict[str, Any] | None
    pdf_standard: PdfStandard | None
    locale: str | None
    versions: list[VersionView]

    @classmethod
    def of_version(
        cls, template: Template, latest: TemplateVersion | None, versions: list[VersionSummary]
    ) -> "TemplateDetailView":
        return cls(
            **dict(TemplateView.of(template)),
            manifest=latest.manifest.as_json() if latest else None,
            json_schema=json_schema(latest.manifest) if latest else None,
            preview_data={"data": preview_data(latest.manifest)} if latest else None,
            pdf_standard=latest.pdf_standard if latest else None,
            locale=latest.locale if latest else None,
            versions=[VersionView.of(version) for version in versions],
        )


class VersionRequest(ApiModel):
    """The body of `POST /v1/templates/{slug}/versions`.

    Without `source`, it is generated from the manifest. With `publish: false` the version is
    validated and stored, and renders keep using the version published before.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT)] | None = None
    manifest: dict[str, Any]
    source: str | None = None
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD
    locale: str = "en"
    publish: StrictBool = True


class CreatedVersionView(ApiModel):
    """A version that was created or published. `published` says whether renders use it."""

    slug: str
    version_number: int
    published: bool


class VersionContentView(ApiModel):
    """The answer of `GET /v1/templates/{slug}/versions/{number}`: all that makes the version.

    `published` says whether renders use it.
    """

    slug: str
    version_number: int
    published: bool
    name: str
    manifest: dict[str, Any]
    source: str
    pdf_standard: PdfStandard
    locale: str
    published_at: Timestamp

    @classmethod
    def of_version(cls, template: Template, version: TemplateVersion) -> "VersionContentView":
        return cls(
            slug=version.slug,
            version_number=version.number,
            published=version.number == template.latest_version,
            name=version.name,
            manifest=version.manifest.as_json(),
            source=version.source,
            pdf_standard=version.pdf_standard,
            locale=version.locale,
            published_at=version.published_at,
        )


class VersionsView(ApiModel):
    """The response of `GET /v1/templates/{slug}/versions`: the newest hundred, newest first.

    `latestVersion` is the version that renders use.
    """

    slug: str
    latest_version: int | None
    versions: list[VersionView]
