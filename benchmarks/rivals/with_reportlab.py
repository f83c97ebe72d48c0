"""ReportLab's platypus, in a long-running process: `FONTS_URL QR_FILE`.

Its own Helvetica, as it takes no fonts of the OpenType CFF kind; no tags, no PDF/A, no PDF/UA.
"""

from decimal import Decimal
from io import BytesIO
from typing import Any

from page import day, money
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.platypus import (
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)
from serve import serve

_STYLES = getSampleStyleSheet()
_ACCENT = colors.HexColor("#0f766e")


def render(data: dict[str, Any]) -> bytes:
    output = BytesIO()
    SimpleDocTemplate(output, pagesize=A4, margins=2.2 * cm, title="Invoice").build(_story(data))
    return output.getvalue()


def _story(data: dict[str, Any]) -> list[Any]:
    body, small = _STYLES["BodyText"], _STYLES["Italic"]
    issuer, customer = data["issuer"], data["customer"]
    amount = [Decimal(item["qty"]) * Decimal(item["price"]) for item in data["items"]]
    rows = [
        [
            [Paragraph(item["name"], body), Paragraph(item["description"] or "", small)],
            f"{item['qty']} {item['unit'] or ''}",
            money(item["price"]),
            money(total),
        ]
        for item, total in zip(data["items"], amount, strict=True)
    ]
    items = Table([["Item", "Quantity", "Price", "Amount"], *rows], repeatRows=1)
    items.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, colors.lightgrey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    sums = Table(
        [
            ["Subtotal", money(data["subtotal"])],
            ["Discount", "-" + money(data["discount"])],
            [data["tax"]["label"], money(data["tax"]["amount"])],
            ["Total", money(data["total"])],
        ]
    )
    sums.setStyle(
        [("BACKGROUND", (0, -1), (-1, -1), _ACCENT), ("TEXTCOLOR", (0, -1), (-1, -1), colors.white)]
    )
    widget = QrCodeWidget(data["payment"]["url"])
    code = Drawing(2.4 * cm, 2.4 * cm)
    code.add(widget)
    return [
        Paragraph(f"{issuer['name']}<br/>{issuer['address']}", body),
        Paragraph("Invoice", _STYLES["Title"]),
        Paragraph(f"{data['number']}, {day(data['date'])}, due {day(data['dueDate'])}", body),
        Paragraph(f"{customer['name']}<br/>{customer['company']}<br/>{customer['address']}", body),
        Spacer(1, 1 * cm),
        items,
        sums,
        Paragraph(f"IBAN {data['payment']['iban']} BIC {data['payment']['bic']}", body),
        Paragraph(data["notes"], body),
        code,
    ]


serve(render)
