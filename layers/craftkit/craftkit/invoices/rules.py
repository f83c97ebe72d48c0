"""The rules of EN 16931 that are checked before an invoice is written, in words of the data.

They are those that data most often breaks. The official Schematron checks all of them.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from craftkit.invoices.calculation import VAT_RULES
from craftkit.invoices.models import Faults, Profile, Standard, Terms
from craftkit.invoices.terms import TERMS

_REQUIRED = (
    ("BR-02", "BT-1"),
    ("BR-03", "BT-2"),
    ("BR-04", "BT-3"),
    ("BR-05", "BT-5"),
    ("BR-06", "BT-27"),
    ("BR-07", "BT-44"),
    ("BR-09", "BT-40"),
)
_REQUIRED_OF_LINES = (
    ("BR-22", "BT-129"),
    ("BR-25", "BT-153"),
    ("BR-26", "BT-146"),
    ("BR-CO-04", "BT-151"),
)
_REQUIRED_OF_TOTALS = (
    ("BR-13", "BT-109"),
    ("BR-14", "BT-112"),
    ("BR-15", "BT-115"),
)
_XRECHNUNG = (
    ("BR-DE-15", "BT-10"),
    ("BR-DE-3", "BT-37"),
    ("BR-DE-4", "BT-38"),
    ("BR-DE-5", "BT-41"),
    ("BR-DE-6", "BT-42"),
    ("BR-DE-7", "BT-43"),
    ("BR-DE-8", "BT-52"),
    ("BR-DE-9", "BT-53"),
    ("BR-DE-1", "BT-81"),
    ("PEPPOL-EN16931-R020", "BT-34"),
    ("PEPPOL-EN16931-R010", "BT-49"),
)
_DELIVERY_ADDRESS = ("BT-75", "BT-76", "BT-77", "BT-78", "BT-79", "BT-80", "BT-165")
_PEPPOL = (("PEPPOL-EN16931-R020", "BT-34"), ("PEPPOL-EN16931-R010", "BT-49"))

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_UNIT = re.compile(r"[A-Z0-9]{2,3}")
_COUNTRIES = ("BT-40", "BT-55", "BT-69", "BT-80", "BT-159")
_MUST_BE_ZERO = {"Z", "E", "AE", "K", "G"}
_NEEDS_SELLER = {"S", "Z", "E", "AE", "L", "M"}


def check(invoice: Terms, mapping: Mapping[str, str], faults: Faults, *, profile: Profile,
          standard: Standard) -> None:  # fmt: skip
    """Add a fault for each broken rule, at the field of the data that is to be corrected."""
    require = _Requirement(mapping, faults)
    for rule, number in _REQUIRED:
        require(invoice, rule, number)
    if profile != "minimum":
        require(invoice, "BR-11", "BT-55")
    if profile not in ("minimum", "basicwl") and not invoice.each("BG-25"):
        faults.add(mapping.get("BG-25", ""), "BR-16", "An invoice must have at least one line")
    for line in invoice.each("BG-25"):
        for rule, number in _REQUIRED_OF_LINES:
            require(line, rule, number)
        _check_line(line, faults)
    for rule, number in _REQUIRED_OF_TOTALS:
        if (invoice.each("BG-25") and not faults.issues) or not mapping.get("BG-25"):
            require(invoice, rule, number)
    if not any(invoice.text(number) for number in ("BT-29", "BT-30", "BT-31")):
        paths = [invoice.paths.get(number) for number in ("BT-31", "BT-30", "BT-29")]
        path = next(filter(None, paths), "")
        faults.add(path, "BR-CO-26", f"Give {TERMS['BT-31']}, BT-30 or BT-29 of the seller")
    _check_codes(invoice, faults)
    _check_vat(invoice, require)
    due = invoice.amount("BT-115") or Decimal(0)
    if profile != "minimum" and due > 0 and not invoice.text("BT-9") and not invoice.text("BT-20"):
        require(invoice, "BR-CO-25", "BT-9", " or BT-20 Payment terms")
    if invoice.text("BT-81") in ("30", "58") and profile != "minimum":
        require(invoice, "BR-61", "BT-84")
    for rule, number in _XRECHNUNG if standard == "xrechnung" else ():
        require(invoice, rule, number)
    if standard == "xrechnung" and any(map(invoice.text, _DELIVERY_ADDRESS)):
        require(invoice, "BR-DE-10", "BT-77")
        require(invoice, "BR-DE-11", "BT-78")
    for rule, number in _PEPPOL if standard == "peppol-bis-3" else ():
        require(invoice, rule, number)
    if standard == "peppol-bis-3" and not invoice.text("BT-10"):
        require(invoice, "PEPPOL-EN16931-R003", "BT-13", " or BT-10 Buyer reference")


class _Requirement:
    def __init__(self, mapping: Mapping[str, str], faults: Faults) -> None:
        self._mapping, self._faults = mapping, faults

    def __call__(self, terms: Terms, rule: str, number: str, alternative: str = "") -> None:
        if terms.values.get(number) not in (None, ""):
            return
        term = TERMS[number]
        if number in self._mapping:
            message = f"Give {term}{alternative}: this invoice needs it"
        else:
            message = (
                f"{term}{alternative} is missing, and the template's invoice mapping has no field "
                "for it"
            )
        self._faults.add(terms.paths.get(number) or terms.path, rule, message)

    def refuse(self, terms: Terms, rule: str, number: str, words: str) -> None:
        path = terms.paths.get(number) or terms.path
        self._faults.add(path, rule, f"{TERMS[number]} {words}")


def _check_line(line: Terms, faults: Faults) -> None:
    def path(number: str) -> str:
        return line.paths.get(number) or line.path

    price, gross = line.amount("BT-146"), line.amount("BT-148")
    if price is not None and price < 0:
        faults.add(path("BT-146"), "BR-27", f"{TERMS['BT-146']} must not be negative: "
                   "make the quantity negative")  # fmt: skip
    if gross is not None and gross < 0:
        faults.add(path("BT-148"), "BR-28", f"{TERMS['BT-148']} must not be negative")
    if not _UNIT.fullmatch(line.text("BT-130")):
        faults.add(path("BT-130"), "BR-CL-23", "The unit must be a code of UN/ECE Recommendation "
                   "20, such as C62, HUR or KGM")  # fmt: skip
    category, rate = line.text("BT-151"), line.amount("BT-152")
    if not category:
        return
    if category not in VAT_RULES:
        known = ", ".join(VAT_RULES)
        faults.add(path("BT-151"), "BR-CL-17", f"{TERMS['BT-151']} must be one of {known}")
        return
    prefix = VAT_RULES[category]
    if category == "O":
        if rate is not None:
            faults.add(path("BT-152"), "BR-O-05", "A line that is not subject to VAT must have "
                       "no VAT rate")  # fmt: skip
    elif rate is None:
        faults.add(path("BT-152"), f"{prefix}-05", f"Give {TERMS['BT-152']}")
    elif category == "S" and rate <= 0:
        faults.add(path("BT-152"), "BR-S-05", "The VAT rate of the category S must be above 0: "
                   "give BT-151 as Z, E, AE, K, G or O")  # fmt: skip
    elif category in _MUST_BE_ZERO and rate != 0:
        faults.add(path("BT-152"), f"{prefix}-05", f"The VAT rate of the category {category} "
                   "must be 0")  # fmt: skip


def _check_codes(invoice: Terms, faults: Faults) -> None:
    for terms in invoice.everywhere():
        for number in _COUNTRIES:
            text = terms.text(number)
            if text and not _COUNTRY.fullmatch(text):
                faults.add(terms.paths.get(number, terms.path), "BR-CL-14", f"{TERMS[number]} "
                           "must be a code of ISO 3166-1 such as DE")  # fmt: skip
    for number in ("BT-5", "BT-6"):
        text = invoice.text(number)
        if text and not _CURRENCY.fullmatch(text):
            faults.add(invoice.paths.get(number, ""), "BR-CL-04", f"{TERMS[number]} must be a "
                       "code of ISO 4217 such as EUR")  # fmt: skip
    start, end = invoice.text("BT-73"), invoice.text("BT-74")
    if start and end and end < start:
        faults.add(invoice.paths.get("BT-74", ""), "BR-29", "The invoicing period must not end "
                   "before it starts")  # fmt: skip
    if invoice.text("BT-6") == invoice.text("BT-5"):
        invoice.values.pop("BT-6", None)  # BR-53 is about two currencies
    if invoice.text("BT-6") and invoice.amount("BT-111") is None:
        faults.add(invoice.paths.get("BT-111", ""), "BR-53", f"Give {TERMS['BT-111']}")
    for number in ("BT-31", "BT-48", "BT-63"):
        text = invoice.text(number)
        if text and not re.match(r"[A-Z]{2}|EL", text):
            faults.add(invoice.paths.get(number, ""), "BR-CO-09", f"{TERMS[number]} must start "
                       "with a country code, such as DE123456789")  # fmt: skip


def _check_vat(invoice: Terms, require: _Requirement) -> None:
    for entry in invoice.each("BG-23"):
        category = entry.text("BT-118")
        prefix = VAT_RULES.get(category, "BR-S")
        has_seller = any(invoice.text(number) for number in ("BT-31", "BT-32", "BT-63"))
        if category in _NEEDS_SELLER and not has_seller:
            require(invoice, f"{prefix}-02", "BT-31")
        if category in ("K", "G") and not invoice.text("BT-63"):
            require(invoice, f"{prefix}-02", "BT-31")
        if category == "K":
            require(invoice, "BR-IC-02", "BT-48")
            if not invoice.text("BT-73"):
                require(invoice, "BR-IC-11", "BT-72")
            require(invoice, "BR-IC-12", "BT-80")
        if category == "AE" and not invoice.text("BT-47"):
            require(invoice, "BR-AE-02", "BT-48")
        for number in ("BT-31", "BT-48", "BT-63") if category == "O" else ():
            if invoice.text(number):
                require.refuse(invoice, "BR-O-02", number, "must be absent: the invoice is not "
                               "subject to VAT")  # fmt: skip
        if category == "E" and not entry.text("BT-121"):
            require(entry, "BR-E-10", "BT-120")
