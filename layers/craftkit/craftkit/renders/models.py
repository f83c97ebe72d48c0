"""Models of a render: its request, its stored row and its view for callers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from craftkit.auth.principal import Mode
from craftkit.invoices.models import InvoiceOptions
from craftkit.renders.files import ENDINGS, MEDIA_TYPES, endings_of
from craftkit.renders.finishing import FinishingOptions, FinishingRequest
from craftkit.schema import INTEGRAL, ApiModel, Matches, Time
from craftkit.seals.models import SealOptions, SealSwitch
from craftkit.templates.values import read_datetime
from craftkit.typesetter import DEFAULT_PDF_STANDARD, OutputFormat

Status = Literal["queued", "rendering", "succeeded", "failed", "cancelled"]
Source = Literal["api", "hook", "form"]

METADATA_LIMIT = 20
ERASED_FILENAME = "erased"
SHORTEST_EXPIRY_SECONDS = 60
JobId = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _require_printable(value: str) -> str:
    if not value.isprintable():
        message = "Must be a file name without invisible or control characters"
        raise PydanticCustomError("filename", message)
    return value


_NAME = r"""[^\x00-\x20\x7f-\x9f/\\:*?"<>|.][^\x00-\x1f\x7f-\x9f/\\:*?"<>|]{0,150}"""
Filename = Annotated[
    str,
    Matches(
        rf"{_NAME}\.pdf",
        "Must be a file name of at most 155 characters that ends in .pdf, such as "
        'Rechnung-Jürgen.pdf, without any of / \\ : * ? " < > |',
    ),
    AfterValidator(_require_printable),
]
"""Of a PDF, in any language's letters."""
OutputFilename = Annotated[
    str,
    Matches(
        rf"{_NAME}\.(pdf|png|jpe?g|webp|svg|zip)",
        "Must be a file name of at most 156 characters that ends in .pdf, or in the format's own "
        'ending, without any of / \\ : * ? " < > |',
    ),
    AfterValidator(_require_printable),
]
PageSelection = Annotated[
    str,
    Matches(
        r"[1-9][0-9]{0,2}(-[1-9][0-9]{0,2})?(,[1-9][0-9]{0,2}(-[1-9][0-9]{0,2})?){0,19}",
        "Must be page numbers and ranges, such as 1-3,7",
    ),
]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MetadataValue = Annotated[str, StringConstraints(max_length=500)]


_OUR_HEADERS = {"host", "content-length", "connection", "transfer-encoding", "te", "upgrade"}


def _require_own_header(name: str) -> str:
    if name.lower() in _OUR_HEADERS:
        raise PydanticCustomError("header", "This header is set by the service")
    return name


_EARLIEST_DATE = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_DATE = datetime(3000, 1, 1, tzinfo=UTC)


def _read_document_date(value: object) -> datetime:
    read = datetime.fromisoformat(read_datetime(value))
    # Compared in UTC, as the typesetter takes it: an offset can lead into another year.
    if not _EARLIEST_DATE <= read < _LATEST_DATE:
        raise PydanticCustomError("time", "Must be a time from 1970 to 2999")
    return read


DocumentDate = Annotated[
    datetime,
    BeforeValidator(_read_document_date),
    Field(
        description="The date of the document: its creation time and its `datetime.today()`. The "
        "same version, data and date give the same bytes. Without it, when the render was created."
    ),
]


HeaderName = Annotated[
    str,
    Matches(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", "Must be the name of an HTTP header"),
    AfterValidator(_require_own_header),
]
HeaderValue = Annotated[
    str,
    Matches(
        r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?",
        "Must be the value of an HTTP header, in printable ASCII",
    ),
    StringConstraints(max_length=2000),
]


class DeliverTo(ApiModel):
    """Where the finished document is sent to with PUT: a presigned URL of S3, GCS or Azure.

    The URL and the headers are secrets: they are stored encrypted until the delivery has ended, and
    no response shows them. Azure Blob Storage requires the header `x-ms-blob-type: BlockBlob`.
    """

    url: Annotated[str, StringConstraints(min_length=1, max_length=4000)] = Field(repr=False)
    headers: dict[HeaderName, HeaderValue] = Field({}, max_length=20, repr=False)


class RenderOptions(FinishingOptions):
    """How a document is made.

    `pages` and `scale` apply to images only. `scale` 1 is 96 pixels per inch; it does not apply to
    SVG. Several pages are returned as one ZIP file.
    """

    version_number: Annotated[int, Field(ge=1, strict=True), INTEGRAL] | None = None
    filename: OutputFilename | None = None
    sync: StrictBool = False
    format: OutputFormat = "pdf"
    pages: PageSelection | None = None
    scale: Annotated[StrictFloat | StrictInt, Field(ge=0.1, le=4)] | None = None
    document_date: DocumentDate | None = None
    invoice: (
        Annotated[
            InvoiceOptions | Literal[False],
            Field(
                description="The electronic invoice of a template with an invoice mapping; `false` "
                "leaves it out. Without it, what the template says."
            ),
        ]
        | None
    ) = None
    seal: (
        Annotated[
            SealSwitch,
            Field(
                description="The seal of the document: `true`, or what the seal says. `false` "
                "leaves it out. Without it, what the template says."
            ),
        ]
        | None
    ) = None
    expires_in_seconds: (
        Annotated[
            int,
            Field(
                ge=SHORTEST_EXPIRY_SECONDS,
                strict=True,
                description="After this many seconds the render is erased, as by DELETE. At most "
                "as long as the stage keeps renders.",
            ),
            INTEGRAL,
        ]
        | None
    ) = None

    store: Annotated[
        StrictBool,
        Field(
            description="`false`: the document is in the response, and the service keeps neither "
            "data nor document. Only with the document's media type in `Accept`."
        ),
    ] = True

    deliver_to: DeliverTo | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.store and self.deliver_to:
            _refuse("`deliverTo` does not apply with `store` false: nothing is kept to be sent")
        if not self.store and self.expires_in_seconds:
            _refuse("`expiresInSeconds` does not apply with `store` false: nothing is kept")
        if self.format == "pdf" and (self.pages or self.scale):
            _refuse("`pages` and `scale` apply to the formats png, jpeg, webp and svg, not to pdf")
        if self.format != "pdf" and self.has_finishing:
            _refuse(
                "`letterhead`, `append`, `attachments` and `password` apply to the format pdf alone"
            )
        if self.format == "svg" and self.scale:
            _refuse("`scale` does not apply to the format svg")
        is_apart = isinstance(self.invoice, InvoiceOptions) and self.invoice.standard != "factur-x"
        if is_apart and not self.store:
            _refuse("With `store` false there is no invoice.xml: use the standard factur-x")
        if self.seal and self.format != "pdf":
            _refuse("`seal` applies to the format pdf alone: an image holds no signature")
        if self.filename and not self.filename.lower().endswith(endings_of(self.format)):
            expected = " or ".join(endings_of(self.format))
            _refuse(f"`filename` must end in {expected} for the format {self.format}")
        return self


def _refuse(message: str) -> NoReturn:
    raise PydanticCustomError("options", "{message}", {"message": message})


class RenderRequest(ApiModel):
    """The body of `POST /v1/templates/{slug}/render`."""

    data: dict[str, Any]
    job_id: JobId | None = None
    options: RenderOptions = RenderOptions()
    metadata: dict[MetadataKey, MetadataValue] = Field({}, max_length=METADATA_LIMIT)


def _read_pair(value: str) -> str:
    name, colon, _ = value.partition(":")
    if not name or not colon:
        raise PydanticCustomError("pair", "Must be a name and a value, such as order:4711")
    return value


class RenderList(ApiModel):
    """The query of `GET /v1/renders`."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None
    status: Status | None = None
    template_slug: Annotated[str, StringConstraints(max_length=120)] | None = None
    key_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    metadata: Annotated[
        Annotated[str, StringConstraints(max_length=600), AfterValidator(_read_pair)] | None,
        Field(description="A name and a value of the render's metadata, such as order:4711."),
    ] = None
    from_: Annotated[
        Time | None,
        Field(alias="from", description="Renders created at this time or later."),
    ] = None
    to: Annotated[Time | None, Field(description="Renders created before this time.")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ and self.to and self.to <= self.from_:
            raise PydanticCustomError("order", "`to` must be later than `from`")
        return self


def _read_epoch(value: object) -> object:
    """The time that DynamoDB's TTL holds as a number."""
    return datetime.fromtimestamp(int(value), UTC) if isinstance(value, (int, Decimal)) else value


class RenderDelivery(ApiModel):
    """The delivery to `options.deliverTo`. `skipped`: there is no document to send."""

    status: Literal["pending", "delivered", "failed", "skipped"] = "pending"
    attempts: int = 0
    last_error: str | None = None


class Render(BaseModel):
    """A render's row. `attempt` is the number of the current attempt, from 1.

    Work may begin again by itself until `attempt_limit`; a caller who asks again after a failure
    moves the limit, and `queued_at` with it. `expires_at` is when the row itself may go; at
    `erase_at` its content is erased, where that was asked for. The row of one that is not stored
    (`options.store` false) has no content from the start.
    """

    model_config = ConfigDict(frozen=True)

    project_id: str
    id: str
    status: Status
    mode: Mode
    key_id: str
    source: Source
    template_slug: str
    version_number: int
    pdf_standard: str = DEFAULT_PDF_STANDARD
    filename: str
    metadata: dict[str, str] = {}
    job_id: str | None = None
    base_url: str
    format: OutputFormat = "pdf"
    pages: str | None = None
    scale: Decimal = Decimal(1)
    document_date: datetime | None = None
    media_type: str = MEDIA_TYPES["pdf"]
    invoice: InvoiceOptions | None = None
    seal: SealOptions | None = None
    attempt: int = 1
    attempt_limit: int
    created_at: datetime
    queued_at: datetime | None = None
    completed_at: datetime | None = None
    page_count: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    unsealed_sha256: str | None = None
    warnings: tuple[str, ...] = ()
    error_code: str | None = None
    error_message: str | None = None
    delivery: RenderDelivery | None = None
    is_stored: bool = True
    erase_at: datetime | None = None
    erased_at: datetime | None = None
    expires_at: Annotated[datetime | None, BeforeValidator(_read_epoch)] = None

    def is_kept_at(self, now: datetime) -> bool:
        """Whether it is neither erased nor expired."""
        ends_at = self.ends_at
        return self.erased_at is None and (ends_at is None or ends_at > now)

    def holds_its_key_at(self, now: datetime) -> bool:
        """Whether its idempotency key is still in use: as long as the render is stored.

        With `options.store` false, the key is in use until the retention ends.
        """
        if self.is_stored or self.expires_at is None:
            return self.is_kept_at(now)
        return self.expires_at > now

    @property
    def ends_at(self) -> datetime | None:
        """When it is erased, or no longer kept."""
        return self.erase_at or self.expires_at

    @property
    def is_finished(self) -> bool:
        return self.status in {"succeeded", "failed", "cancelled"}

    @property
    def ended_at(self) -> datetime:
        """When a finished render ended."""
        return self.completed_at or self.created_at

    @property
    def asked_at(self) -> datetime:
        """When the render was last requested: its creation, or its last retry."""
        return self.queued_at or self.created_at

    @property
    def document_key(self) -> str:
        """The key of the finished file in the documents bucket.

        A signature differs each time it is made. So a worker that lost its lease must not replace
        the file of the worker that finished the render: each attempt has its own key.
        """
        attempt = f"-{self.attempt}" if self.seal and self.attempt > 1 else ""
        return f"renders/{self.project_id}/{self.id}{attempt}{ENDINGS[self.media_type][0]}"

    @property
    def invoice_key(self) -> str:
        """The key of the electronic invoice in the documents bucket."""
        return f"renders/{self.project_id}/{self.id}.xml"


class UnstoredJob(BaseModel):
    """What a worker receives of a render with `options.store` false."""

    # What is logged of a validation error must not hold data.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    render: Render
    data: dict[str, Any]
    finishing: FinishingRequest | None = None


class UnstoredResult(BaseModel):
    """What it returns: the finished render, and its document where it succeeded."""

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )

    render: Render
    content: bytes | None = Field(None, repr=False)

    @classmethod
    def failed(cls, render: Render, now: datetime, code: str, message: str) -> Self:
        """A render that failed, of which no row is kept."""
        outcome = {
            "status": "failed",
            "completed_at": now,
            "error_code": code,
            "error_message": message,
        }
        return cls(render=render.model_copy(update=outcome))


class RenderView(ApiModel):
    """A render, as callers see it."""

    id: str
    status: Status
    mode: Mode
    template_slug: str
    version_number: int
    poll_url: str
    download_url: str | None
    download_expires_at: str | None
    filename: str
    format: OutputFormat
    page_count: int | None
    size_bytes: int | None
    sha256: str | None
    unsealed_sha256: (
        Annotated[
            str,
            Field(
                description="Of a sealed document, the SHA-256 of the bytes before the seal, which "
                "the document begins with. The same version, data and `documentDate` give the same."
            ),
        ]
        | None
    )
    pdf_standard: str
    warnings: list[str]
    error_code: str | None
    error_message: str | None
    metadata: dict[str, str]
    job_id: str | None
    attempt: int
    created_at: str
    completed_at: str | None
    duration_ms: int | None
    expires_at: str
    delivery: RenderDelivery | None


class RenderPage(ApiModel):
    renders: list[RenderView]
    next_cursor: str | None
