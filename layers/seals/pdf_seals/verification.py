"""What a PDF says of itself, as callers see it: seals, later changes, the invoice inside."""

from dataclasses import asdict

from craftkit.clock import to_rfc3339
from craftkit.errors import UnreadableDocumentError
from craftkit.seals.service import settings
from craftkit.seals.views import EmbeddedInvoiceView, SealView
from invoice_rules.reading import UnreadableInvoiceError, read_invoice
from invoice_rules.summary import summary_of
from pdf_seals.bounds import BoundsError, bounded
from pdf_seals.reading import READ_BYTES, READ_SECONDS, Reading, UnreadableError, read_seals

FILE_LIMIT_BYTES = 4 * 1024 * 1024


def read_document(pdf: bytes) -> Reading:
    """The seals of a PDF, of which those of the stage's certificates are trusted.

    Raises:
        UnreadableDocumentError: it is no PDF, or takes too much to read.
    """
    trusted = {certificate.fingerprint for certificate in settings().every}
    try:
        return read_seals(pdf, trusted)
    except UnreadableError as error:
        raise UnreadableDocumentError(
            f"The body cannot be read as a PDF. {error} Send the bytes of one PDF document."
        ) from error


def seals_of(reading: Reading) -> list[SealView]:
    return [
        SealView(
            signer=seal.signer,
            at=to_rfc3339(seal.at) if seal.at else None,
            level=seal.level,
            intact=seal.intact,
            trusted=seal.trusted,
        )
        for seal in reading.seals
    ]


def invoice_of(pdf: bytes) -> EmbeddedInvoiceView | None:
    """The invoice inside a PDF; None where there is none that can be read."""
    try:
        with bounded(READ_SECONDS, READ_BYTES):
            return EmbeddedInvoiceView(**asdict(summary_of(read_invoice(pdf))))
    except (UnreadableInvoiceError, BoundsError):
        return None
