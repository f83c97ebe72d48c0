"""Number and totals of an invoice in XML, of either syntax."""

from dataclasses import dataclass
from typing import Any

_TEXT_LIMIT = 200

_CII = "//*[local-name()='SpecifiedTradeSettlementHeaderMonetarySummation']/*[local-name()='{}']"
_PATHS: dict[str, tuple[str, str]] = {
    # Field: its XPath in CII, and in UBL.
    "number": (
        "/*/*[local-name()='ExchangedDocument']/*[local-name()='ID']",
        "/*/*[local-name()='ID']",
    ),
    "currency": (
        "//*[local-name()='InvoiceCurrencyCode']",
        "/*/*[local-name()='DocumentCurrencyCode']",
    ),
    "net_total": (
        _CII.format("TaxBasisTotalAmount"),
        "//*[local-name()='LegalMonetaryTotal']/*[local-name()='TaxExclusiveAmount']",
    ),
    "vat_total": (
        _CII.format("TaxTotalAmount"),
        "/*/*[local-name()='TaxTotal']/*[local-name()='TaxAmount']",
    ),
    "grand_total": (
        _CII.format("GrandTotalAmount"),
        "//*[local-name()='LegalMonetaryTotal']/*[local-name()='TaxInclusiveAmount']",
    ),
    "due_total": (
        _CII.format("DuePayableAmount"),
        "//*[local-name()='LegalMonetaryTotal']/*[local-name()='PayableAmount']",
    ),
}


@dataclass(frozen=True)
class Summary:
    """What an invoice says. Amounts are text, as they are written; None where there is none."""

    number: str | None
    currency: str | None
    net_total: str | None
    vat_total: str | None
    grand_total: str | None
    due_total: str | None


def summary_of(root: Any) -> Summary:
    """The number and totals below the root that `read_invoice` returned."""
    return Summary(**{field: _first(root, paths) for field, paths in _PATHS.items()})


def _first(root: Any, paths: tuple[str, str]) -> str | None:
    for path in paths:
        for element in root.getroottree().xpath(path):
            text = (element.text or "").strip()
            if text:
                return str(text[:_TEXT_LIMIT])
    return None
