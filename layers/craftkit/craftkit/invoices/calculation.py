"""The arithmetic of EN 16931: what the data leaves out is calculated, what it says is checked.

Rounding is half up to two decimal places, once for each line, allowance and VAT category, as in
EN 16931-1, 6.5.2 and the rules BR-CO-10 to BR-CO-17.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from craftkit.invoices.models import Faults, Terms
from craftkit.invoices.terms import TERMS

_CENT = Decimal("0.01")
_ZERO = Decimal(0)
_LINE_SLACK = Decimal("0.02")
"""What a line's own rounding may differ by: PEPPOL-EN16931-R120 has the same."""

VAT_RULES = {
    "S": "BR-S",
    "Z": "BR-Z",
    "E": "BR-E",
    "AE": "BR-AE",
    "K": "BR-IC",
    "G": "BR-G",
    "O": "BR-O",
    "L": "BR-AF",
    "M": "BR-AG",
}
"""VAT category codes of UNCL 5305 that EN 16931 allows, and the prefix of their rules."""

_REASONS = {
    "AE": ("VATEX-EU-AE", "Reverse charge"),
    "K": ("VATEX-EU-IC", "Intra-community supply"),
    "G": ("VATEX-EU-G", "Export outside the EU"),
    "O": ("VATEX-EU-O", "Not subject to VAT"),
}
"""The only reason that a category can have. An exemption (E) needs one of the caller's."""

_RATED = {"S", "L", "M"}


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class _Part:
    """What is taxed: a line, an allowance or a charge of the document."""

    terms: Terms
    amount: Decimal
    category: str
    rate: str

    @property
    def key(self) -> tuple[str, Decimal | None]:
        """The VAT category; its rate where the category has rates."""
        category = self.terms.text(self.category)
        return category, None if category == "O" else self.terms.amount(self.rate) or _ZERO


def complete(invoice: Terms, faults: Faults, *, has_lines: bool) -> None:
    """Add what is calculated, and a fault for each value that differs from its calculation."""
    for index, line in enumerate(invoice.each("BG-25"), 1):
        _complete_line(line, index, faults)
    if not has_lines and not invoice.each("BG-25"):
        _complete_totals(invoice, faults)
        return
    _complete_allowances(invoice, faults)
    lines = _sum(line.amount("BT-131") for line in invoice.each("BG-25"))
    _settle(invoice, "BT-106", lines, "BR-CO-10", faults)
    if invoice.each("BG-20"):
        _settle(invoice, "BT-107", _sum_of(invoice, "BG-20", "BT-92"), "BR-CO-11", faults)
    if invoice.each("BG-21"):
        _settle(invoice, "BT-108", _sum_of(invoice, "BG-21", "BT-99"), "BR-CO-12", faults)
    net = lines - (invoice.amount("BT-107") or _ZERO) + (invoice.amount("BT-108") or _ZERO)
    _settle(invoice, "BT-109", net, "BR-CO-13", faults)
    if not _complete_breakdown(invoice, faults):
        return
    _settle(invoice, "BT-110", _sum_of(invoice, "BG-23", "BT-117"), "BR-CO-14", faults)
    _complete_totals(invoice, faults)


def _complete_totals(invoice: Terms, faults: Faults) -> None:
    net, vat = invoice.amount("BT-109"), invoice.amount("BT-110")
    if net is not None:
        _settle(invoice, "BT-112", net + (vat or _ZERO), "BR-CO-15", faults)
    total = invoice.amount("BT-112")
    if total is not None:
        paid, rounding = invoice.amount("BT-113"), invoice.amount("BT-114")
        due = total - (paid or _ZERO) + (rounding or _ZERO)
        _settle(invoice, "BT-115", due, "BR-CO-16", faults)


def _complete_line(line: Terms, index: int, faults: Faults) -> None:
    line.values.setdefault("BT-126", str(index))
    line.values.setdefault("BT-130", "C62")
    gross, discount = line.amount("BT-148"), line.amount("BT-147")
    if gross is not None:
        line.values.setdefault("BT-146", gross - (discount or _ZERO))
    quantity, price = line.amount("BT-129"), line.amount("BT-146")
    base = line.amount("BT-149") or Decimal(1)
    _percentages(line, "BG-27", "BT-136", "BT-137", "BT-138", quantity, price, base)
    _percentages(line, "BG-28", "BT-141", "BT-142", "BT-143", quantity, price, base)
    if quantity is None or price is None:
        return  # `rules` reports what is missing
    net = (
        rounded(quantity * price / base)
        - _sum_of(line, "BG-27", "BT-136")
        + _sum_of(line, "BG-28", "BT-141")
    )
    given = line.amount("BT-131")
    if given is None or abs(given - net) > _LINE_SLACK:
        _settle(line, "BT-131", net, "PEPPOL-EN16931-R120", faults)


def _percentages(line: Terms, group: str, amount: str, base: str, percent: str,
                 quantity: Decimal | None, price: Decimal | None,
                 price_base: Decimal) -> None:  # fmt: skip
    for entry in line.each(group):
        rate = entry.amount(percent)
        if rate is not None and amount not in entry.values:
            whole = entry.amount(base)
            if whole is None and quantity is not None and price is not None:
                whole = rounded(quantity * price / price_base)
                entry.values[base] = whole
            entry.values[amount] = rounded((whole or _ZERO) * rate / 100)


def _complete_allowances(invoice: Terms, faults: Faults) -> None:
    lines = _sum(line.amount("BT-131") for line in invoice.each("BG-25"))
    only = _only_category(invoice)
    for group, amount, base, percent, category, rate in (
        ("BG-20", "BT-92", "BT-93", "BT-94", "BT-95", "BT-96"),
        ("BG-21", "BT-99", "BT-100", "BT-101", "BT-102", "BT-103"),
    ):
        for entry in invoice.each(group):
            part = entry.amount(percent)
            if part is not None and amount not in entry.values:
                whole = entry.values.setdefault(base, lines)
                entry.values[amount] = rounded(Decimal(whole) * part / 100)
            if only and category not in entry.values:
                entry.values[category] = only[0]
                if only[1] is not None:
                    entry.values.setdefault(rate, only[1])
            if category not in entry.values:
                rule = "BR-32" if group == "BG-20" else "BR-37"
                faults.add(
                    entry.paths.get(category) or entry.paths.get(amount, entry.path),
                    rule,
                    f"Give {TERMS[category]}: the lines have several VAT categories or rates",
                )
    for entry in (*invoice.each("BG-20"), *(line for line in invoice.each("BG-25"))):
        _default_reasons(entry)
    for entry in invoice.each("BG-21"):
        if not entry.text("BT-104") and not entry.text("BT-105"):
            entry.values["BT-104"] = "Charge"


def _default_reasons(entry: Terms) -> None:
    """BR-33 and BR-42: an allowance has a reason, as a text or a code."""
    if "BT-92" in entry.values and not entry.text("BT-97") and not entry.text("BT-98"):
        entry.values["BT-97"] = "Discount"
    for allowance in entry.each("BG-27"):
        if not allowance.text("BT-139") and not allowance.text("BT-140"):
            allowance.values["BT-139"] = "Discount"
    for charge in entry.each("BG-28"):
        if not charge.text("BT-144") and not charge.text("BT-145"):
            charge.values["BT-144"] = "Charge"


def _only_category(invoice: Terms) -> tuple[str, Decimal | None] | None:
    keys = {
        _Part(line, _ZERO, "BT-151", "BT-152").key
        for line in invoice.each("BG-25")
        if line.text("BT-151")
    }
    return keys.pop() if len(keys) == 1 else None


def _parts(invoice: Terms) -> Iterator[_Part]:
    for line in invoice.each("BG-25"):
        yield _Part(line, line.amount("BT-131") or _ZERO, "BT-151", "BT-152")
    for entry in invoice.each("BG-20"):
        yield _Part(entry, -(entry.amount("BT-92") or _ZERO), "BT-95", "BT-96")
    for entry in invoice.each("BG-21"):
        yield _Part(entry, entry.amount("BT-99") or _ZERO, "BT-102", "BT-103")


def _complete_breakdown(invoice: Terms, faults: Faults) -> bool:
    """The VAT breakdown (BG-23). False where a category is missing, which `rules` reports."""
    sums: dict[tuple[str, Decimal | None], Decimal] = {}
    for part in _parts(invoice):
        if part.key[0] not in VAT_RULES:
            return False
        sums[part.key] = sums.get(part.key, _ZERO) + part.amount
    whole = _unkeyed(invoice)
    given = {_breakdown_key(entry): entry for entry in invoice.each("BG-23") if entry is not whole}
    if whole and len(sums) == 1:
        given = {next(iter(sums)): whole}
    for key, entry in given.items():
        if key not in sums:
            rule = f"{VAT_RULES.get(key[0], 'BR-S')}-01"
            message = "No line, allowance or charge has this VAT category and rate"
            faults.add(entry.path or next(iter(entry.paths.values()), ""), rule, message)
    entries = []
    for key, taxable in sorted(sums.items(), key=lambda pair: (pair[0][0], pair[0][1] or _ZERO)):
        entry = given.get(key) or Terms()
        category, rate = key
        prefix = VAT_RULES[category]
        entry.values["BT-118"] = category
        if rate is not None:
            entry.values["BT-119"] = rate
        _settle(entry, "BT-116", taxable, f"{prefix}-08", faults)
        tax = rounded(taxable * (rate or _ZERO) / 100) if category in _RATED else _ZERO
        _settle(entry, "BT-117", tax, f"{prefix}-09", faults)
        if category in _REASONS and not entry.text("BT-120") and not entry.text("BT-121"):
            entry.values["BT-121"], entry.values["BT-120"] = _REASONS[category]
        for number in ("BT-120", "BT-121"):
            if category == "E" and whole:
                entry.paths.setdefault(number, whole.paths.get(number, ""))
                if number in whole.values:
                    entry.values.setdefault(number, whole.values[number])
            elif category != "E" and entry is whole and category not in _REASONS:
                entry.values.pop(number, None)  # a default for exemptions
        if "BT-7" in invoice.values:
            entry.values["BT-7"] = invoice.values["BT-7"]
        entries.append(entry)
    invoice.groups["BG-23"] = entries
    return True


def _unkeyed(invoice: Terms) -> Terms | None:
    """A breakdown of plain fields: it says nothing of the category, as there is only one."""
    entries = invoice.each("BG-23")
    is_plain = len(entries) == 1 and not entries[0].path
    return entries[0] if is_plain and not entries[0].text("BT-118") else None


def _breakdown_key(entry: Terms) -> tuple[str, Decimal | None]:
    category = entry.text("BT-118")
    if not category and entry.amount("BT-119"):
        category = "S"
    return category, None if category == "O" else entry.amount("BT-119") or _ZERO


def _settle(terms: Terms, number: str, calculated: Decimal, rule: str, faults: Faults) -> None:
    """Take the calculated value; a value of the data must be the same."""
    calculated = rounded(calculated)
    given = terms.amount(number)
    if given is not None and given != calculated:
        faults.add(
            terms.paths.get(number, terms.path),
            rule,
            f"{TERMS[number]} must be {calculated:f} by the values it is calculated from, "
            "but is another value",
        )
    terms.values[number] = calculated


def _sum(amounts: Iterator[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), _ZERO)


def _sum_of(terms: Terms, group: str, number: str) -> Decimal:
    return _sum(entry.amount(number) for entry in terms.each(group))
