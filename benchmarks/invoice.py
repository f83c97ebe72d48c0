"""The gallery's invoice with its preview data, for all typesetters that are measured."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import typst
import zxingcpp

from craftkit.templates import gallery
from craftkit.templates.data import preview_data, types, validate_data
from craftkit.typesetter import Job
from typesetting.sandbox import font_folders

Data = dict[str, Any]

STANDARDS: Any = ["a-2a", "ua-1"]
_MOMENT = datetime(2026, 11, 24, tzinfo=UTC)

# A source for Typst without Craftkit: no locale, one currency.
_BY_HAND = """\
#let data = json(bytes(sys.inputs.data))
#let exact(value) = if type(value) == str { decimal(value) } else { value }
#let grouped(digits) = {
  let parts = ()
  while digits.len() > 3 {
    parts.insert(0, digits.slice(-3))
    digits = digits.slice(0, -3)
  }
  (digits, ..parts).join(",")
}
#let money(value) = if value != none {
  let value = exact(value)
  let (whole, ..rest) = str(calc.abs(calc.round(value, digits: 2))).split(".")
  let cents = rest.at(0, default: "")
  if value < 0 { "-" }
  "€" + grouped(whole) + "." + cents + "0" * (2 - cents.len())
}
#let number(value) = if value != none { grouped(str(exact(value))) }
#let day(value, style: none) = if value != none {
  let (year, month, day) = value.split("-").map(int)
  let format = "[month repr:long] [day padding:none], [year]"
  datetime(year: year, month: month, day: day).display(format)
}
#let picture(value, alt: "", ..more) = image("/logo.svg", alt: alt, ..more)
#let qr(value, size: 2cm, alt: none) = image("/qr.svg", width: size, height: size, alt: alt)
#let pages() = context [Page #counter(page).get().first() of #counter(page).final().first()]
#let data = data + (
  discount: exact(data.discount),
  items: data.items.map(item => item + (qty: exact(item.qty), price: exact(item.price))),
)
#set document(title: "Invoice")
#set page(paper: "a4")
#set text(lang: "en", font: ("Inter", "Noto Sans"), size: 10pt)
"""


@cache
def template() -> gallery.Entry:
    return gallery.load("invoice")


@cache
def _preview() -> str:
    manifest = template().manifest
    return json.dumps(validate_data(manifest, preview_data(manifest)))


def data(number: int, rows: int | None = None) -> Data:
    """The data of an invoice with this many rows, different in each call."""
    made: Data = json.loads(_preview())
    made["number"] = f"INV-{number:07}"
    made["customer"]["name"] = f"Customer {number}"
    for item in made["items"]:
        item["price"] = f"{number % 5000 + 1}.{number % 90 + 10}"
    if rows is not None:
        items = made["items"]
        made["items"] = [
            items[row % len(items)] | {"name": f"Item {row}", "price": f"{row % 900 + 1}.50"}
            for row in range(rows)
        ]
    return made


def logo(of: Data) -> bytes:
    return b64decode(of["issuer"]["logo"].partition(",")[2])


def job(of: Data) -> Job:
    entry = template()
    return Job(
        source=entry.source,
        data=of,
        types=types(entry.manifest),
        locale="en",
        title="Invoice",
        created_at=_MOMENT,
        images={of["issuer"]["logo"]: logo(of)},
    )


class ByHand:
    """The same Typst in this process, without Craftkit and fully warm."""

    def __init__(self, folder: Path) -> None:
        body = template().source.partition("\n")[2]
        of = data(0)
        code = zxingcpp.create_barcode(of["payment"]["url"], zxingcpp.BarcodeFormat.QRCode)
        (folder / "main.typ").write_text(_BY_HAND + body)
        (folder / "logo.svg").write_bytes(logo(of))
        (folder / "qr.svg").write_text(code.to_svg())
        self._compiler = typst.Compiler(
            str(folder / "main.typ"),
            root=str(folder),
            font_paths=typst.Fonts(include_system_fonts=False, font_paths=list(font_folders())),
            ignore_system_fonts=True,
        )

    def typeset(self, of: Data) -> Any:
        return self._compiler.compile(
            format="pdf",
            sys_inputs={"data": json.dumps(of)},
            pdf_standards=STANDARDS,
            timestamp=_MOMENT,
        )
