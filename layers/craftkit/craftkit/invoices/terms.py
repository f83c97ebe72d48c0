"""The business terms of EN 16931-1:2017: number, type of value, and the group that it belongs to.

A group that may occur several times (`REPEATED`) is mapped to a loop of the template. All other
groups hold at most one value of each term, so their terms count as terms of the group around them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "amount", "price", "quantity", "percent", "date", "code", "identifier"]

DOCUMENT = "BG-0"
"""The invoice itself, which the standard does not number."""

# Group, whether it repeats, and then its terms. A group's parent follows after `<`.
_TABLE = """
BG-0 Invoice
 BT-1 identifier Invoice number
 BT-2 date Issue date
 BT-3 code Invoice type code
 BT-5 code Invoice currency code
 BT-6 code VAT accounting currency code
 BT-7 date Value added tax point date
 BT-9 date Payment due date
 BT-10 text Buyer reference
 BT-11 identifier Project reference
 BT-12 identifier Contract reference
 BT-13 identifier Purchase order reference
 BT-14 identifier Sales order reference
 BT-15 identifier Receiving advice reference
 BT-16 identifier Despatch advice reference
 BT-17 identifier Tender or lot reference
 BT-18 identifier Invoiced object identifier
 BT-19 text Buyer accounting reference
 BT-20 text Payment terms
 BT-23 identifier Business process type
 BT-27 text Seller name
 BT-28 text Seller trading name
 BT-29 identifier Seller identifier
 BT-30 identifier Seller legal registration identifier
 BT-31 identifier Seller VAT identifier
 BT-32 identifier Seller tax registration identifier
 BT-33 text Seller additional legal information
 BT-34 identifier Seller electronic address
 BT-35 text Seller address line 1
 BT-36 text Seller address line 2
 BT-162 text Seller address line 3
 BT-37 text Seller city
 BT-38 text Seller post code
 BT-39 text Seller country subdivision
 BT-40 code Seller country code
 BT-41 text Seller contact point
 BT-42 text Seller contact telephone number
 BT-43 text Seller contact email address
 BT-44 text Buyer name
 BT-45 text Buyer trading name
 BT-46 identifier Buyer identifier
 BT-47 identifier Buyer legal registration identifier
 BT-48 identifier Buyer VAT identifier
 BT-49 identifier Buyer electronic address
 BT-50 text Buyer address line 1
 BT-51 text Buyer address line 2
 BT-163 text Buyer address line 3
 BT-52 text Buyer city
 BT-53 text Buyer post code
 BT-54 text Buyer country subdivision
 BT-55 code Buyer country code
 BT-56 text Buyer contact point
 BT-57 text Buyer contact telephone number
 BT-58 text Buyer contact email address
 BT-59 text Payee name
 BT-60 identifier Payee identifier
 BT-61 identifier Payee legal registration identifier
 BT-62 text Seller tax representative name
 BT-63 identifier Seller tax representative VAT identifier
 BT-64 text Tax representative address line 1
 BT-65 text Tax representative address line 2
 BT-164 text Tax representative address line 3
 BT-66 text Tax representative city
 BT-67 text Tax representative post code
 BT-68 text Tax representative country subdivision
 BT-69 code Tax representative country code
 BT-70 text Deliver to party name
 BT-71 identifier Deliver to location identifier
 BT-72 date Actual delivery date
 BT-73 date Invoicing period start date
 BT-74 date Invoicing period end date
 BT-75 text Deliver to address line 1
 BT-76 text Deliver to address line 2
 BT-165 text Deliver to address line 3
 BT-77 text Deliver to city
 BT-78 text Deliver to post code
 BT-79 text Deliver to country subdivision
 BT-80 code Deliver to country code
 BT-81 code Payment means type code
 BT-82 text Payment means text
 BT-83 text Remittance information
 BT-84 identifier Payment account identifier
 BT-85 text Payment account name
 BT-86 identifier Payment service provider identifier
 BT-87 text Payment card primary account number
 BT-88 text Payment card holder name
 BT-89 identifier Mandate reference identifier
 BT-90 identifier Bank assigned creditor identifier
 BT-91 identifier Debited account identifier
 BT-106 amount Sum of invoice line net amounts
 BT-107 amount Sum of allowances on document level
 BT-108 amount Sum of charges on document level
 BT-109 amount Invoice total amount without VAT
 BT-110 amount Invoice total VAT amount
 BT-111 amount Invoice total VAT amount in accounting currency
 BT-112 amount Invoice total amount with VAT
 BT-113 amount Paid amount
 BT-114 amount Rounding amount
 BT-115 amount Amount due for payment
BG-1 Invoice note *
 BT-21 code Invoice note subject code
 BT-22 text Invoice note
BG-3 Preceding invoice reference *
 BT-25 identifier Preceding invoice number
 BT-26 date Preceding invoice issue date
BG-20 Document level allowance *
 BT-92 amount Document level allowance amount
 BT-93 amount Document level allowance base amount
 BT-94 percent Document level allowance percentage
 BT-95 code Document level allowance VAT category code
 BT-96 percent Document level allowance VAT rate
 BT-97 text Document level allowance reason
 BT-98 code Document level allowance reason code
BG-21 Document level charge *
 BT-99 amount Document level charge amount
 BT-100 amount Document level charge base amount
 BT-101 percent Document level charge percentage
 BT-102 code Document level charge VAT category code
 BT-103 percent Document level charge VAT rate
 BT-104 text Document level charge reason
 BT-105 code Document level charge reason code
BG-23 VAT breakdown *
 BT-116 amount VAT category taxable amount
 BT-117 amount VAT category tax amount
 BT-118 code VAT category code
 BT-119 percent VAT category rate
 BT-120 text VAT exemption reason text
 BT-121 code VAT exemption reason code
BG-25 Invoice line *
 BT-126 identifier Invoice line identifier
 BT-127 text Invoice line note
 BT-128 identifier Invoice line object identifier
 BT-129 quantity Invoiced quantity
 BT-130 code Invoiced quantity unit of measure
 BT-131 amount Invoice line net amount
 BT-132 identifier Referenced purchase order line reference
 BT-133 text Invoice line buyer accounting reference
 BT-134 date Invoice line period start date
 BT-135 date Invoice line period end date
 BT-146 price Item net price
 BT-147 price Item price discount
 BT-148 price Item gross price
 BT-149 quantity Item price base quantity
 BT-151 code Invoiced item VAT category code
 BT-152 percent Invoiced item VAT rate
 BT-153 text Item name
 BT-154 text Item description
 BT-155 identifier Item Seller's identifier
 BT-156 identifier Item Buyer's identifier
 BT-157 identifier Item standard identifier
 BT-158 identifier Item classification identifier
 BT-159 code Item country of origin
BG-27 Invoice line allowance * < BG-25
 BT-136 amount Invoice line allowance amount
 BT-137 amount Invoice line allowance base amount
 BT-138 percent Invoice line allowance percentage
 BT-139 text Invoice line allowance reason
 BT-140 code Invoice line allowance reason code
BG-28 Invoice line charge * < BG-25
 BT-141 amount Invoice line charge amount
 BT-142 amount Invoice line charge base amount
 BT-143 percent Invoice line charge percentage
 BT-144 text Invoice line charge reason
 BT-145 code Invoice line charge reason code
BG-32 Item attribute * < BG-25
 BT-160 text Item attribute name
 BT-161 text Item attribute value
"""

SCHEMED: Mapping[str, str] = {
    "BT-29": "",
    "BT-30": "",
    "BT-34": "EM",
    "BT-46": "",
    "BT-47": "",
    "BT-49": "EM",
    "BT-60": "",
    "BT-61": "",
    "BT-71": "",
    "BT-128": "",
    "BT-157": "0160",
    "BT-158": "STI",
}
"""Identifiers with a scheme, mapped as `BT-34-1`, and the scheme where none is mapped."""


@dataclass(frozen=True)
class Term:
    number: str
    name: str
    kind: Kind
    group: str

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


@dataclass(frozen=True)
class TermGroup:
    number: str
    name: str
    parent: str


def _read() -> Iterator[Term | TermGroup]:
    group = DOCUMENT
    for line in _TABLE.strip().splitlines():
        if line.startswith(" "):
            number, kind, name = line.split(maxsplit=2)
            yield Term(number, name, kind, group)  # type: ignore[arg-type]
            if number in SCHEMED:
                yield Term(f"{number}-1", f"{name}: scheme", "code", group)
        else:
            number, name = line.split(maxsplit=1)
            name, _, parent = name.partition(" *")
            group = number
            yield TermGroup(number, name, parent.strip(" <") or DOCUMENT)


_ENTRIES = list(_read())
TERMS: Mapping[str, Term] = {entry.number: entry for entry in _ENTRIES if isinstance(entry, Term)}
GROUPS: Mapping[str, TermGroup] = {
    entry.number: entry
    for entry in _ENTRIES
    if isinstance(entry, TermGroup) and entry.number != DOCUMENT
}
"""The groups that may occur several times."""


def terms_of(group: str) -> list[Term]:
    return [term for term in TERMS.values() if term.group == group]


def groups_in(group: str) -> list[TermGroup]:
    return [entry for entry in GROUPS.values() if entry.parent == group]
