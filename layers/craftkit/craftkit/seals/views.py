"""What a document was found to be, as callers see it."""

from typing import Annotated, Literal

from pydantic import Field

from craftkit.schema import ApiModel


class SealView(ApiModel):
    """One seal of a document."""

    signer: Annotated[
        str | None, Field(description="The name in the certificate; null if it is unreadable.")
    ]
    at: Annotated[str | None, Field(description="When the signer says that it signed.")]
    level: Annotated[
        Literal["B-B", "B-T", "B-LT"] | None,
        Field(description="The level of PAdES; null for signatures of another form."),
    ]
    intact: Annotated[bool, Field(description="Whether the signed bytes are as they were signed.")]
    trusted: Annotated[
        bool,
        Field(
            description="Whether it is intact and of a certificate of this stage, present or "
            "former. Other certificates are not checked."
        ),
    ]


class EmbeddedInvoiceView(ApiModel):
    """The electronic invoice inside a document. Amounts are text, as the invoice has them."""

    number: str | None
    currency: str | None
    net_total: Annotated[str | None, Field(description="Without VAT (BT-109).")]
    vat_total: Annotated[str | None, Field(description="The VAT (BT-110).")]
    grand_total: Annotated[str | None, Field(description="With VAT (BT-112).")]
    due_total: Annotated[str | None, Field(description="To be paid (BT-115).")]


_CHANGED = Field(
    description="Whether the file was changed since its last seal; null for a file without seals."
)


class PublicVerificationView(ApiModel):
    """What a document says of itself."""

    seals: list[SealView]
    changed_since: Annotated[bool | None, _CHANGED]
    invoice: EmbeddedInvoiceView | None


class VerificationView(ApiModel):
    """What a document says of itself, and whether a render of the caller's project made it."""

    known: Annotated[
        bool,
        Field(
            description="Whether exactly these bytes are the document of a render of the key's "
            "project and mode that is still kept."
        ),
    ]
    render_id: str | None
    seals: list[SealView]
    changed_since: Annotated[bool | None, _CHANGED]
    invoice: EmbeddedInvoiceView | None
