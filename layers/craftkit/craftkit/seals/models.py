"""What a seal says, the stage's certificate, and what a document was found to be."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StrictBool,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from craftkit.clock import to_rfc3339
from craftkit.errors import SealNotConfiguredError
from craftkit.schema import SWITCH, ApiModel, Matches

LAST_PAGE = -1
_LONGEST_SIDE_POINTS = 14_400
"""200 inches: the largest page of PDF 1.7."""


def _read_points(value: object) -> object:
    """A JSON number as a decimal, which a stored row can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise PydanticCustomError("number", "Must be a number of points")
    return Decimal(str(value))


def _read_page(value: object) -> object:
    """A whole JSON number; a stored row gives a decimal."""
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if not is_number or value != int(value):  # type: ignore[call-overload]
        raise PydanticCustomError("page", "Must be a whole number")
    return int(value)  # type: ignore[call-overload]


_AS_NUMBER = PlainSerializer(float, return_type=float, when_used="json")
_SCHEMA = WithJsonSchema({"type": "number", "minimum": 0, "maximum": _LONGEST_SIDE_POINTS})
_ONE_LINE = Matches(r"[^\x00-\x1f\x7f]+", "Must be one line without control characters")

Offset = Annotated[
    Decimal,
    BeforeValidator(_read_points),
    Field(ge=0, le=_LONGEST_SIDE_POINTS),
    _AS_NUMBER,
    _SCHEMA,
]
Length = Annotated[
    Decimal,
    BeforeValidator(_read_points),
    Field(ge=10, le=_LONGEST_SIDE_POINTS),
    _AS_NUMBER,
    _SCHEMA,
]
Reason = Annotated[str, StringConstraints(max_length=200), _ONE_LINE]
Location = Annotated[str, StringConstraints(max_length=100), _ONE_LINE]


class SealField(ApiModel):
    """Where the seal is seen: points (1/72 inch) from the upper left corner of a page.

    `page` counts from 1; -1 is the last page.
    """

    page: Annotated[int, BeforeValidator(_read_page), Field(ge=LAST_PAGE, le=1000)]
    x: Offset
    y: Offset
    width: Length
    height: Length

    @model_validator(mode="after")
    def _names_a_page(self) -> Self:
        if self.page == 0:
            message = "`page` counts from 1; -1 is the last page"
            raise PydanticCustomError("field", "{message}", {"message": message})
        return self


class SealOptions(ApiModel):
    """A seal: an electronic signature of the operator of this service (PAdES).

    `reason` and `location` are part of the signature. Without `field` the seal is not seen on a
    page.
    """

    reason: Reason | None = None
    location: Location | None = None
    field: SealField | None = None


SealSwitch = Annotated[
    Annotated[SealOptions, Tag("(object)")] | Annotated[StrictBool, Tag("(boolean)")], SWITCH
]
"""What a seal says, or whether there is one."""


@dataclass(frozen=True)
class SealCertificate:
    """A certificate of the stage, for the key that seals.

    Args:
        chain: PEM, the certificate of the key first.
        subject: its common name.
        key: the ARN of the KMS key.
        algorithm: KMS's name of the algorithm that this key signs with.
    """

    chain: str
    subject: str
    fingerprint: str
    key: str
    algorithm: str
    not_before: datetime
    not_after: datetime

    def require_valid(self, now: datetime) -> None:
        """Raise SealNotConfiguredError unless the certificate is valid at this time."""
        if now > self.not_after:
            raise SealNotConfiguredError(
                f"The certificate of this stage's seals expired on {to_rfc3339(self.not_after)}. "
                "The operator of the stage stores a new one with `craftkit seals import`."
            )
        if now < self.not_before:
            raise SealNotConfiguredError(
                f"The certificate of this stage's seals is valid from {to_rfc3339(self.not_before)}"
            )


@dataclass(frozen=True)
class SealSettings:
    """The stage's certificates. Former ones are kept, so that their seals stay trusted."""

    current: SealCertificate | None = None
    former: tuple[SealCertificate, ...] = ()

    @property
    def every(self) -> tuple[SealCertificate, ...]:
        return ((self.current,) if self.current else ()) + self.former
