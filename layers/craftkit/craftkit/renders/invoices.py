"""The electronic invoice of a render that is requested."""

from dataclasses import dataclass
from typing import Any

from craftkit.errors import (
    InvalidInvoiceError,
    InvalidRequestError,
    Issues,
    ValidatorUnavailableError,
)
from craftkit.invoices.models import ElectronicInvoice, InvoiceOptions
from craftkit.invoices.official import check_officially
from craftkit.invoices.service import create_invoice
from craftkit.renders.models import Render, RenderOptions
from craftkit.templates.models import TemplateVersion
from craftkit.typesetter import INVOICE_STANDARDS

_SHOWN_FAULTS = 3
_UNCHECKED = (
    "The document has no electronic invoice, because its rules could not be checked. Send the "
    "request again, or with `options.invoice: {}` to be refused in this case."
)


@dataclass(frozen=True)
class RequestedInvoice:
    """The invoice that a render makes, if any.

    Attributes:
        plain_standard: of the PDF without an invoice.
        is_required: data that makes no valid invoice is refused; else it is a warning.
    """

    options: InvoiceOptions | None = None
    invoice: ElectronicInvoice | None = None
    plain_standard: str = ""
    is_required: bool = False
    warnings: tuple[str, ...] = ()


def requested_invoice(
    version: TemplateVersion, data: dict[str, Any], options: RenderOptions
) -> RequestedInvoice:
    """The invoice of validated data, checked by the rules of `craftkit.invoices.rules`.

    Raises:
        InvalidRequestError: an invoice was requested and the template has no mapping.
        InvalidInvoiceError: the data makes no valid invoice, and the template or the request
            requires one.
    """
    requested, mapping = options.invoice, version.manifest.invoice
    if requested is False or (mapping is None and requested is None):
        return RequestedInvoice()
    if mapping is None:
        issue = "This template has no invoice mapping: its manifest has no `invoice`"
        raise InvalidRequestError(issues=Issues(field_errors={"options.invoice": [issue]}))
    invoice_options = requested or InvoiceOptions()
    is_required = requested is not None or mapping.required
    try:
        invoice = create_invoice(mapping, data, invoice_options)
    except InvalidInvoiceError as error:
        if is_required:
            raise
        return RequestedInvoice(warnings=(_warning(error.issues or Issues()),))
    return RequestedInvoice(invoice_options, invoice, version.pdf_standard, is_required)


def officially_checked(render: Render, requested: RequestedInvoice) -> Render:
    """The render, whose invoice keeps the official rules; without it where it is not required.

    Raises:
        InvalidInvoiceError: the invoice breaks a rule, and is required.
        ValidatorUnavailableError: the rules cannot be checked at present, and the invoice is
            required.
    """
    if requested.invoice is None:
        return render
    try:
        check_officially(requested.invoice)
    except (InvalidInvoiceError, ValidatorUnavailableError) as error:
        if requested.is_required:
            raise
        warnings = (*render.warnings, _warning(error.issues) if error.issues else _UNCHECKED)
        plain = {"invoice": None, "pdf_standard": requested.plain_standard, "warnings": warnings}
        return render.model_copy(update=plain)
    return render


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
