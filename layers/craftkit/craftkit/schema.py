"""The base class of API models, and validation against a model. Independent of HTTP."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from craftkit.errors import InvalidRequestError
from craftkit.issues import issues_of


class ApiModel(BaseModel):
    """A body of the API: camelCase outside, snake_case inside; unknown fields are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    def as_json(self) -> dict[str, Any]:
        """The body by its public names, without the fields that are None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True)
class Matches:
    """Metadata of an `Annotated[str, …]`: a pattern, with words for the value that breaks it.

    Args:
        pattern: a regular expression that the whole value must match.
        words: what the value must be, such as `Must be a color such as #1a2b3c`.
    """

    pattern: str
    words: str

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"pattern": f"^{self.pattern}$"}

    def _validate(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise PydanticCustomError("pattern", self.words)
        return value


def _integral(value: object) -> object:
    """`1.0` as 1: JSON has one kind of number, and some clients write each with a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


INTEGRAL = BeforeValidator(_integral)
"""Metadata of a strict `int`: a JSON number without a fraction, 1 and 1.0 alike."""


SWITCH = Discriminator(lambda value: "(boolean)" if isinstance(value, bool) else "(object)")
"""Metadata of what is an object or a boolean, of which each has one of these tags: a fault is then
named once, by its own path."""


def _read_time(value: object) -> object:
    """A date as its midnight, UTC; pydantic alone would also take `0` for a time in 1970."""
    if not isinstance(value, str):
        return value
    try:
        read = datetime.fromisoformat(value if value[4:5] == "-" else "")
    except ValueError as error:
        raise PydanticCustomError("time", _TIME) from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


_TIME = "Must be a time such as 2026-03-14T12:00:00Z, or a date such as 2026-03-14"
Time = Annotated[datetime, BeforeValidator(_read_time)]
"""Metadata of a query: a time, or a date as its midnight (UTC)."""


def validate_request[Model: BaseModel](kind: type[Model], value: object) -> Model:
    """The value of a request as the model.

    Fields are matched by their public names alone: `jobId`, never `job_id`.

    Raises:
        InvalidRequestError: the value does not fit; has one issue for each field.
    """
    try:
        return kind.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidRequestError(issues=issues_of(error)) from error


def from_stored[Model: BaseModel](kind: type[Model], value: object) -> Model:
    """A stored row as the model, without the fields that this code does not know.

    Newer code may have written the row: during a gradual deployment, or before a rollback.
    """
    return kind.model_validate(value, extra="ignore")


def from_stored_json[Model: BaseModel](kind: type[Model], text: str | bytes) -> Model:
    """`from_stored`, of a model that is stored as JSON."""
    return kind.model_validate_json(text, extra="ignore")
