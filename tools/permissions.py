"""Writes `docs/permissions.md`: the IAM permissions that template.yaml grants to each function."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from deployment.template import Json, read_template

TEMPLATE = Path(__file__).parents[1] / "template.yaml"

VERSIONS = "every function of the stack, by a version's number"
DEPLOYMENTS = "deployments of the stack"

# Resources that the template can only name by a pattern.
_PATTERNS = {
    ":function:": VERSIONS,
    ":deploymentgroup:": DEPLOYMENTS,
    ":identity/": "identities of SES",
}


@dataclass(frozen=True, order=True)
class Right:
    """One function's role may do `actions` to `resource`: a logical id, then a path within it."""

    function: str
    resource: str
    actions: tuple[str, ...]
    partitions: tuple[str, ...] = ()
    """Patterns of the partition keys that writes are limited to; empty for no limit."""


def rights() -> list[Right]:
    """Every grant, one for each function and resource, in alphabetical order."""
    found: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for function, action, resource, partitions in _grants():
        found.setdefault((function, resource, partitions), set()).add(action)
    return sorted(
        Right(function, resource, tuple(sorted(actions)), partitions)
        for (function, resource, partitions), actions in found.items()
    )


def is_allowed(granted: list[Right], function: str, action: str, resource: str) -> bool:
    """Whether a grant covers `resource`, which may be a path within one."""
    return any(
        right.function == function
        and action in right.actions
        and (
            fnmatchcase(resource, right.resource)
            or (right.resource == VERSIONS and resource in _functions())
        )
        for right in granted
    )


def page() -> str:
    """`docs/permissions.md`."""
    rows = [f"| `{right.function}` | `{right.resource}` | {_words(right)} |" for right in rights()]
    silent = sorted(set(_functions()) - {right.function for right in rights()})
    none = ", ".join(f"`{name}`" for name in silent)
    return "\n".join([_HEAD, *rows, "", _TAIL.format(none=none), ""])


def _words(right: Right) -> str:
    by_service: dict[str, list[str]] = {}
    for action in right.actions:
        service, _, name = action.partition(":")
        by_service.setdefault(service, []).append(name)
    words = "; ".join(f"{service}: {', '.join(names)}" for service, names in by_service.items())
    if not right.partitions:
        return words
    return f"{words}, where the partition key is `{'` or `'.join(right.partitions)}`"


@cache
def _functions() -> dict[str, Json]:
    resources = read_template(TEMPLATE)["Resources"]
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def _grants() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    for function, properties in _functions().items():
        for policy in properties.get("Policies", []):
            for statement in map(_where_it_holds, _listed(policy["Statement"])):
                for action in _listed(statement["Action"]):
                    for resource in _listed(statement["Resource"]):
                        yield function, action, _name(resource), _partitions(statement)


def _where_it_holds(statement: Json) -> Json:
    """A statement that depends on a condition, as in the stages that it holds in."""
    if "Fn::If" in statement:
        granted: Json = statement["Fn::If"][1]
        return granted
    return statement


def _partitions(statement: Json) -> tuple[str, ...]:
    by_key = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    return tuple(by_key.get("dynamodb:LeadingKeys", ()))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(resource: Json | str) -> str:
    if isinstance(resource, str):
        # `*`: the action has no resource-level permissions.
        return "any" if resource == "*" else resource
    ((kind, argument),) = resource.items()
    if kind == "Ref":
        # An alias, or a parameter: a resource of data.yaml, by its ARN or id.
        return re.sub(r"StreamArn$", "/stream", str(argument).removesuffix(".Alias")).removesuffix(
            "Arn"
        )
    if kind == "Fn::GetAtt":
        return str(argument[0])
    if known := re.fullmatch(r"\$\{(\w+?)\.?Arn\}(/.*)?", argument):
        return known[1] + (known[2] or "").replace("/stream/*", "/stream")
    if argument.endswith("parameter/${AWS::StackName}/embed-url"):
        return "EmbedUrlParameter"
    for part, words in _PATTERNS.items():
        if part in argument:
            return words
    raise ValueError(f"tools/permissions.py has no name for {argument}; add one to _PATTERNS")


_HEAD = """# IAM permissions

This page lists the IAM permissions of each Lambda function. `make docs` generates it from `template.yaml`.

Each function has its own role, with these permissions and those to write logs and traces. Resources are named as in `template.yaml` and `infrastructure/data.yaml`, and belong to the stage itself: no permission includes another stage. `tests/e2e/test_permissions.py` assumes each role in turn, tries allowed and denied actions on this stage and on another one, and compares the results with this table.

| function | resource | actions |
| --- | --- | --- |"""  # noqa: E501 a paragraph of Markdown is one line

_TAIL = """Functions without permissions: {none}.

The operator's CLI uses the caller's AWS credentials, which need the permissions of `DashboardFunction`. The permissions of the deployment pipeline are in `infrastructure/bootstrap.yaml`."""  # noqa: E501 as above
