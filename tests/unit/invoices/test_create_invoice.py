"""Electronic invoices from data: calculation, and errors with their paths."""

import re
from typing import Any

import pytest

from craftkit.errors import InvalidInvoiceError
from craftkit.invoices.models import InvoiceMapping, InvoiceOptions
from craftkit.invoices.service import create_invoice
from tests.unit.invoices.cases import MAPPING, invoice_data


def xml_of(data: dict[str, Any], **options: Any) -> str:
    return create_invoice(MAPPING, data, InvoiceOptions(**options)).xml.decode()


def faults_of(data: dict[str, Any], mapping: InvoiceMapping = MAPPING) -> dict[str, list[str]]:
    with pytest.raises(InvalidInvoiceError) as caught:
        create_invoice(mapping, data, InvoiceOptions())
    assert caught.value.issues is not None
    return caught.value.issues.field_errors


def amount(xml: str, name: str) -> list[str]:
    return re.findall(rf"<ram:{name}[^>]*>([^<]+)<", xml)


def test_totals_are_calculated_from_the_lines() -> None:
    xml = xml_of(invoice_data())
    assert amount(xml, "LineTotalAmount") == ["69.00", "60.00", "129.00"]
    assert amount(xml, "BasisAmount") == ["60.00", "69.00"]
    assert amount(xml, "CalculatedAmount") == ["4.20", "13.11"]
    assert amount(xml, "GrandTotalAmount") == ["146.31"]
    assert amount(xml, "DuePayableAmount") == ["146.31"]


def test_half_a_cent_is_rounded_up_once_for_each_line_and_category() -> None:
    lines = [{"name": "A", "quantity": "1", "price": "0.105", "rate": "19"} for _ in range(3)]
    xml = xml_of(invoice_data(lines=lines))
    assert amount(xml, "LineTotalAmount") == ["0.11", "0.11", "0.11", "0.33"]
    assert amount(xml, "CalculatedAmount") == ["0.06"]


def test_allowances_charges_and_what_was_paid_change_the_totals() -> None:
    xml = xml_of(
        invoice_data(
            lines=[{"name": "A", "quantity": "10", "price": "10", "rate": "19"}],
            allowances=[{"percent": "10", "reason": "Rabatt"}],
            charges=[{"amount": "5.00", "reason": "Fracht"}],
            totals={"paid": "50.00"},
        )
    )
    assert amount(xml, "AllowanceTotalAmount") == ["10.00"]
    assert amount(xml, "ChargeTotalAmount") == ["5.00"]
    assert amount(xml, "TaxBasisTotalAmount") == ["95.00"]
    assert amount(xml, "TaxTotalAmount") == ["18.05"]
    assert amount(xml, "DuePayableAmount") == ["63.05"]


def test_a_line_has_its_own_allowances_and_a_price_for_more_than_one() -> None:
    line = {
        "name": "A",
        "quantity": "250",
        "price": "12",
        "per": "100",
        "rate": "19",
        "allowances": [{"percent": "50", "reason": "Sale"}],
        "charges": [{"amount": "1.00", "reason": "Box"}],
    }
    assert amount(xml_of(invoice_data(lines=[line])), "LineTotalAmount") == ["16.00", "16.00"]


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        ({"number": None}, "number", "BR-02"),
        ({"date": None}, "date", "BR-03"),
        ({"currency": None}, "currency", "BR-05"),
        ({"currency": "EURO"}, "currency", "BR-CL-04"),
        ({"due": None}, "due", "BR-CO-25"),
        ({"lines": []}, "lines", "BR-16"),
        ({"totals": {"lines": "128.99"}}, "totals.lines", "BR-CO-10"),
        ({"totals": {"net": "129.01"}}, "totals.net", "BR-CO-13"),
        ({"totals": {"vat": "17.30"}}, "totals.vat", "BR-CO-14"),
        ({"totals": {"gross": "150"}}, "totals.gross", "BR-CO-15"),
        ({"totals": {"due": "0.00"}}, "totals.due", "BR-CO-16"),
        ({"totals": {"gross": "146.312"}}, "totals.gross", "BR-DEC"),
        ({"vat": {"currency": "SEK"}}, "vat.inCurrency", "BR-53"),
    ],
)
def test_an_error_of_the_document_has_its_path_and_rule(
    changes: dict[str, Any], path: str, rule: str
) -> None:
    faults = faults_of(invoice_data(**changes))
    assert [message.partition(":")[0] for message in faults[path]] == [rule]


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"name": ""}, "name", "BR-25"),
        ({"quantity": None}, "quantity", "BR-22"),
        ({"price": None}, "price", "BR-26"),
        ({"price": "-1"}, "price", "BR-27"),
        ({"net": "70.00"}, "net", "PEPPOL-EN16931-R120"),
        ({"unit": "bottles"}, "unit", "BR-CL-23"),
        ({"rate": None}, "category", "BR-CO-04"),
        ({"rate": None, "category": "S"}, "rate", "BR-S-05"),
        ({"rate": "0", "category": "S"}, "rate", "BR-S-05"),
        ({"rate": "19", "category": "Z"}, "rate", "BR-Z-05"),
        ({"rate": "19", "category": "AE"}, "rate", "BR-AE-05"),
        ({"rate": "0", "category": "O"}, "rate", "BR-O-05"),
        ({"category": "X"}, "category", "BR-CL-17"),
        ({"origin": "Germany"}, "origin", "BR-CL-14"),
    ],
)
def test_an_error_of_a_line_has_its_path(change: dict[str, Any], field: str, rule: str) -> None:
    data = invoice_data()
    data["lines"][1] |= change
    faults = faults_of(data)
    assert rule in [message.partition(":")[0] for message in faults[f"lines.1.{field}"]]


def test_a_missing_field_is_named_even_where_its_object_is_missing() -> None:
    assert list(faults_of(invoice_data(seller={"name": "A", "vat": "DE1"}))) == ["seller.country"]


def test_reverse_charge_states_its_reason_and_needs_the_buyers_vat_identifier() -> None:
    lines = [{"name": "A", "quantity": "1", "price": "10", "rate": "0", "category": "AE"}]
    assert list(faults_of(invoice_data(lines=lines))) == ["buyer.vat"]
    buyer = {**invoice_data()["buyer"], "vat": "FR83404833048", "country": "FR"}
    xml = xml_of(invoice_data(lines=lines, buyer=buyer))
    assert "<ram:ExemptionReasonCode>VATEX-EU-AE<" in xml


def test_an_exemption_needs_a_reason_of_the_data() -> None:
    lines = [{"name": "A", "quantity": "1", "price": "10", "rate": "0", "category": "E"}]
    faults = faults_of(invoice_data(lines=lines))
    assert [message.partition(":")[0] for messages in faults.values() for message in messages] == [
        "BR-E-10"
    ]
    xml = xml_of(invoice_data(lines=lines, vat={"exemption": "§ 4 Nr. 21 UStG"}))
    assert "<ram:ExemptionReason>§ 4 Nr. 21 UStG<" in xml


def test_several_rates_need_the_category_of_an_allowance() -> None:
    faults = faults_of(invoice_data(allowances=[{"amount": "1.00"}]))
    assert list(faults) == ["allowances.0.category"]


def test_special_characters_of_xml_are_escaped() -> None:
    lines = [{"name": "</ram:Name> & <b>", "quantity": "1", "price": "1", "rate": "19"}]
    assert "&lt;/ram:Name&gt; &amp; &lt;b&gt;" in xml_of(invoice_data(lines=lines))


def test_an_address_of_several_lines_is_split() -> None:
    mapping = InvoiceMapping(
        map={key: path for key, path in MAPPING.map.items() if key not in ("BT-37", "BT-38")}
    )
    seller = {**invoice_data()["seller"], "street": "Am Hang 3\n65385 Rüdesheim\nGermany"}
    data = invoice_data(seller=seller)
    xml = create_invoice(mapping, data, InvoiceOptions()).xml.decode()
    assert "<ram:PostcodeCode>65385<" in xml
    assert "<ram:CityName>Rüdesheim<" in xml


def test_equal_data_makes_equal_bytes() -> None:
    assert xml_of(invoice_data()) == xml_of(invoice_data())


@pytest.mark.parametrize("profile", ["minimum", "basicwl", "basic", "en16931", "extended"])
def test_a_profile_is_named_in_the_document(profile: str) -> None:
    xml = xml_of(invoice_data(), profile=profile)
    assert ("IncludedSupplyChainTradeLineItem" in xml) == (profile not in ("minimum", "basicwl"))
