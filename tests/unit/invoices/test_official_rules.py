"""Generated invoices conform to the official schemas and Schematron rules."""

import random
import resource
import zlib
from decimal import Decimal
from time import process_time
from typing import Any

import pytest

from craftkit.invoices.models import PROFILES, ElectronicInvoice, InvoiceOptions
from craftkit.invoices.official import path_of
from craftkit.invoices.service import create_invoice
from invoice_rules.reading import UnreadableInvoiceError, read_invoice
from invoice_rules.validation import Failure, validate
from tests.unit.invoices.cases import MAPPING, invoice_data

FORMATS: list[dict[str, Any]] = [
    *({"profile": profile} for profile in PROFILES),
    {"standard": "xrechnung", "syntax": "cii"},
    {"standard": "xrechnung", "syntax": "ubl"},
    {"standard": "peppol-bis-3"},
]
CATEGORIES = {
    "S": ["19", "7", "5.5"],
    "Z": ["0"],
    "E": ["0"],
    "AE": ["0"],
    "K": ["0"],
    "G": ["0"],
    "O": [None],
    "L": ["7"],
    "M": ["10"],
}
ABROAD = {"vat": "FR83404833048", "country": "FR"}


def made(data: dict[str, Any], **options: Any) -> ElectronicInvoice:
    return create_invoice(MAPPING, data, InvoiceOptions(**options))


def failures_of(invoice: ElectronicInvoice) -> tuple[Failure, ...]:
    return validate(read_invoice(invoice.xml)).failures


def money(dice: random.Random, most: int) -> str:
    return str(Decimal(dice.randrange(1, most * 100)) / 100)


def generated(seed: int) -> dict[str, Any]:
    """Data with one or two VAT categories that can be combined, and all optional fields."""
    dice = random.Random(seed)
    alone = dice.choice(["AE", "K", "G", "O"])
    kinds = [alone] if dice.random() < 0.4 else dice.sample(["S", "Z", "E", "L", "M"], 2)
    if "L" in kinds and "M" in kinds:
        kinds = ["S", "E"]

    def category() -> tuple[str, str | None]:
        kind = dice.choice(kinds)
        return kind, dice.choice(CATEGORIES[kind])

    def line(number: int) -> dict[str, Any]:
        kind, rate = category()
        made: dict[str, Any] = {
            "name": f"Item {number} <&> “ü”",
            "quantity": dice.choice(["1", "3", "0.25", "12.5", "8"]),
            "price": str(Decimal(dice.randrange(0, 999999)) / 1000),
            "rate": rate,
            "category": kind,
            "unit": dice.choice([None, "h", "kg", "pcs", "C62"]),
        }
        if dice.random() < 0.3:
            made |= {"per": dice.choice(["10", "100"]), "sku": f"A{number}", "origin": "DE"}
        if dice.random() < 0.3:
            made |= {"from": "2026-11-01", "to": "2026-11-30", "description": "Two\nlines"}
        if dice.random() < 0.3:
            made["allowances"] = [{"amount": money(dice, 5), "reason": "Less"}]
        if dice.random() < 0.3:
            made["charges"] = [{"amount": money(dice, 5), "reason": "More"}]
        return made

    data = invoice_data(
        lines=[line(number) for number in range(dice.randrange(1, 12))],
        type=dice.choice([None, "380", "381", "384"]),
        currency=dice.choice(["EUR", "CHF", "SEK"]),
        delivery={"date": "2026-11-20", "country": "FR", "city": "Paris", "postcode": "75004"},
        vat={"exemption": "Exempt by § 4 UStG"},
    )
    if kinds == ["O"]:
        data["seller"] = data["seller"] | {"vat": None, "legal": "HRB 1"}
    elif not {"S", "Z", "E", "L", "M"} & set(kinds):
        data["buyer"] = data["buyer"] | ABROAD
    for group in ("allowances", "charges"):
        if dice.random() < 0.4:
            kind, rate = category()
            data[group] = [
                {"amount": money(dice, 20), "reason": "Why", "category": kind, "rate": rate}
            ]
    if dice.random() < 0.3:
        data["corrects"] = [{"number": "2026-001", "date": "2026-10-01"}]
    if dice.random() < 0.3:
        data["totals"] = {"paid": "1.00"}
    if dice.random() < 0.2:
        data["vat"] |= {"currency": "DKK", "inCurrency": "100.00"}
    return data


@pytest.mark.parametrize("block", range(10))
def test_500_generated_invoices_break_no_rule(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        options = FORMATS[seed % len(FORMATS)]
        invoice = made(generated(seed), **options)
        failures = failures_of(invoice)
        assert not failures, (seed, options, failures)


@pytest.mark.parametrize(
    ("element", "rule", "path"),
    [
        ("<ram:CategoryCode>S<", "BR-S-08", "lines.0.category"),
        ("<ram:CountryID>DE<", "BR-CL-14", "seller.country"),
        ("<ram:InvoiceCurrencyCode>EUR<", "BR-CL-04", "currency"),
        ("<ram:TypeCode>380<", "BR-CL-01", "type"),
    ],
)
def test_a_violation_of_an_official_rule_has_the_data_path(
    element: str, rule: str, path: str
) -> None:
    invoice = made(invoice_data())
    wrong = element[: element.index(">") + 1] + "XX" + "<"
    xml = invoice.xml.decode().replace(element, wrong, 1).encode()
    failures = validate(read_invoice(xml)).failures
    assert failures
    assert path in {path_of(invoice, each.path, each.message) for each in failures}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"{}", "cannot be read"),
        (b"<a><b></a>", "line 1 is not well-formed"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', "DOCTYPE"),
        (
            b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
            b"<a>&b;&b;&b;</a>",
            "DOCTYPE",
        ),
        (b"<a>" * 70 + b"</a>" * 70, "levels deep"),
        (b"<a>" + b" " * (4 * 1024 * 1024) + b"</a>", "larger than 4 MiB"),
        (b"%PDF-1.7\nnothing", "PDF cannot be read"),
    ],
)
def test_a_hostile_or_damaged_file_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableInvoiceError, match=words):
        read_invoice(content)


def test_a_pdf_that_unpacks_to_gigabytes_is_refused_in_a_process_of_its_own() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableInvoiceError, match="PDF cannot be read"):
        read_invoice(unpacking_pdf(2048))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def unpacking_pdf(size_mib: int) -> bytes:
    """A PDF whose cross-reference stream unpacks to `size_mib` MiB of zeros."""
    packer = zlib.compressobj(9)
    zeros = b"\0" * 1024 * 1024
    packed = b"".join(packer.compress(zeros) for _ in range(size_mib)) + packer.flush()
    head = b"%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    head += b"2 0 obj\n<</Type/Pages/Count 0/Kids[]>>\nendobj\n"
    entries = size_mib * 1024 * 1024 // 7
    table = (
        b"3 0 obj\n<</Type/XRef/Size 4/Root 1 0 R/W[1 4 2]/Index[0 %d]/Filter/FlateDecode" % entries
    )
    table += b"/Length %d>>\nstream\n" % len(packed) + packed + b"\nendstream\nendobj\n"
    return head + table + b"startxref\n%d\n%%%%EOF" % len(head)


@pytest.mark.parametrize("prefix", ["rsm:", ""])
def test_the_path_of_a_broken_schema_has_local_names_whatever_the_files_prefixes(
    prefix: str,
) -> None:
    namespace = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
    declared = f'xmlns{":rsm" if prefix else ""}="{namespace}"'
    root = f"{prefix}CrossIndustryInvoice"
    xml = f"<{root} {declared}><{prefix}Unknown/></{root}>"
    [failure] = validate(read_invoice(xml.encode())).failures
    assert (failure.rule, failure.path) == ("XSD", "/CrossIndustryInvoice[1]/Unknown[1]")


def test_an_invoice_with_many_broken_elements_is_checked_in_little_time() -> None:
    namespace = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
    basic = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
    notes = '<b:IssueDate unknown="1">x</b:IssueDate>' * 90_000
    begun = process_time()
    verdict = validate(
        read_invoice(f'<Invoice xmlns="{namespace}" xmlns:b="{basic}">{notes}</Invoice>'.encode())
    )
    assert 0 < len(verdict.failures) <= 100
    assert process_time() - begun < 10


def test_a_document_that_is_no_invoice_is_not_valid() -> None:
    verdict = validate(read_invoice(b"<html/>"))
    assert (verdict.standard, [failure.rule for failure in verdict.failures]) == (None, ["XSD"])
