"""A render: as it is asked for, as it is kept, and as a caller sees it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from craftkit.auth.principal import Mode
from craftkit.schema import INTEGRAL, ApiModel, Matches
from craftkit.typesetter import DEFAULT_PDF_STANDARD

Status = Literal["queued", "rendering", "succeeded", "failed", "cancelled"]
Source = Literal["api", "hook", "form"]

METADATA_LIMIT = 20
JobId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Filename = Annotated[
    str,
    Matches(
        r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,150}\.pdf",
        "Must be a file name that ends in .pdf, such as invoice-2026.pdf",
    ),
]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MetadataValue = Annotated[str, StringConstraints(max_length=500)]


class RenderOptions(ApiModel):
    version_number: Annotated[int, Field(ge=1, strict=True), INTEGRAL] | None = None
    filename: Filename | None = None
    sync: StrictBool = False


class RenderRequest(ApiModel):
    """The body of `POST /v1/templates/{slug}/render`."""

    data: dict[str, Any]
    job_id: JobId | None = None
    options: RenderOptions = RenderOptions()
    metadata: dict[MetadataKey, MetadataValue] = Field({}, max_length=METADATA_LIMIT)


def _read_time(value: object) -> object:
    """A date as its midnight, UTC; pydantic alone would also take `0` for a time in 1970."""
    if not isinstance(value, str):
        return value
    try:
        read = datetime.fromisoformat(value if value[4:5] == "-" else "")
    except ValueError as error:
        raise PydanticCustomError("time", _TIME) from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


_TIME = "Must be a time such as 2026-03-14T12:00:00Z, or a date such as 2026-03-14"
Time = Annotated[datetime, BeforeValidator(_read_time)]


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


class Render(BaseModel):
    """A render's row. `attempt` counts the times that work on it was begun, from 1.

    Work may begin again by itself until `attempt_limit`; a caller who asks again after a failure
    moves the limit, and `queued_at` with it.
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
    attempt: int = 1
    attempt_limit: int
    created_at: datetime
    queued_at: datetime | None = None
    completed_at: datetime | None = None
    page_count: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()
    error_code: str | None = None
    error_message: str | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in {"succeeded", "failed", "cancelled"}

    @property
    def ended_at(self) -> datetime:
        """When a finished render ended."""
        return self.completed_at or self.created_at

    @property
    def asked_at(self) -> datetime:
        """When it was last asked for: at first, or again after a failure."""
        return self.queued_at or self.created_at

    @property
    def document_key(self) -> str:
        """Where the PDF is kept in the documents bucket."""
        return f"renders/{self.project_id}/{self.id}.pdf"


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
    page_count: int | None
    size_bytes: int | None
    sha256: str | None
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


class RenderPage(ApiModel):
    renders: list[RenderView]
    next_cursor: str | None
