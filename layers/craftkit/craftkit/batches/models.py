"""Models of a batch: its request, its stored rows and its views for callers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from craftkit.auth.principal import Mode
from craftkit.renders.files import endings_of
from craftkit.renders.finishing import FinishingOptions
from craftkit.renders.models import (
    METADATA_LIMIT,
    DocumentDate,
    JobId,
    MetadataKey,
    MetadataValue,
    OutputFilename,
    PageSelection,
)
from craftkit.schema import INTEGRAL, ApiModel
from craftkit.seals.models import SealOptions, SealSwitch
from craftkit.typesetter import DEFAULT_PDF_STANDARD, OutputFormat, PdfStandard

BatchStatus = Literal["awaiting_upload", "checking", "running", "completed", "refused", "cancelled"]
ChunkStatus = Literal["queued", "rendering", "ended"]
ItemStatus = Literal["queued", "succeeded", "failed", "cancelled", "invalid"]
Output = Literal["files", "zip", "merged"]
UploadFormat = Literal["ndjson", "csv"]
OnInvalid = Literal["refuse", "skip"]

BODY_LIMIT_BYTES = 4 * 1024 * 1024
"""Of `POST /v1/batches`. In base 64 it must fit into a call of Lambda, which takes 6 MB."""

ITEMS_LIMIT = 1_000
"""Items in the body of one request."""

ROWS_LIMIT = 100_000
"""Rows of an uploaded file."""

UPLOAD_LIMIT_BYTES = 1024 * 1024 * 1024
ROW_LIMIT_BYTES = 1024 * 1024


class BatchItem(ApiModel):
    """One document of a batch."""

    data: dict[str, Any]
    job_id: JobId | None = None
    filename: OutputFilename | None = None
    metadata: dict[MetadataKey, MetadataValue] = Field({}, max_length=METADATA_LIMIT)


class BatchOptions(FinishingOptions):
    """How the documents of a batch are made: as the same options of a render.

    The files of the finishing are the same for every document.
    """

    version_number: Annotated[int, Field(ge=1, strict=True), INTEGRAL] | None = None
    format: OutputFormat = "pdf"
    pages: PageSelection | None = None
    scale: Annotated[StrictFloat | StrictInt, Field(ge=0.1, le=4)] | None = None
    document_date: DocumentDate | None = None
    invoice: Annotated[
        Literal[False] | None,
        Field(
            description="false renders the documents of a template with an invoice mapping without "
            "their electronic invoices. A batch makes none."
        ),
    ] = None
    seal: (
        Annotated[SealSwitch, Field(description="The seal of each document, as of a render.")]
        | None
    ) = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.format == "pdf" and (self.pages or self.scale):
            message = "`pages` and `scale` apply to the formats png, jpeg, webp and svg, not to pdf"
            raise PydanticCustomError("options", message)
        if self.format != "pdf" and self.has_finishing:
            message = (
                "`letterhead`, `append`, `attachments` and `password` apply to the format pdf alone"
            )
            raise PydanticCustomError("options", message)
        if self.format == "svg" and self.scale:
            raise PydanticCustomError("options", "`scale` does not apply to the format svg")
        if self.seal and self.format != "pdf":
            message = "`seal` applies to the format pdf alone: an image holds no signature"
            raise PydanticCustomError("options", message)
        return self


class Upload(ApiModel):
    """A file with the rows, which is uploaded afterwards.

    `mapping` is for CSV: the columns by the path in the data, such as
    `{"customer.name": "Customer"}`. Without it, each column is named by its path.
    """

    format: UploadFormat
    mapping: (
        Annotated[
            dict[
                Annotated[str, StringConstraints(min_length=1, max_length=200)],
                Annotated[str, StringConstraints(min_length=1, max_length=200)],
            ],
            Field(min_length=1, max_length=200),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.mapping and self.format != "csv":
            message = "`mapping` is for csv: each line of ndjson is an item with its `data`"
            raise PydanticCustomError("upload", message)
        return self


class BatchRequest(ApiModel):
    """The body of `POST /v1/batches`: either `items` or `upload`."""

    template_slug: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    items: (
        Annotated[
            list[BatchItem],
            Field(min_length=1, max_length=ITEMS_LIMIT, description="Row 1 is the first one."),
        ]
        | None
    ) = None
    upload: Upload | None = None
    options: BatchOptions = BatchOptions()
    output: Output = "files"
    on_invalid: Annotated[
        OnInvalid,
        Field(
            description="What happens when the data of an item does not fit the template: the "
            "whole batch is refused, or the item is skipped."
        ),
    ] = "refuse"

    @model_validator(mode="after")
    def _has_rows(self) -> Self:
        if (self.items is None) == (self.upload is None):
            raise PydanticCustomError("rows", "Send either `items` or `upload`")
        return self

    @model_validator(mode="after")
    def _can_be_merged(self) -> Self:
        if self.output != "merged":
            return self
        if self.options.format != "pdf":
            raise PydanticCustomError("merged", "`output` merged is for the format pdf alone")
        if self.options.password or self.options.attachments:
            message = "`password` and `attachments` do not apply to the output merged"
            raise PydanticCustomError("merged", message)
        return self

    @model_validator(mode="after")
    def _names_fit_the_format(self) -> Self:
        endings = endings_of(self.options.format)
        for number, item in enumerate(self.items or ()):
            if item.filename and not item.filename.lower().endswith(endings):
                message = "`filename` of item {number} must end in {endings} for the format {name}"
                context = {
                    "number": number,
                    "endings": " or ".join(endings),
                    "name": self.options.format,
                }
                raise PydanticCustomError("items", message, context)
        return self


class BatchList(ApiModel):
    """The query of `GET /v1/batches`."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None


class ItemList(ApiModel):
    """The query of `GET /v1/batches/{id}/items`."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None
    status: ItemStatus | None = None


def _read_epoch(value: object) -> object:
    """The time that DynamoDB's TTL holds as a number."""
    return datetime.fromtimestamp(int(value), UTC) if isinstance(value, (int, Decimal)) else value


class Batch(BaseModel):
    """A batch's row.

    `attempt` counts the first run and each retry. `done` is the number of documents that the
    counts are of; it only grows, so that an older sum never replaces a newer one. Of an uploaded
    file, the one with `upload_etag` (empty for batches of an earlier version), `checked_bytes` were
    checked; `tries` counts how often a
    slice of it began since the last one ended. `invalid_parts` names the objects with the invalid
    rows.
    A process that writes the result holds the batch until `assembling_until`; `assemblies` counts
    how often one began in the present attempt.
    """

    model_config = ConfigDict(frozen=True)

    project_id: str
    id: str
    status: BatchStatus
    mode: Mode
    key_id: str
    template_slug: str
    version_number: int
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD
    output: Output = "files"
    on_invalid: OnInvalid = "refuse"
    format: OutputFormat = "pdf"
    pages: str | None = None
    scale: Decimal = Decimal(1)
    document_date: datetime | None = None
    seal: SealOptions | None = None
    has_finishing: bool = False
    base_url: str
    attempt: int = 1
    total: int = 0
    invalid: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    page_count: int = 0
    done: int = 0
    upload_format: UploadFormat | None = None
    mapping: dict[str, str] | None = None
    upload_etag: str = ""
    checked_bytes: int = 0
    tries: int = 0
    invalid_parts: tuple[str, ...] = ()
    assembling_until: str | None = None
    assemblies: int = 0
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    expires_at: Annotated[datetime, BeforeValidator(_read_epoch)]

    @property
    def date(self) -> datetime:
        """The date of its documents."""
        return self.document_date or self.created_at

    @property
    def is_finished(self) -> bool:
        return self.status in {"completed", "refused", "cancelled"}


class Chunk(BaseModel):
    """A chunk's row: up to `CHUNK_ROWS` documents that one worker renders in one invocation.

    `done` rows have ended; `parts` names the objects with their results. `replaces` is the key of
    the chunk of an earlier attempt whose failed rows this one renders again. `tries` counts how
    often a worker began it since its last result.
    """

    model_config = ConfigDict(frozen=True)

    project_id: str
    batch_id: str
    key: str
    id: str
    status: ChunkStatus
    mode: Mode
    key_id: str
    template_slug: str
    attempt: int
    rows: int
    replaces: str | None = None
    done: int = 0
    parts: tuple[str, ...] = ()
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    page_count: int = 0
    tries: int = 0
    lease_until: str | None = None
    queued_at: datetime
    ended_at: datetime | None = None
    expires_at: Annotated[datetime, BeforeValidator(_read_epoch)]


class Row(BaseModel):
    """One document to render: its number from 1, and its validated data."""

    model_config = ConfigDict(frozen=True)

    row: int
    data: dict[str, Any]
    job_id: str | None = None
    filename: str
    metadata: dict[str, str] = {}
    warnings: tuple[str, ...] = ()


class Result(BaseModel):
    """How one document ended."""

    model_config = ConfigDict(frozen=True)

    row: int
    status: Literal["succeeded", "failed"]
    job_id: str | None = None
    filename: str
    metadata: dict[str, str] = {}
    media_type: str = ""
    page_count: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    unsealed_sha256: str | None = None
    warnings: tuple[str, ...] = ()
    error_code: str | None = None
    error_message: str | None = None


class InvalidRow(BaseModel):
    """A row that does not fit the template: what is wrong, by path."""

    model_config = ConfigDict(frozen=True)

    row: int
    job_id: str | None = None
    form_errors: list[str] = []
    field_errors: dict[str, list[str]] = {}


class CountsView(ApiModel):
    """The documents of a batch by status. `total` includes the invalid ones."""

    total: int
    queued: int
    succeeded: int
    failed: int
    cancelled: int
    invalid: int


class BatchView(ApiModel):
    """A batch, as callers see it."""

    id: str
    status: BatchStatus
    mode: Mode
    template_slug: str
    version_number: int
    output: Output
    on_invalid: OnInvalid
    format: OutputFormat
    counts: CountsView
    page_count: int
    attempt: int
    poll_url: str
    upload_url: str | None
    result_url: str | None
    error_code: str | None
    error_message: str | None
    created_at: str
    completed_at: str | None
    expires_at: str


class BatchPage(ApiModel):
    batches: list[BatchView]
    next_cursor: str | None


class IssuesView(ApiModel):
    """What is wrong with a row, by the path in its data."""

    form_errors: list[str]
    field_errors: dict[str, list[str]]


class ItemView(ApiModel):
    """One document of a batch, as callers see it."""

    row: int
    status: ItemStatus
    job_id: str | None = None
    filename: str | None = None
    metadata: dict[str, str] = Field({})
    download_url: str | None = None
    download_expires_at: str | None = None
    page_count: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    unsealed_sha256: str | None = None
    warnings: list[str] = Field([])
    error_code: str | None = None
    error_message: str | None = None
    issues: IssuesView | None = None


class ItemPage(ApiModel):
    items: list[ItemView]
    next_cursor: str | None
