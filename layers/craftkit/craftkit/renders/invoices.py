"""The electronic invoice of a render that is requested."""

from typing import Any

from craftkit.errors import InvalidInvoiceError, InvalidRequestError, Issues
from craftkit.invoices.models import InvoiceOptions
from craftkit.invoices.service import create_invoice
from craftkit.renders.models import RenderOptions
from craftkit.templates.models import Manifest, TemplateVersion
from craftkit.typesetter import INVOICE_STANDARDS

_SHOWN_FAULTS = 3


def invoice_of(
    manifest: Manifest, data: dict[str, Any], options: RenderOptions
) -> tuple[InvoiceOptions | None, tuple[str, ...]]:
    """The options of the electronic invoice that the render makes, if any, and warnings.

    Raises:
        InvalidRequestError: an invoice was requested and the template has no mapping.
        InvalidInvoiceError: the data makes no valid invoice, and the template or the request
            requires one.
    """
    requested, mapping = options.invoice, manifest.invoice
    if requested is False:
        return None, ()
    if mapping is None:
        if requested is None:
            return None, ()
        issue = "This template has no invoice mapping: its manifest has no `invoice`"
        raise InvalidRequestError(issues=Issues(field_errors={"options.invoice": [issue]}))
    invoice_options = requested or InvoiceOptions()
    try:
        create_invoice(mapping, data, invoice_options)
    except InvalidInvoiceError as error:
        if requested or mapping.required:
            raise
        return None, (_warning(error.issues or Issues()),)
    return invoice_options, ()


def _warning(issues: Issues) -> str:
    faults = [
        *(f"{path}: {messages[0]}" for path, messages in issues.field_errors.items()),
        *issues.form_errors,
    ]
    more = len(faults) - _SHOWN_FAULTS
    shown = "; ".join(faults[:_SHOWN_FAULTS]) + (f"; and {more} more" if more > 0 else "")
    return f"The document has no electronic invoice, because its data makes no valid one: {shown}."


def pdf_standard_of(
    version: TemplateVersion, options: RenderOptions, invoice: InvoiceOptions | None
) -> str:
    """The standard of the render's PDF: PDF/A-3 where an invoice is attached to it."""
    is_attached = invoice and invoice.standard == "factur-x" and options.format == "pdf"
    if not is_attached:
        return version.pdf_standard
    return INVOICE_STANDARDS.get(version.pdf_standard, version.pdf_standard)
