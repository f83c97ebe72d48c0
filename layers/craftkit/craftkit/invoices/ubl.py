"""The layouts of OASIS UBL 2.1, Invoice and CreditNote, in the order of their schemas.

The terms' elements are those of CEN/TS 16931-3-2.
"""

from dataclasses import replace

from craftkit.invoices.layout import Element, constant, element, value
from craftkit.invoices.models import Terms

_COMMON = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_CREDIT_NOTES = {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"}
"""Types of UNCL 1001 whose document is a CreditNote."""


def document_of(terms: Terms) -> tuple[Element, dict[str, str]]:
    """The layout for the invoice's type, and its namespaces."""
    kind = "CreditNote" if terms.text("BT-3") in _CREDIT_NOTES else "Invoice"
    namespace = f"urn:oasis:names:specification:ubl:schema:xsd:{kind}-2"
    return _ROOTS[kind], {"": namespace, **_COMMON}


def prepare(terms: Terms) -> None:
    """Put what UBL repeats or joins where its elements are: currencies, and codes of notes."""
    for inner in terms.everywhere():
        inner.values["BT-5"] = terms.text("BT-5")
    for note in terms.each("BG-1"):
        if code := note.text("BT-21"):
            note.values["BT-22"] = f"#{code}#{note.text('BT-22')}"


def _amount(tag: str, term: str, currency: str = "BT-5") -> Element:
    return value(tag, term, currencyID=currency)


def _scheme(term: str) -> str:
    return f"{term}-1"


_VAT = element("cac:TaxScheme", constant("cbc:ID", "VAT"))


def _scheme_of(term: str, scheme: str = "VAT") -> Element:
    """The tax scheme of a tax identifier; it is written only with the identifier."""
    return element("cac:TaxScheme", constant("cbc:ID", scheme, when=term))


def _tax_scheme(term: str, scheme: str = "VAT") -> Element:
    return element(
        "cac:PartyTaxScheme", value("cbc:CompanyID", term), _scheme_of(term, scheme), when=term
    )


def _category(tag: str, category: str, rate: str, *reasons: Element) -> Element:
    return element(
        tag,
        value("cbc:ID", category),
        value("cbc:Percent", rate),
        *reasons,
        _scheme_of(category),
    )


def _address(tag: str, first: str, second: str, third: str, city: str, post_code: str,
             region: str, country: str) -> Element:  # fmt: skip
    return element(
        tag,
        value("cbc:StreetName", first),
        value("cbc:AdditionalStreetName", second),
        value("cbc:CityName", city),
        value("cbc:PostalZone", post_code),
        value("cbc:CountrySubentity", region),
        element("cac:AddressLine", value("cbc:Line", third)),
        element("cac:Country", value("cbc:IdentificationCode", country)),
    )


def _identification(term: str) -> Element:
    return element("cac:PartyIdentification", value("cbc:ID", term, schemeID=_scheme(term)))


def _contact(name: str, phone: str, email: str) -> Element:
    return element(
        "cac:Contact",
        value("cbc:Name", name),
        value("cbc:Telephone", phone),
        value("cbc:ElectronicMail", email),
    )


_SELLER = element(
    "cac:AccountingSupplierParty",
    element(
        "cac:Party",
        value("cbc:EndpointID", "BT-34", schemeID="BT-34-1"),
        _identification("BT-29"),
        element("cac:PartyIdentification", value("cbc:ID", "BT-90", schemeID="SEPA")),
        element("cac:PartyName", value("cbc:Name", "BT-28")),
        _address("cac:PostalAddress", "BT-35", "BT-36", "BT-162", "BT-37", "BT-38", "BT-39",
                 "BT-40"),
        _tax_scheme("BT-31"),
        _tax_scheme("BT-32", "FC"),
        element(
            "cac:PartyLegalEntity",
            value("cbc:RegistrationName", "BT-27"),
            value("cbc:CompanyID", "BT-30", schemeID="BT-30-1"),
            value("cbc:CompanyLegalForm", "BT-33"),
        ),
        _contact("BT-41", "BT-42", "BT-43"),
    ),
)  # fmt: skip

_BUYER = element(
    "cac:AccountingCustomerParty",
    element(
        "cac:Party",
        value("cbc:EndpointID", "BT-49", schemeID="BT-49-1"),
        _identification("BT-46"),
        element("cac:PartyName", value("cbc:Name", "BT-45")),
        _address("cac:PostalAddress", "BT-50", "BT-51", "BT-163", "BT-52", "BT-53", "BT-54",
                 "BT-55"),
        _tax_scheme("BT-48"),
        element(
            "cac:PartyLegalEntity",
            value("cbc:RegistrationName", "BT-44"),
            value("cbc:CompanyID", "BT-47", schemeID="BT-47-1"),
        ),
        _contact("BT-56", "BT-57", "BT-58"),
    ),
)  # fmt: skip

_OTHER_PARTIES = (
    element(
        "cac:PayeeParty",
        _identification("BT-60"),
        element("cac:PartyName", value("cbc:Name", "BT-59")),
        element(
            "cac:PartyLegalEntity", value("cbc:CompanyID", "BT-61", schemeID="BT-61-1")
        ),
    ),
    element(
        "cac:TaxRepresentativeParty",
        element("cac:PartyName", value("cbc:Name", "BT-62")),
        _address("cac:PostalAddress", "BT-64", "BT-65", "BT-164", "BT-66", "BT-67", "BT-68",
                 "BT-69"),
        _tax_scheme("BT-63"),
    ),
)  # fmt: skip

_DELIVERY = element(
    "cac:Delivery",
    value("cbc:ActualDeliveryDate", "BT-72"),
    element(
        "cac:DeliveryLocation",
        value("cbc:ID", "BT-71", schemeID="BT-71-1"),
        _address("cac:Address", "BT-75", "BT-76", "BT-165", "BT-77", "BT-78", "BT-79", "BT-80"),
    ),
    element("cac:DeliveryParty", element("cac:PartyName", value("cbc:Name", "BT-70"))),
)


def _payment_means(*due: Element) -> Element:
    return element(
        "cac:PaymentMeans",
        value("cbc:PaymentMeansCode", "BT-81", name="BT-82"),
        *due,
        value("cbc:PaymentID", "BT-83"),
        element(
            "cac:CardAccount",
            value("cbc:PrimaryAccountNumberID", "BT-87"),
            constant("cbc:NetworkID", "mapped-from-cii"),
            value("cbc:HolderName", "BT-88"),
        ),
        element(
            "cac:PayeeFinancialAccount",
            value("cbc:ID", "BT-84"),
            value("cbc:Name", "BT-85"),
            element("cac:FinancialInstitutionBranch", value("cbc:ID", "BT-86")),
        ),
        element(
            "cac:PaymentMandate",
            value("cbc:ID", "BT-89"),
            element("cac:PayerFinancialAccount", value("cbc:ID", "BT-91")),
        ),
        when="BT-81",
    )


def _allowance(group: str, indicator: str, base: str, percent: str, amount: str, reason: str,
               code: str, *tax: Element) -> Element:  # fmt: skip
    return element(
        "cac:AllowanceCharge",
        constant("cbc:ChargeIndicator", indicator),
        value("cbc:AllowanceChargeReasonCode", code),
        value("cbc:AllowanceChargeReason", reason),
        value("cbc:MultiplierFactorNumeric", percent),
        _amount("cbc:Amount", amount),
        _amount("cbc:BaseAmount", base),
        *tax,
        each=group,
    )


_ALLOWANCES = (
    _allowance("BG-20", "false", "BT-93", "BT-94", "BT-92", "BT-97", "BT-98",
               _category("cac:TaxCategory", "BT-95", "BT-96")),
    _allowance("BG-21", "true", "BT-100", "BT-101", "BT-99", "BT-104", "BT-105",
               _category("cac:TaxCategory", "BT-102", "BT-103")),
)  # fmt: skip

_TOTALS = (
    element(
        "cac:TaxTotal",
        _amount("cbc:TaxAmount", "BT-110"),
        element(
            "cac:TaxSubtotal",
            _amount("cbc:TaxableAmount", "BT-116"),
            _amount("cbc:TaxAmount", "BT-117"),
            _category(
                "cac:TaxCategory",
                "BT-118",
                "BT-119",
                value("cbc:TaxExemptionReasonCode", "BT-121"),
                value("cbc:TaxExemptionReason", "BT-120"),
            ),
            each="BG-23",
        ),
    ),
    element("cac:TaxTotal", _amount("cbc:TaxAmount", "BT-111", "BT-6")),
    element(
        "cac:LegalMonetaryTotal",
        _amount("cbc:LineExtensionAmount", "BT-106"),
        _amount("cbc:TaxExclusiveAmount", "BT-109"),
        _amount("cbc:TaxInclusiveAmount", "BT-112"),
        _amount("cbc:AllowanceTotalAmount", "BT-107"),
        _amount("cbc:ChargeTotalAmount", "BT-108"),
        _amount("cbc:PrepaidAmount", "BT-113"),
        _amount("cbc:PayableRoundingAmount", "BT-114"),
        _amount("cbc:PayableAmount", "BT-115"),
    ),
)

_ITEM = element(
    "cac:Item",
    value("cbc:Description", "BT-154"),
    value("cbc:Name", "BT-153"),
    element("cac:BuyersItemIdentification", value("cbc:ID", "BT-156")),
    element("cac:SellersItemIdentification", value("cbc:ID", "BT-155")),
    element("cac:StandardItemIdentification", value("cbc:ID", "BT-157", schemeID="BT-157-1")),
    element("cac:OriginCountry", value("cbc:IdentificationCode", "BT-159")),
    element(
        "cac:CommodityClassification",
        value("cbc:ItemClassificationCode", "BT-158", listID="BT-158-1"),
    ),
    _category("cac:ClassifiedTaxCategory", "BT-151", "BT-152"),
    element(
        "cac:AdditionalItemProperty",
        value("cbc:Name", "BT-160"),
        value("cbc:Value", "BT-161"),
        each="BG-32",
    ),
)


def _period(start: str, end: str) -> Element:
    return element("cac:InvoicePeriod", value("cbc:StartDate", start), value("cbc:EndDate", end))


def _line(tag: str, quantity: str) -> Element:
    return element(
        tag,
        value("cbc:ID", "BT-126"),
        value("cbc:Note", "BT-127"),
        value(quantity, "BT-129", unitCode="BT-130"),
        _amount("cbc:LineExtensionAmount", "BT-131"),
        value("cbc:AccountingCost", "BT-133"),
        _period("BT-134", "BT-135"),
        element("cac:OrderLineReference", value("cbc:LineID", "BT-132")),
        element(
            "cac:DocumentReference",
            value("cbc:ID", "BT-128", schemeID="BT-128-1"),
            constant("cbc:DocumentTypeCode", "130"),
        ),
        _allowance("BG-27", "false", "BT-137", "BT-138", "BT-136", "BT-139", "BT-140"),
        _allowance("BG-28", "true", "BT-142", "BT-143", "BT-141", "BT-144", "BT-145"),
        _ITEM,
        element(
            "cac:Price",
            _amount("cbc:PriceAmount", "BT-146"),
            value("cbc:BaseQuantity", "BT-149", unitCode="BT-130"),
            element(
                "cac:AllowanceCharge",
                constant("cbc:ChargeIndicator", "false"),
                _amount("cbc:Amount", "BT-147"),
                _amount("cbc:BaseAmount", "BT-148"),
                when="BT-147",
            ),
        ),
        each="BG-25",
    )


def _document(tag: str, term: str, *more: Element) -> Element:
    return element(tag, value("cbc:ID", term), *more)


_HEAD = (value("cbc:CustomizationID", "BT-24"), value("cbc:ProfileID", "BT-23"),
         value("cbc:ID", "BT-1"), value("cbc:IssueDate", "BT-2"))  # fmt: skip
_NOTE = replace(value("cbc:Note", "BT-22"), each="BG-1")
_TAX_POINT = value("cbc:TaxPointDate", "BT-7")
_FACTS = (
    value("cbc:DocumentCurrencyCode", "BT-5"),
    value("cbc:TaxCurrencyCode", "BT-6"),
    value("cbc:AccountingCost", "BT-19"),
    value("cbc:BuyerReference", "BT-10"),
    _period("BT-73", "BT-74"),
    element("cac:OrderReference", value("cbc:ID", "BT-13"), value("cbc:SalesOrderID", "BT-14")),
    element(
        "cac:BillingReference",
        element(
            "cac:InvoiceDocumentReference",
            value("cbc:ID", "BT-25"),
            value("cbc:IssueDate", "BT-26"),
        ),
        each="BG-3",
    ),
    _document("cac:DespatchDocumentReference", "BT-16"),
    _document("cac:ReceiptDocumentReference", "BT-15"),
)
_TENDER = _document("cac:OriginatorDocumentReference", "BT-17")
_CONTRACT = _document("cac:ContractDocumentReference", "BT-12")
_OBJECT = element(
    "cac:AdditionalDocumentReference",
    value("cbc:ID", "BT-18"),
    constant("cbc:DocumentTypeCode", "130"),
)
_PARTIES = (_SELLER, _BUYER, *_OTHER_PARTIES, _DELIVERY)
_TERMS = element("cac:PaymentTerms", value("cbc:Note", "BT-20"))

_ROOTS = {
    "Invoice": element(
        "Invoice",
        *_HEAD,
        value("cbc:DueDate", "BT-9"),
        value("cbc:InvoiceTypeCode", "BT-3"),
        _NOTE,
        _TAX_POINT,
        *_FACTS,
        _TENDER,
        _CONTRACT,
        _OBJECT,
        _document("cac:ProjectReference", "BT-11"),
        *_PARTIES,
        _payment_means(),
        _TERMS,
        *_ALLOWANCES,
        *_TOTALS,
        _line("cac:InvoiceLine", "cbc:InvoicedQuantity"),
    ),
    "CreditNote": element(
        "CreditNote",
        *_HEAD,
        _TAX_POINT,
        value("cbc:CreditNoteTypeCode", "BT-3"),
        _NOTE,
        *_FACTS,
        _CONTRACT,
        _OBJECT,
        element(
            "cac:AdditionalDocumentReference",
            value("cbc:ID", "BT-11"),
            constant("cbc:DocumentTypeCode", "50"),
        ),
        _TENDER,
        *_PARTIES,
        _payment_means(value("cbc:PaymentDueDate", "BT-9")),
        _TERMS,
        *_ALLOWANCES,
        *_TOTALS,
        _line("cac:CreditNoteLine", "cbc:CreditedQuantity"),
    ),
}
