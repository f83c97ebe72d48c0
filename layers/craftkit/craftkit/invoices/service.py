"""The use case: a template's data in, an electronic invoice out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from craftkit.errors import InvalidInvoiceError
from craftkit.invoices import cii, ubl
from craftkit.invoices.calculation import complete
from craftkit.invoices.layout import Writer
from craftkit.invoices.mapping import read_terms
from craftkit.invoices.models import (
    ElectronicInvoice,
    Faults,
    InvoiceMapping,
    InvoiceOptions,
    Profile,
    Standard,
    Syntax,
    Terms,
)
from craftkit.invoices.rules import check

_SPECIFICATIONS: dict[Profile | Standard, str] = {
    "minimum": "urn:factur-x.eu:1p0:minimum",
    "basicwl": "urn:factur-x.eu:1p0:basicwl",
    "basic": "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic",
    "en16931": "urn:cen.eu:en16931:2017",
    "extended": "urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended",
    "xrechnung": "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0",
    "peppol-bis-3": "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
}
_PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def create_invoice(
    mapping: InvoiceMapping, data: Mapping[str, Any], options: InvoiceOptions
) -> ElectronicInvoice:
    """The invoice of validated data.

    Raises:
        InvalidInvoiceError: the data makes none; issues by data path, each with its rule.
    """
    faults = Faults()
    profile = options.profile or mapping.profile
    if options.standard != "factur-x":
        profile = "en16931"
    terms = read_terms(mapping, data, faults)
    _add_defaults(terms, options.standard, profile)
    complete(terms, faults, has_lines="BG-25" in mapping.map)
    if options.standard == "xrechnung":
        for entry in terms.each("BG-23"):
            entry.values.setdefault("BT-119", Decimal(0))  # BR-DE-14
    check(terms, mapping.map, faults, profile=profile, standard=options.standard)
    if faults.issues:
        raise InvalidInvoiceError(issues=faults.issues)
    syntax = _syntax_of(options)
    writer = Writer(profile)
    root, namespaces = cii.ROOT, cii.NAMESPACES
    if syntax == "ubl":
        ubl.prepare(terms)
        root, namespaces = ubl.document_of(terms)
    xml = writer.write(root, namespaces, terms)
    return ElectronicInvoice(xml, options.standard, syntax, profile, writer.places, writer.scopes)


def _syntax_of(options: InvoiceOptions) -> Syntax:
    """CII for Factur-X; UBL for Peppol, which takes nothing else, and for XRechnung by default."""
    if options.syntax:
        return options.syntax
    return "cii" if options.standard == "factur-x" else "ubl"


def _add_defaults(terms: Terms, standard: Standard, profile: Profile) -> None:
    values = terms.values
    of_standard = standard if standard != "factur-x" else profile
    values["BT-24"] = _SPECIFICATIONS[of_standard]
    if standard != "factur-x":
        values.setdefault("BT-23", _PROCESS)
    values.setdefault("BT-3", "380")
    account = terms.text("BT-84")
    if account:
        values.setdefault("BT-81", "58" if terms.text("BT-5") == "EUR" else "30")
        if account[:2].isalpha():
            values["IBAN"] = "1"
        values.setdefault("BT-83", terms.text("BT-1"))
    for line in terms.each("BG-25"):
        rate = line.amount("BT-152")
        if rate is not None and rate > 0:
            line.values.setdefault("BT-151", "S")
    for group, category, rate_term in (("BG-20", "BT-95", "BT-96"), ("BG-21", "BT-102", "BT-103")):
        for entry in terms.each(group):
            rate = entry.amount(rate_term)
            if rate is not None and rate > 0:
                entry.values.setdefault(category, "S")
