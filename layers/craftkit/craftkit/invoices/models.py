"""What a template says of its invoices, what a caller asks for, and an invoice as terms."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from craftkit.errors import Issues
from craftkit.schema import ApiModel
from craftkit.typesetter import InvoiceFile

Profile = Literal["minimum", "basicwl", "basic", "en16931", "extended"]
"""Profiles of Factur-X and ZUGFeRD, each with all terms of those before it."""

Syntax = Literal["cii", "ubl"]
Standard = Literal["factur-x", "xrechnung", "peppol-bis-3"]

_LEVELS: dict[Profile, str] = {
    "minimum": "MINIMUM",
    "basicwl": "BASIC WL",
    "basic": "BASIC",
    "en16931": "EN 16931",
    "extended": "EXTENDED",
}
PROFILES: tuple[Profile, ...] = ("minimum", "basicwl", "basic", "en16931", "extended")

TermText = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class InvoiceMapping(ApiModel):
    """How a template's data becomes an electronic invoice.

    `map` names the data field of each business term of EN 16931, and the loop of each group that
    repeats. `defaults` gives terms a value where the data has none. With `required: false` a
    document whose data makes no valid invoice is rendered without one, and with a warning.
    """

    profile: Profile = "en16931"
    map: Annotated[dict[str, str], Field(min_length=1, max_length=250)]
    defaults: dict[str, TermText] = Field({}, max_length=100)
    required: StrictBool = True


class InvoiceOptions(ApiModel):
    """The electronic invoice that a render makes.

    Without `profile`, the template's. `factur-x` (the default) attaches the XML to the PDF.
    `xrechnung` and `peppol-bis-3` are a separate XML file, not attached to the PDF.
    """

    profile: Profile | None = None
    syntax: Syntax | None = None
    standard: Standard = "factur-x"

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.standard == "factur-x" and self.syntax == "ubl":
            raise _refusal("The standard factur-x has the syntax cii; leave out `syntax`")
        if self.standard == "peppol-bis-3" and self.syntax == "cii":
            raise _refusal("The standard peppol-bis-3 has the syntax ubl; leave out `syntax`")
        if self.standard != "factur-x" and self.profile:
            raise _refusal(f"`profile` applies to factur-x only, not to {self.standard}")
        return self


def _refusal(message: str) -> PydanticCustomError:
    return PydanticCustomError("invoice", "{message}", {"message": message})


@dataclass
class Terms:
    """The terms of one group, with the groups inside it, and the data path of each value.

    Amounts, prices, quantities and percentages are decimals; dates are `YYYY-MM-DD`.
    """

    path: str = ""
    values: dict[str, str | Decimal] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list["Terms"]] = field(default_factory=dict)

    def text(self, number: str) -> str:
        return str(self.values.get(number, ""))

    def amount(self, number: str) -> Decimal | None:
        value = self.values.get(number)
        return value if isinstance(value, Decimal) else None

    def each(self, group: str) -> list["Terms"]:
        return self.groups.get(group, [])

    def everywhere(self) -> Iterator["Terms"]:
        yield self
        for entries in self.groups.values():
            for entry in entries:
                yield from entry.everywhere()


@dataclass(frozen=True)
class ElectronicInvoice:
    """An invoice as XML.

    Attributes:
        places: the data path of each element that came from the data, by its XPath with positions.
        scopes: the terms of each element that repeats, and of the root, by the same.
    """

    xml: bytes
    standard: Standard
    syntax: Syntax
    profile: Profile
    places: dict[str, str]
    scopes: dict[str, Terms]

    @property
    def filename(self) -> str:
        return "factur-x.xml" if self.standard == "factur-x" else f"{self.standard}.xml"

    @property
    def attachment(self) -> InvoiceFile | None:
        """What is attached to a PDF: of Factur-X alone."""
        if self.standard != "factur-x":
            return None
        is_whole = self.profile not in ("minimum", "basicwl")
        return InvoiceFile(self.xml, _LEVELS[self.profile], "Alternative" if is_whole else "Data")


class Faults:
    """Collects what is wrong with an invoice, by data path, each with the rule that is broken."""

    def __init__(self) -> None:
        self.issues = Issues()

    def add(self, path: str, rule: str, message: str) -> None:
        sentence = f"{rule}: {message}"
        if not path:
            if sentence not in self.issues.form_errors:
                self.issues.form_errors.append(sentence)
            return
        messages = self.issues.field_errors.setdefault(path, [])
        if sentence not in messages:
            messages.append(sentence)
