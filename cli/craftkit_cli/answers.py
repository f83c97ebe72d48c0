"""Converts results to the JSON that commands print: camelCase, times in RFC 3339."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from craftkit.clock import to_rfc3339

Answer = dict[str, Any]


class FailedAnswer(Answer):
    """An answer that is printed like any other and ends the command with exit code 1."""


def shown(model: BaseModel, *, without: tuple[str, ...] = ()) -> Answer:
    """The fields of a model by their public names."""
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    return {to_camel(name): _plain(value) for name, value in fields.items() if name not in without}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return shown(value) if isinstance(value, BaseModel) else value
