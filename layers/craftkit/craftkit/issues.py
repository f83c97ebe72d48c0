"""Pydantic's validation errors as the API's issues: the path, and what the value must be.

No issue contains the value that was sent.
"""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from craftkit.errors import Issues

ISSUE_LIMIT = 100
"""The most issues in one response: a body of 1 MiB can have more than a response may hold."""

_OBJECT = "Must be an object"
_LIST = "Must be a list"
_WHOLE = "Must be a whole number"
_BOOLEAN = "Must be true or false"
_TIME = "Must be a time with its offset, such as 2026-03-14T12:00:00Z"

# By pydantic's error type; other types use the message of the model itself.
_WORDS = {
    "missing": "Required",
    "extra_forbidden": "Unknown field",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "string_type": "Must be text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "literal_error": "Must be {expected}",
    "greater_than_equal": "Must be {ge} or more",
    "less_than_equal": "Must be {le} or less",
    "string_too_short": "Must have {min_length} or more characters",
    "string_too_long": "Must have {max_length} or fewer characters",
    "too_short": "Must have {min_length} or more entries",
    "too_long": "Must have {max_length} or fewer entries",
    "string_pattern_mismatch": "Must match {pattern}",
    "date_from_datetime_parsing": "Must be a date such as 2026-03-14",
    "date_from_datetime_inexact": "Must be a date such as 2026-03-14",
    "date_parsing": "Must be a date such as 2026-03-14",
    "date_type": "Must be a date such as 2026-03-14",
    "datetime_from_date_parsing": _TIME,
    "datetime_parsing": _TIME,
    "datetime_type": _TIME,
    "timezone_aware": _TIME,
}


def issues_of(error: ValidationError, *, without: Collection[str] = ()) -> Issues:
    """The error's issues by dotted path (`items.3.qty`); the first hundred, and how many more.

    Args:
        without: types of errors to leave out, because the caller reports them itself.
    """
    issues = Issues()
    details = [
        problem
        for problem in error.errors(include_input=False, include_url=False)
        if problem["type"] not in without
    ]
    for problem in details[:ISSUE_LIMIT]:
        path, message = ".".join(_steps(problem["loc"])), _words(problem)
        if path:
            issues.field_errors.setdefault(path, []).append(message)
        else:
            issues.form_errors.append(message)
    if len(details) > ISSUE_LIMIT:
        issues.form_errors.append(f"{len(details) - ISSUE_LIMIT} more issues like these")
    return issues


def _steps(loc: tuple[int | str, ...]) -> list[str]:
    """The caller's own path: without what is only the validator's."""
    if loc and loc[-1] == "[key]":  # the name of a field, not its value
        loc = loc[:-2]
    return [
        str(step)
        for at, step in enumerate(loc)
        # Pydantic's tag of the union of variable and loop; see `templates.models.Loop`.
        if not (at > 1 and loc[at - 2] == "itemFields" and step in ("variable", "loop"))
        # Pydantic's tag of a union of object and boolean; see `schema.SWITCH`.
        and step not in ("(object)", "(boolean)")
    ]


def _words(problem: ErrorDetails) -> str:
    context: Mapping[str, Any] = problem.get("ctx", {})
    if problem["type"] == "value_error":
        # A model's own ValueError; or one with a reason, which quotes the email address.
        return "Must be an email address" if "reason" in context else str(context["error"])
    words = _WORDS.get(problem["type"])
    message = words.format(**context) if words else problem["msg"]
    of_a_name = problem["loc"][-1:] == ("[key]",)
    return f"Each of its names {message[0].lower()}{message[1:]}" if of_a_name else message
