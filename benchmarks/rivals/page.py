"""The invoice as HTML and CSS, for WeasyPrint and for a browser."""

from datetime import date
from decimal import Decimal
from html import escape
from typing import Any

_STYLE = """
@page { size: A4; margin: 22mm 22mm 26mm; @bottom-right { font-size: 7.5pt; color: #64748b;
  content: "Page " counter(page) " of " counter(pages); } }
@font-face { font-family: Inter; src: url("FONTS/Inter-Regular.otf"); }
@font-face { font-family: Inter; font-weight: 600; src: url("FONTS/Inter-SemiBold.otf"); }
@font-face { font-family: Inter; font-weight: 700; src: url("FONTS/Inter-Bold.otf"); }
body { font: 9.5pt/1.45 Inter; color: #0f172a; margin: 0; }
h1 { font-size: 26pt; color: #0f766e; margin: 0; text-align: right; }
.head, .parties, .pay { display: flex; justify-content: space-between; gap: 2em; }
.parties { margin: 1.1cm 0; }
.caption { font-size: 7.5pt; font-weight: 600; color: #64748b; text-transform: uppercase; }
.muted { color: #64748b; }
table { width: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
th { font-size: 8pt; font-weight: 600; background: #e7f1f0; color: #0c5e58; }
th, td { padding: 7.5pt 8pt; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
td { border-top: 0.5pt solid #e2e8f0; }
table.items { border-bottom: 0.8pt solid #0f766e; }
.sums { width: 7.6cm; margin: 6pt 0 0 auto; break-inside: avoid; }
.total { background: #0f766e; color: #fff; border-radius: 3pt; padding: 9pt 8pt; display: flex;
  justify-content: space-between; font-size: 14pt; font-weight: 700; }
.pay { margin-top: 0.9cm; break-inside: avoid; }
.pay svg, .pay img { width: 2.4cm; height: 2.4cm; }
"""


def money(value: str | Decimal) -> str:
    return f"€{Decimal(value):,.2f}"


def day(value: str) -> str:
    moment = date.fromisoformat(value)
    return f"{moment:%B} {moment.day}, {moment.year}"


def html(data: dict[str, Any], fonts: str, code: str) -> str:
    """The page of an invoice.

    Args:
        fonts: URL of the folder of font files.
        code: the QR code as SVG.
    """
    text = _escaped(data)
    issuer, customer, payment = text["issuer"], text["customer"], text["payment"]
    rows = "".join(
        f"<tr><td>{item['name']}<br><small class=muted>{item['description'] or ''}</small></td>"
        f"<td>{item['qty']} {item['unit'] or ''}</td><td>{money(item['price'])}</td>"
        f"<td>{money(Decimal(item['qty']) * Decimal(item['price']))}</td></tr>"
        for item in text["items"]
    )
    return f"""<!doctype html><html lang=en><head><meta charset=utf-8><title>Invoice</title>
<style>{_STYLE.replace("FONTS", fonts)}</style></head><body>
<div class=head><div><img alt=Logo src="{issuer["logo"]}" style="height:1.4cm"><br>
<b>{issuer["name"]}</b><p class=muted>{issuer["address"]}</p></div>
<div><h1>Invoice</h1><p style="text-align:right">{text["number"]}</p></div></div>
<div class=parties><div><div class=caption>Billed to</div><b>{customer["name"]}</b><br>
{customer["company"]}<br>{customer["address"]}<br>{customer["email"]}<br>{customer["taxId"]}</div>
<table style="width:auto"><tr><td>Date<td>{day(data["date"])}<tr><td>Due<td>{day(data["dueDate"])}
<tr><td>Your reference<td>{text["reference"]}</table></div>
<table class=items><thead><tr><th>Item<th>Quantity<th>Price<th>Amount</thead><tbody>{rows}</table>
<div class=sums><table><tr><td>Subtotal<td>{money(data["subtotal"])}
<tr><td>Discount<td>-{money(data["discount"])}
<tr><td>{text["tax"]["label"]}<td>{money(data["tax"]["amount"])}</table>
<div class=total><span>Total</span><span>{money(data["total"])}</span></div></div>
<div class=pay><div><div class=caption>Payment</div>IBAN {payment["iban"]}<br>BIC {payment["bic"]}
<br>Reference {text["number"]}<p>{text["notes"]}</p></div>
<div>{code}<br><small>Scan to pay</small></div></div>
<footer class=muted>{issuer["name"]} · {issuer["email"]} · {issuer["phone"]} · {issuer["taxId"]}
</footer></body></html>"""


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value).replace("\n", "<br>")
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value
