"""IAM policies, evaluated as IAM does it for one account.

An explicit deny wins; otherwise a statement must allow, and where there is a boundary, it must
allow too: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Json = dict[str, Any]
Context = Mapping[str, str]


class UnknownConditionError(Exception):
    """A condition operator that is not implemented."""


def allows(
    policies: Iterable[Json],
    action: str,
    resource: str,
    context: Context | None = None,
    *,
    boundary: Json | None = None,
) -> bool:
    """Whether a principal with these policy documents may do `action` to `resource`.

    Args:
        context: condition keys with their values; a key that is left out is absent.
        boundary: the document of the permissions boundary.
    """
    documents = list(policies)
    given = {key.lower(): value for key, value in (context or {}).items()}
    limits = [boundary] if boundary else []
    if any(_matches(each, "Deny", action, resource, given) for each in documents + limits):
        return False
    return any(_matches(each, "Allow", action, resource, given) for each in documents) and all(
        _matches(each, "Allow", action, resource, given) for each in limits
    )


def statements_of(document: Json) -> list[Json]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def texts(value: Any) -> list[str]:
    """An element of a statement, which may be one value or a list of them."""
    return [value] if isinstance(value, str) else list(value)


def _matches(document: Json, effect: str, action: str, resource: str, context: Context) -> bool:
    return any(
        statement["Effect"] == effect
        and any(_like(action.lower(), pattern.lower()) for pattern in texts(statement["Action"]))
        and any(_like(resource, pattern) for pattern in texts(statement["Resource"]))
        and _holds(statement.get("Condition", {}), context)
        for statement in statements_of(document)
    )


def _holds(condition: Json, context: Context) -> bool:
    return all(
        _operator(operator)(context.get(key.lower()), texts(values))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _operator(name: str) -> Callable[[str | None, list[str]], bool]:
    quantifier, _, plain = name.rpartition(":")
    if quantifier:
        # A context key has one value here, so both quantifiers test that value.
        holds, absent = _operator(plain), quantifier == "ForAllValues"
        return lambda value, wanted: absent if value is None else holds(value, wanted)
    match name:
        case "StringEquals" | "Bool":
            return lambda value, wanted: value in wanted
        case "StringNotEquals":
            return lambda value, wanted: value not in wanted
        case "StringLike" | "ArnLike" | "ArnEquals":
            return lambda value, wanted: (
                value is not None and any(_like(value, each) for each in wanted)
            )
        case "Null":
            return lambda value, wanted: (value is None) is (wanted == ["true"])
    raise UnknownConditionError(name)


def _like(text: str, pattern: str) -> bool:
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, text, re.DOTALL) is not None
