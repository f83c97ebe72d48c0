"""The API's objects in JSON."""

from typing import Any, Literal, Required, TypedDict

Mode = Literal["live", "test"]
BatchStatus = Literal["awaiting_upload", "checking", "running", "completed", "refused", "cancelled"]
RenderStatus = Literal["queued", "rendering", "succeeded", "failed", "cancelled"]


class RenderJson(TypedDict):
    id: str
    status: RenderStatus
    mode: Mode
    templateSlug: str
    versionNumber: int
    pollUrl: str
    downloadUrl: str | None
    downloadExpiresAt: str | None
    filename: str
    format: str
    pageCount: int | None
    sizeBytes: int | None
    sha256: str | None
    pdfStandard: str
    warnings: list[str]
    errorCode: str | None
    errorMessage: str | None
    metadata: dict[str, str]
    jobId: str | None
    attempt: int
    createdAt: str
    completedAt: str | None
    durationMs: int | None
    expiresAt: str
    delivery: dict[str, Any] | None


class AppendedPdf(TypedDict, total=False):
    """One of `renderId`, `url` and `content` (base64)."""

    renderId: str
    url: str
    content: str
    title: str


class Attachment(TypedDict, total=False):
    """`filename`, and either `url` or `content` (base64)."""

    filename: Required[str]
    url: str
    content: str
    description: str
    relationship: Literal["Source", "Data", "Alternative", "Supplement", "Unspecified"]


class Password(TypedDict, total=False):
    open: str
    owner: str
    permissions: list[Literal["print", "copy", "edit", "annotate", "fillForms", "assemble"]]


class FinishingOptions(TypedDict, total=False):
    """The `options` that finish a PDF."""

    letterhead: str
    append: list[AppendedPdf]
    attachments: list[Attachment]
    password: Password


class BatchCounts(TypedDict):
    total: int
    queued: int
    succeeded: int
    failed: int
    cancelled: int
    invalid: int


class BatchJson(TypedDict):
    id: str
    status: BatchStatus
    mode: Mode
    templateSlug: str
    versionNumber: int
    output: Literal["files", "zip", "merged"]
    onInvalid: Literal["refuse", "skip"]
    format: str
    counts: BatchCounts
    pageCount: int
    attempt: int
    pollUrl: str
    uploadUrl: str | None
    resultUrl: str | None
    errorCode: str | None
    errorMessage: str | None
    createdAt: str
    completedAt: str | None
    expiresAt: str


class BatchItemJson(TypedDict):
    row: int
    status: Literal["queued", "succeeded", "failed", "cancelled", "invalid"]
    jobId: str | None
    filename: str | None
    metadata: dict[str, str]
    downloadUrl: str | None
    downloadExpiresAt: str | None
    pageCount: int | None
    sizeBytes: int | None
    sha256: str | None
    warnings: list[str]
    errorCode: str | None
    errorMessage: str | None
    issues: dict[str, Any] | None


class TemplateSummary(TypedDict):
    slug: str
    name: str
    latestVersion: int | None
    createdAt: str
    updatedAt: str


class Template(TemplateSummary):
    manifest: dict[str, Any] | None
    jsonSchema: dict[str, Any] | None
    previewData: dict[str, Any] | None
    pdfStandard: str | None
    locale: str | None
    versions: list[dict[str, Any]]


class TemplateVersionSummary(TypedDict):
    number: int
    pdfStandard: str
    locale: str
    publishedAt: str


class TemplateVersion(TypedDict):
    slug: str
    versionNumber: int
    published: bool
    name: str
    manifest: dict[str, Any]
    source: str
    pdfStandard: str
    locale: str
    publishedAt: str


class CreatedTemplateVersion(TypedDict):
    slug: str
    versionNumber: int
    published: bool


class UsageRow(TypedDict):
    day: str
    mode: Mode
    keyId: str
    renders: int
    pages: int


class EmbedSession(TypedDict):
    session_id: str
    session_token: str
    iframe_url: str
    expires_at: str
    renew_token: str


class Me(TypedDict):
    keyId: str
    name: str
    kind: Literal["key", "token"]
    projectId: str
    mode: Mode
    scopes: list[str]
    templates: list[str]
    networks: list[str]
    bound: bool
    expiresAt: str | None
    limits: list[dict[str, Any]]
