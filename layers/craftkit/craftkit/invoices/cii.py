"""The layout of UN/CEFACT's Cross Industry Invoice (D22B), in the order of its schema.

The terms' elements are those of CEN/TS 16931-3-3; `least` is the first Factur-X 1.0 profile whose
schema has the element.
"""

from craftkit.invoices.layout import Element, constant, element, value

NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}

_WL, _BASIC, _EN = "basicwl", "basic", "en16931"


def _date(tag: str, term: str, *, least: str = "minimum") -> Element:
    return element(tag, value("udt:DateTimeString", term, date="102", format="102"), least=least)


def _formatted_date(tag: str, term: str, *, least: str = "minimum") -> Element:
    return element(tag, value("qdt:DateTimeString", term, date="102", format="102"), least=least)


def _reference(tag: str, term: str, *more: Element, least: str = "minimum") -> Element:
    return element(tag, value("ram:IssuerAssignedID", term), *more, least=least)


def _scheme(term: str) -> str:
    return f"{term}-1"


def _identifiers(term: str, *, least: str = _WL) -> tuple[Element, Element]:
    """CII has one element for identifiers with a scheme and one for those without."""
    return (
        value("ram:ID", term, unless=_scheme(term), least=least),
        value("ram:GlobalID", term, when=_scheme(term), least=least, schemeID=_scheme(term)),
    )


def _address(first: str, second: str, third: str, city: str, post_code: str, region: str,
             country: str) -> Element:  # fmt: skip
    return element(
        "ram:PostalTradeAddress",
        value("ram:PostcodeCode", post_code, least=_WL),
        value("ram:LineOne", first, least=_WL),
        value("ram:LineTwo", second, least=_WL),
        value("ram:LineThree", third, least=_WL),
        value("ram:CityName", city, least=_WL),
        value("ram:CountryID", country),
        value("ram:CountrySubDivisionName", region, least=_WL),
    )


def _contact(name: str, phone: str, email: str) -> Element:
    return element(
        "ram:DefinedTradeContact",
        value("ram:PersonName", name),
        element("ram:TelephoneUniversalCommunication", value("ram:CompleteNumber", phone)),
        element("ram:EmailURIUniversalCommunication", value("ram:URIID", email)),
        least=_EN,
    )


def _legal(identifier: str, trading_name: str = "") -> Element:
    names = (value("ram:TradingBusinessName", trading_name, least=_WL),) if trading_name else ()
    return element(
        "ram:SpecifiedLegalOrganization",
        value("ram:ID", identifier, schemeID=_scheme(identifier)),
        *names,
    )


def _endpoint(term: str) -> Element:
    address = value("ram:URIID", term, schemeID=_scheme(term))
    return element("ram:URIUniversalCommunication", address, least=_WL)


def _registration(term: str, scheme: str, *, least: str = "minimum") -> Element:
    return element(
        "ram:SpecifiedTaxRegistration", value("ram:ID", term, schemeID=scheme), least=least
    )


_SELLER = element(
    "ram:SellerTradeParty",
    *_identifiers("BT-29"),
    value("ram:Name", "BT-27"),
    value("ram:Description", "BT-33", least=_EN),
    _legal("BT-30", "BT-28"),
    _contact("BT-41", "BT-42", "BT-43"),
    _address("BT-35", "BT-36", "BT-162", "BT-37", "BT-38", "BT-39", "BT-40"),
    _endpoint("BT-34"),
    _registration("BT-31", "VA"),
    _registration("BT-32", "FC"),
)

_BUYER = element(
    "ram:BuyerTradeParty",
    *_identifiers("BT-46"),
    value("ram:Name", "BT-44"),
    _legal("BT-47", "BT-45"),
    _contact("BT-56", "BT-57", "BT-58"),
    element(
        "ram:PostalTradeAddress",
        *_address("BT-50", "BT-51", "BT-163", "BT-52", "BT-53", "BT-54", "BT-55").children,
        least=_WL,
    ),
    _endpoint("BT-49"),
    _registration("BT-48", "VA", least=_WL),
)

_AGREEMENT = element(
    "ram:ApplicableHeaderTradeAgreement",
    value("ram:BuyerReference", "BT-10"),
    _SELLER,
    _BUYER,
    element(
        "ram:SellerTaxRepresentativeTradeParty",
        value("ram:Name", "BT-62"),
        _address("BT-64", "BT-65", "BT-164", "BT-66", "BT-67", "BT-68", "BT-69"),
        _registration("BT-63", "VA"),
        least=_WL,
    ),
    _reference("ram:SellerOrderReferencedDocument", "BT-14", least=_EN),
    _reference("ram:BuyerOrderReferencedDocument", "BT-13"),
    _reference("ram:ContractReferencedDocument", "BT-12", least=_WL),
    _reference(
        "ram:AdditionalReferencedDocument", "BT-17", constant("ram:TypeCode", "50"), least=_EN
    ),
    _reference(
        "ram:AdditionalReferencedDocument", "BT-18", constant("ram:TypeCode", "130"), least=_EN
    ),
    element(
        "ram:SpecifiedProcuringProject",
        value("ram:ID", "BT-11"),
        constant("ram:Name", "Project reference"),
        least=_EN,
    ),
)

_DELIVERY = element(
    "ram:ApplicableHeaderTradeDelivery",
    element(
        "ram:ShipToTradeParty",
        *_identifiers("BT-71"),
        value("ram:Name", "BT-70"),
        _address("BT-75", "BT-76", "BT-165", "BT-77", "BT-78", "BT-79", "BT-80"),
        least=_WL,
    ),
    element(
        "ram:ActualDeliverySupplyChainEvent",
        _date("ram:OccurrenceDateTime", "BT-72"),
        least=_WL,
    ),
    _reference("ram:DespatchAdviceReferencedDocument", "BT-16", least=_WL),
    _reference("ram:ReceivingAdviceReferencedDocument", "BT-15", least=_EN),
    always=True,
)


def _tax(category: str, rate: str) -> Element:
    return element(
        "ram:CategoryTradeTax",
        constant("ram:TypeCode", "VAT"),
        value("ram:CategoryCode", category),
        value("ram:RateApplicablePercent", rate),
    )


def _allowance(group: str, indicator: str, base: str, percent: str, amount: str, reason: str,
               code: str, tax: tuple[Element, ...] = ()) -> Element:  # fmt: skip
    return element(
        "ram:SpecifiedTradeAllowanceCharge",
        element("ram:ChargeIndicator", constant("udt:Indicator", indicator, when=amount)),
        value("ram:CalculationPercent", percent),
        value("ram:BasisAmount", base),
        value("ram:ActualAmount", amount),
        value("ram:ReasonCode", code),
        value("ram:Reason", reason),
        *tax,
        each=group,
        least=_WL,
    )


_PAYMENT_MEANS = element(
    "ram:SpecifiedTradeSettlementPaymentMeans",
    value("ram:TypeCode", "BT-81"),
    value("ram:Information", "BT-82", least=_EN),
    element(
        "ram:ApplicableTradeSettlementFinancialCard",
        value("ram:ID", "BT-87"),
        value("ram:CardholderName", "BT-88"),
        least=_EN,
    ),
    element("ram:PayerPartyDebtorFinancialAccount", value("ram:IBANID", "BT-91")),
    element(
        "ram:PayeePartyCreditorFinancialAccount",
        value("ram:IBANID", "BT-84", when="IBAN"),
        value("ram:AccountName", "BT-85", least=_EN),
        value("ram:ProprietaryID", "BT-84", unless="IBAN"),
    ),
    element(
        "ram:PayeeSpecifiedCreditorFinancialInstitution",
        value("ram:BICID", "BT-86"),
        least=_EN,
    ),
    least=_WL,
)

_VAT_BREAKDOWN = element(
    "ram:ApplicableTradeTax",
    value("ram:CalculatedAmount", "BT-117"),
    constant("ram:TypeCode", "VAT"),
    value("ram:ExemptionReason", "BT-120"),
    value("ram:BasisAmount", "BT-116"),
    value("ram:CategoryCode", "BT-118"),
    value("ram:ExemptionReasonCode", "BT-121"),
    element(
        "ram:TaxPointDate",
        value("udt:DateString", "BT-7", date="102", format="102"),
        least=_EN,
    ),
    value("ram:RateApplicablePercent", "BT-119"),
    each="BG-23",
    least=_WL,
)

_SETTLEMENT = element(
    "ram:ApplicableHeaderTradeSettlement",
    value("ram:CreditorReferenceID", "BT-90", least=_WL),
    value("ram:PaymentReference", "BT-83", least=_WL),
    value("ram:TaxCurrencyCode", "BT-6", least=_WL),
    value("ram:InvoiceCurrencyCode", "BT-5"),
    element(
        "ram:PayeeTradeParty",
        *_identifiers("BT-60"),
        value("ram:Name", "BT-59"),
        _legal("BT-61"),
        least=_WL,
    ),
    _PAYMENT_MEANS,
    _VAT_BREAKDOWN,
    element(
        "ram:BillingSpecifiedPeriod",
        _date("ram:StartDateTime", "BT-73"),
        _date("ram:EndDateTime", "BT-74"),
        least=_WL,
    ),
    _allowance(
        "BG-20", "false", "BT-93", "BT-94", "BT-92", "BT-97", "BT-98", (_tax("BT-95", "BT-96"),)
    ),
    _allowance(
        "BG-21",
        "true",
        "BT-100",
        "BT-101",
        "BT-99",
        "BT-104",
        "BT-105",
        (_tax("BT-102", "BT-103"),),
    ),
    element(
        "ram:SpecifiedTradePaymentTerms",
        value("ram:Description", "BT-20"),
        _date("ram:DueDateDateTime", "BT-9"),
        value("ram:DirectDebitMandateID", "BT-89"),
        least=_WL,
    ),
    element(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        value("ram:LineTotalAmount", "BT-106", least=_WL),
        value("ram:ChargeTotalAmount", "BT-108", least=_WL),
        value("ram:AllowanceTotalAmount", "BT-107", least=_WL),
        value("ram:TaxBasisTotalAmount", "BT-109"),
        value("ram:TaxTotalAmount", "BT-110", currencyID="BT-5"),
        value("ram:TaxTotalAmount", "BT-111", least=_WL, currencyID="BT-6"),
        value("ram:RoundingAmount", "BT-114", least=_EN),
        value("ram:GrandTotalAmount", "BT-112"),
        value("ram:TotalPrepaidAmount", "BT-113", least=_WL),
        value("ram:DuePayableAmount", "BT-115"),
    ),
    element(
        "ram:InvoiceReferencedDocument",
        value("ram:IssuerAssignedID", "BT-25"),
        _formatted_date("ram:FormattedIssueDateTime", "BT-26"),
        each="BG-3",
        least=_WL,
    ),
    element("ram:ReceivableSpecifiedTradeAccountingAccount", value("ram:ID", "BT-19"), least=_WL),
)

_LINE = element(
    "ram:IncludedSupplyChainTradeLineItem",
    element(
        "ram:AssociatedDocumentLineDocument",
        value("ram:LineID", "BT-126"),
        element("ram:IncludedNote", value("ram:Content", "BT-127")),
    ),
    element(
        "ram:SpecifiedTradeProduct",
        value("ram:GlobalID", "BT-157", schemeID="BT-157-1"),
        value("ram:SellerAssignedID", "BT-155", least=_EN),
        value("ram:BuyerAssignedID", "BT-156", least=_EN),
        value("ram:Name", "BT-153"),
        value("ram:Description", "BT-154", least=_EN),
        element(
            "ram:ApplicableProductCharacteristic",
            value("ram:Description", "BT-160"),
            value("ram:Value", "BT-161"),
            each="BG-32",
            least=_EN,
        ),
        element(
            "ram:DesignatedProductClassification",
            value("ram:ClassCode", "BT-158", listID="BT-158-1"),
            least=_EN,
        ),
        element("ram:OriginTradeCountry", value("ram:ID", "BT-159"), least=_EN),
    ),
    element(
        "ram:SpecifiedLineTradeAgreement",
        element("ram:BuyerOrderReferencedDocument", value("ram:LineID", "BT-132"), least=_EN),
        element(
            "ram:GrossPriceProductTradePrice",
            value("ram:ChargeAmount", "BT-148"),
            value("ram:BasisQuantity", "BT-149", unitCode="BT-130"),
            element(
                "ram:AppliedTradeAllowanceCharge",
                element("ram:ChargeIndicator", constant("udt:Indicator", "false", when="BT-147")),
                value("ram:ActualAmount", "BT-147"),
            ),
            when="BT-148",
        ),
        element(
            "ram:NetPriceProductTradePrice",
            value("ram:ChargeAmount", "BT-146"),
            value("ram:BasisQuantity", "BT-149", unitCode="BT-130"),
        ),
    ),
    element(
        "ram:SpecifiedLineTradeDelivery",
        value("ram:BilledQuantity", "BT-129", unitCode="BT-130"),
    ),
    element(
        "ram:SpecifiedLineTradeSettlement",
        element(
            "ram:ApplicableTradeTax",
            constant("ram:TypeCode", "VAT"),
            value("ram:CategoryCode", "BT-151"),
            value("ram:RateApplicablePercent", "BT-152"),
        ),
        element(
            "ram:BillingSpecifiedPeriod",
            _date("ram:StartDateTime", "BT-134"),
            _date("ram:EndDateTime", "BT-135"),
        ),
        _allowance("BG-27", "false", "BT-137", "BT-138", "BT-136", "BT-139", "BT-140"),
        _allowance("BG-28", "true", "BT-142", "BT-143", "BT-141", "BT-144", "BT-145"),
        element(
            "ram:SpecifiedTradeSettlementLineMonetarySummation",
            value("ram:LineTotalAmount", "BT-131"),
        ),
        element(
            "ram:AdditionalReferencedDocument",
            value("ram:IssuerAssignedID", "BT-128"),
            constant("ram:TypeCode", "130"),
            least=_EN,
        ),
        element(
            "ram:ReceivableSpecifiedTradeAccountingAccount", value("ram:ID", "BT-133"), least=_EN
        ),
    ),
    each="BG-25",
    least=_BASIC,
)

ROOT = element(
    "rsm:CrossIndustryInvoice",
    element(
        "rsm:ExchangedDocumentContext",
        element("ram:BusinessProcessSpecifiedDocumentContextParameter", value("ram:ID", "BT-23")),
        element("ram:GuidelineSpecifiedDocumentContextParameter", value("ram:ID", "BT-24")),
    ),
    element(
        "rsm:ExchangedDocument",
        value("ram:ID", "BT-1"),
        value("ram:TypeCode", "BT-3"),
        _date("ram:IssueDateTime", "BT-2"),
        element(
            "ram:IncludedNote",
            value("ram:Content", "BT-22"),
            value("ram:SubjectCode", "BT-21"),
            each="BG-1",
            least=_WL,
        ),
    ),
    element("rsm:SupplyChainTradeTransaction", _LINE, _AGREEMENT, _DELIVERY, _SETTLEMENT),
)
