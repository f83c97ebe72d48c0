"""The options that finish a PDF: letterhead, appended PDFs, attachments and passwords."""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from craftkit.schema import ApiModel, Matches
from craftkit.templates.models import LetterheadName
from craftkit.typesetter import Permission, Relationship

FILE_LIMIT = 20
"""Of the entries of `append`, and of `attachments`."""


PLAIN = "1.7"
"""The standard of a PDF that claims none."""


def _require_base64(value: str) -> str:
    try:
        b64decode(value, validate=True)
    except (Base64Error, ValueError) as error:
        raise PydanticCustomError("content", "Must be a file in base64") from error
    return value


def _require_printable(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("filename", "Must not have invisible or control characters")
    return value


AttachmentName = Annotated[
    str,
    Matches(
        r"""[^\x00-\x20\x7f-\x9f/\\:*?"<>|.][^\x00-\x1f\x7f-\x9f/\\:*?"<>|]{0,149}""",
        'Must be a file name of at most 150 characters, without any of / \\ : * ? " < > |',
    ),
    AfterValidator(_require_printable),
]
Content = Annotated[str, StringConstraints(min_length=4), AfterValidator(_require_base64)]
FileUrl = Annotated[
    str,
    Matches(r"https?://[\x21-\x7e]+", "Must be an http or https URL"),
    StringConstraints(max_length=2000),
]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class AppendedPdf(ApiModel):
    """A PDF whose pages follow the document: one of `renderId`, `url` and `content` (base64)."""

    render_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    url: FileUrl | None = Field(None, repr=False)
    content: Content | None = Field(None, repr=False)
    title: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=200)] | None,
        Field(description="Of its bookmark. Without it, the name of its file."),
    ] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if sum(each is not None for each in (self.render_id, self.url, self.content)) != 1:
            raise PydanticCustomError("source", "Send one of `renderId`, `url` and `content`")
        if self.content is not None and not b64decode(self.content).lstrip().startswith(b"%PDF-"):
            raise PydanticCustomError("source", "`content` must be a PDF in base64")
        return self


class Attachment(ApiModel):
    """A file inside of the PDF: `url` or `content` (base64)."""

    filename: AttachmentName
    url: FileUrl | None = Field(None, repr=False)
    content: Content | None = Field(None, repr=False)
    description: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    relationship: Relationship = "Unspecified"

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.url is None) == (self.content is None):
            raise PydanticCustomError("source", "Send either `url` or `content`")
        return self


class PasswordOptions(ApiModel):
    """Passwords of a PDF, which is encrypted with AES-256. They are secrets: they are stored
    encrypted with the data, and no response shows them.

    `permissions` is what a reader with the password `open`, or without a password, may do: an empty
    list is reading alone. Without it, everything.
    """

    open: Secret | None = Field(None, repr=False, description="Needed to open the document.")
    owner: Secret | None = Field(
        None,
        repr=False,
        description="Gives all rights. Without it, a random one that nobody knows.",
    )
    permissions: Annotated[list[Permission], Field(max_length=6)] | None = None

    @model_validator(mode="after")
    def _has_any(self) -> Self:
        if self.open is None and self.owner is None and self.permissions is None:
            raise PydanticCustomError("password", "Send `open`, `owner` or `permissions`")
        if self.open is not None and self.open == self.owner:
            raise PydanticCustomError("password", "`open` and `owner` must be different")
        return self


class FinishingRequest(BaseModel):
    """The finishing of a render, as it is stored with the data until the render is made.

    Args:
        letterhead_key: of the prepared letterhead in the bucket, which never changes.
        append_standards: what the appended PDFs conform to; the document conforms to no more.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    letterhead_key: str | None = None
    append: tuple[AppendedPdf, ...] = ()
    append_standards: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    password: PasswordOptions | None = None


class FinishingOptions(ApiModel):
    """The options of a PDF that are applied after it was typeset."""

    letterhead: Annotated[
        LetterheadName | None,
        Field(description="The name of a letterhead of the project, laid under every page."),
    ] = None
    append: Annotated[
        tuple[AppendedPdf, ...],
        Field(
            max_length=FILE_LIMIT,
            description="PDFs whose pages follow the document, each with a bookmark.",
        ),
    ] = ()
    attachments: Annotated[
        tuple[Attachment, ...],
        Field(max_length=FILE_LIMIT, description="Files inside of the PDF."),
    ] = ()
    password: PasswordOptions | None = None

    @property
    def has_finishing(self) -> bool:
        return bool(self.letterhead or self.append or self.attachments or self.password)

    @model_validator(mode="after")
    def _names_each_attachment_once(self) -> Self:
        names = [each.filename for each in self.attachments]
        for name in names:
            if names.count(name) > 1:
                message = "Each of `attachments` must have its own `filename`"
                raise PydanticCustomError("options", message)
        return self
