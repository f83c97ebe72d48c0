"""POST /v1/verify"""

import hashlib

from craftkit.auth.principal import RENDERS_READ
from craftkit.http import Request, Response, endpoint
from craftkit.limits.previews import one_file
from craftkit.limits.service import charge_read
from craftkit.probes import item, needs, update
from craftkit.renders.known import find_document
from craftkit.seals.views import VerificationView
from pdf_seals.verification import FILE_LIMIT_BYTES, invoice_of, read_document, seals_of


@needs(
    "REQUESTS_TABLE",
    "LIMITS_TABLE",
    "CONTENT_TABLE",
    "RENDERS_TABLE",
    "PROJECT_READS_PER_SECOND",
    "PREVIEWS_PER_PROJECT",
    reads=(item("CONTENT_TABLE"), item("RENDERS_TABLE"), update("LIMITS_TABLE")),
)
@endpoint
def handler(request: Request) -> Response:
    """200 with what the document is, and which render made it."""
    principal = request.principal
    principal.require(RENDERS_READ)
    charge_read(principal)
    pdf = request.read(FILE_LIMIT_BYTES)
    with one_file(principal.project_id):
        reading = read_document(pdf)
        invoice = invoice_of(pdf)
    render = find_document(principal, hashlib.sha256(pdf).hexdigest(), reading.created_at)
    view = VerificationView(
        known=render is not None,
        render_id=render.id if render else None,
        seals=seals_of(reading),
        changed_since=reading.changed_since,
        invoice=invoice,
    )
    return Response(200, view)
