"""GET /verify, the public page that verifies a document, and POST /verify, which it calls.

It answers what the document itself says. Whether a render made the document is answered to the
keys of its project alone.
"""

from craftkit.http import Request, Response, endpoint
from craftkit.probes import needs
from craftkit.seals import repository
from craftkit.seals.views import PublicVerificationView
from pdf_seals import page
from pdf_seals.verification import FILE_LIMIT_BYTES, invoice_of, read_document, seals_of


@needs("CONTENT_TABLE", reads=(repository.get,))
@endpoint
def handler(request: Request) -> Response:
    if request.method != "POST":
        return Response(200, page.html(), page.headers())
    pdf = request.read(FILE_LIMIT_BYTES)
    reading = read_document(pdf)
    view = PublicVerificationView(
        seals=seals_of(reading), changed_since=reading.changed_since, invoice=invoice_of(pdf)
    )
    return Response(200, view)
