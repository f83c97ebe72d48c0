"""The base of the API's models, and how values are checked against one. Knows no HTTP."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

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
