"""POST /v1/invoices/validate; and the official rules for `craftkit.invoices.official`."""

from base64 import b64decode
from dataclasses import asdict
from typing import Any
from zlib import decompress

from craftkit.auth.principal import RENDERS_READ
from craftkit.errors import InvalidInvoiceError
from craftkit.http import Request, Response, endpoint
from craftkit.invoices.views import InvoiceIssue, VerdictView
from craftkit.limits.previews import one_file
from craftkit.limits.service import charge_read
from craftkit.probes import needs, update
from invoice_rules.reading import UnreadableInvoiceError, read_invoice
from invoice_rules.validation import Verdict, validate, warm

_FILE_LIMIT_BYTES = 4 * 1024 * 1024

# Before the first call: compiling the rules takes about a second.
warm()


@endpoint
def _route(request: Request) -> Response:
    """200 with what the invoice is and which rules it breaks."""
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    content = request.read(_FILE_LIMIT_BYTES)
    try:
        # Invoices of other projects are checked by the same function when they are rendered.
        with one_file(principal.project_id):
            verdict = validate(read_invoice(content))
    except UnreadableInvoiceError as error:
        raise InvalidInvoiceError(f"{error} Send an invoice as XML or PDF.") from error
    return Response(200, _view_of(verdict))


def _view_of(verdict: Verdict) -> VerdictView:
    return VerdictView(
        valid=not verdict.failures,
        standard=verdict.standard,
        profile=verdict.profile,
        issues=[InvoiceIssue(**asdict(failure)) for failure in verdict.failures],
    )


@needs(
    "REQUESTS_TABLE",
    "LIMITS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "PREVIEWS_PER_PROJECT",
    reads=(update("LIMITS_TABLE"),),
)
def handler(event: dict[str, Any], context: Any) -> Any:
    """From the gateway a request; from `create_render` an invoice that Craftkit has written."""
    if "invoice" not in event:
        return _route(event, context)
    verdict = validate(read_invoice(decompress(b64decode(event["invoice"]))))
    return {"failures": [asdict(failure) for failure in verdict.failures]}
